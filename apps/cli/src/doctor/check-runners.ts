import { lstat, opendir, readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isId, type Session } from '@orbitmesh/domain';
import { DirectoryLock, placeOf, SESSION_STORE, StoreMark } from '@orbitmesh/storage';
import { KILLED_MS_MAX, NAMED_FILES_MAX, STACK_POLL_MS } from '../limits.js';
import { bytesText } from './check-files.js';
import { note, plural, problem, type Check, type Finding, type Patient } from './finding.js';
import { markedProcesses, type MarkedProcess } from './marked-processes.js';

type Phase = 'accepted' | 'executing' | 'started' | 'closed';
interface RunOnDisk {
  slot: string;
  runId: string;
  /** null: it has no record that can be read. */
  phase: Phase | null;
  damaged: boolean;
  /** It is where it was begun; an agent has no other files than those (ADR-0023). */
  inPlace: boolean;
  /** Its session came to an end with it, as one does whose runner is lost: nobody goes on with it. */
  isLost: boolean;
}

/** Runs, the processes that say they belong to them, and what agents keep. */
export const checkRunners: Check = async (patient) => {
  const slots = await namesIn(join(patient.home, 'provider-runner'), /^slot-\d+$/);
  const runs = (await Promise.all(slots.map((slot) => runsOf(patient, slot)))).flat();
  const atWork = await Promise.all(slots.map(async (slot) => [slot, await DirectoryLock.holderOf(join(patient.home, 'provider-runner', slot))] as const));
  for (const [slot, holder] of atWork) patient.summary.set(slot, summaryOf(runs.filter((run) => run.slot === slot), holder !== null));
  const { tools } = patient;
  const processes = tools === null ? [] : await withoutTaken(await markedProcesses(tools.startTimeOf), patient.home);
  return [
    ...runs.filter(({ damaged }) => damaged).map(({ slot, runId }) => problem(`provider-runner/${slot}/runs/${runId}/run.json`, 'cannot be read: its runner leaves this run alone', { advice: ['Its session ends as lost. Remove the directory when you do not need its output.'] })),
    ...left(patient, runs, processes, tools?.startTimeOf ?? (() => null), new Set(atWork.filter(([, holder]) => holder !== null).map(([slot]) => slot))),
    ...(await abandonedStates(patient, slots)),
  ];
};

function summaryOf(runs: RunOnDisk[], held: boolean): string {
  const open = runs.filter(({ phase }) => phase !== null && phase !== 'closed').length;
  return [`${plural(open, 'open run')}`, `${(runs.length - open).toLocaleString('en')} kept`, ...(held ? ['in use'] : [])].join(', ');
}

async function runsOf({ home }: Patient, slot: string): Promise<RunOnDisk[]> {
  const dir = join(home, 'provider-runner', slot, 'runs');
  return Promise.all((await namesIn(dir)).filter(isId).map(async (runId) => {
    try {
      const text = await readFile(join(dir, runId, 'run.json'), 'utf8').catch(ifThere);
      if (text === undefined) return { slot, runId, phase: null, damaged: false, inPlace: false, isLost: false };
      const { phase, place, sessionId } = JSON.parse(text) as { phase: Phase; place: string; sessionId: string };
      return { slot, runId, phase, damaged: false, inPlace: place === placeOf(join(dir, runId)), isLost: phase !== 'closed' && (await endedWith(home, sessionId, runId)) };
    } catch {
      return { slot, runId, phase: null, damaged: true, inPlace: false, isLost: false };
    }
  }));
}

/** Whatever cannot be read proves nothing. */
async function endedWith(home: string, sessionId: string, runId: string): Promise<boolean> {
  try {
    const { run, outcome } = JSON.parse(await readFile(join(home, SESSION_STORE.dir, 'sessions', sessionId, 'session.json'), 'utf8')) as Partial<Session>;
    return run?.runId === runId && outcome !== null && outcome !== undefined;
  } catch {
    return false;
  }
}

/** Without those of runs that another home's runner has taken over, which was called as this one is now. */
async function withoutTaken(processes: MarkedProcess[], home: string): Promise<MarkedProcess[]> {
  const here = join(await realpath(home), '/');
  const isTaken = async (dir: string): Promise<boolean> => !dir.startsWith(here) && (await DirectoryLock.holderOf(dir).catch(ifThere) ?? null) !== null;
  const taken = new Set<string>();
  for (const { runId, slotDirs } of processes) if ((await Promise.all(slotDirs.map(isTaken))).includes(true)) taken.add(runId);
  return processes.filter(({ runId }) => !taken.has(runId));
}

/**
 * Processes of runs of this home that are over, or whose runner does not run. A copy of a home has the same runs in it: what
 * belongs to those of another home is none of ours, unless that is what ours was called: then we have the run's own directory.
 */
function left({ home }: Patient, runs: RunOnDisk[], processes: MarkedProcess[], startTimeOf: (pid: number) => string | null, atWork: ReadonlySet<string>): Finding[] {
  const here = placeOf(home);
  const ours = processes.flatMap((one) => {
    const run = runs.find(({ runId }) => runId === one.runId);
    const itsHome = one.home === undefined ? undefined : placeOf(one.home);
    return (itsHome !== undefined && itsHome === here) || run?.inPlace ? [{ ...one, run }] : [];
  });
  const waiting = ours.filter(({ run }) => run?.phase && run.phase !== 'closed' && !atWork.has(run.slot));
  const told = (some: typeof ours, advice: string): Finding[] => some.length === 0 ? [] : [
    note(null, `${plural(new Set(some.map(({ runId }) => runId)).size, 'agent is', 'agents are')} at work without a runner.`, { advice: [advice] }),
  ];
  const orphans = ours.filter(({ run }) => !run?.phase || run.phase === 'closed');
  const lost = waiting.filter(({ run }) => run!.inPlace && run!.isLost);
  return [
    ...lost.map((one) => problem(null, `${nameOf(one)}, whose runner is gone and whose session has ended.`, { mend: () => kill(one, startTimeOf) })),
    ...told(waiting.filter(({ run }) => run!.inPlace && !run!.isLost), 'The next start goes on with them: % up'),
    ...told(waiting.filter(({ run }) => !run!.inPlace), 'They have other files than are here now, as after a restore. The next start ends them: % up'),
    ...orphans.map((one) => orphan(one, startTimeOf, atWork)),
  ];
}

const nameOf = ({ pid, command, runId }: MarkedProcess): string => `Process ${pid} (${command.slice(0, 80)}) is of the run ${runId}`;

function orphan(one: MarkedProcess & { run: RunOnDisk | undefined }, startTimeOf: (pid: number) => string | null, atWork: ReadonlySet<string>): Finding {
  const name = nameOf(one);
  if (one.run?.phase === 'closed') return problem(null, `${name}, which is over.`, { mend: () => kill(one, startTimeOf) });
  const slot = one.run?.slot ?? one.slot;
  if (slot === undefined || !atWork.has(slot)) return problem(null, `${name}, which has no record.`, { mend: () => kill(one, startTimeOf) });
  return problem(null, `${name}, which has no record any more.`, { advice: [`The runner of ${slot} still has it in mind. It ends with its session, or when that runner is started anew.`] });
}

/** Named by its start time: whoever has its pid by now gets nothing. */
async function kill({ pid, startTime }: MarkedProcess, startTimeOf: (pid: number) => string | null): Promise<string> {
  const until = performance.now() + KILLED_MS_MAX;
  if (startTimeOf(pid) === startTime) process.kill(pid, 'SIGKILL');
  while (startTimeOf(pid) === startTime) {
    if (performance.now() > until) throw new Error('it does not end');
    await delay(STACK_POLL_MS);
  }
  return 'killed';
}

/** Conversations of sessions that were deleted: nobody can go on with them. They cannot be made again, so they are only told. */
async function abandonedStates({ home, whole }: Patient, slots: string[]): Promise<Finding[]> {
  // Whose they are is not known then, and they may be all that is left.
  if (new StoreMark({ home, layout: SESSION_STORE }).lost) return [];
  const conversations = new Set(await conversationsOf(home));
  const abandoned: string[] = [];
  let bytes = 0;
  for (const slot of slots) {
    for (const provider of await namesIn(join(home, 'provider-runner', slot, 'agents'))) {
      const dir = join('provider-runner', slot, 'agents', provider);
      for (const name of await namesIn(join(home, dir))) {
        if (conversations.has(name)) continue;
        abandoned.push(join(dir, name));
        bytes += await sizeOf(join(home, dir, name));
      }
    }
  }
  if (abandoned.length === 0) return [];
  const [first] = abandoned;
  const named = whole ? abandoned.length : NAMED_FILES_MAX;
  return [note(first, `is what an agent kept for a session that was deleted${abandoned.length > 1 ? `; ${plural(abandoned.length - 1, 'more is', 'more are')} such` : ''} (${bytesText(bytes)} in all)`, {
    advice: [`Nobody goes on with ${abandoned.length > 1 ? 'them' : 'it'}: rm -r ${abandoned.slice(0, named).map((path) => join(home, path)).join(' ')}${abandoned.length > named ? ' …' : ''}`],
  })];
}

async function conversationsOf(home: string): Promise<string[]> {
  const dir = join(home, 'session-service', 'sessions');
  const read = async (id: string): Promise<string[]> => {
    try {
      return [id, (JSON.parse(await readFile(join(dir, id, 'session.json'), 'utf8')) as { conversationId?: string }).conversationId ?? id];
    } catch {
      // Whatever is wrong with it is told elsewhere; its conversation is not abandoned because of that.
      return [id];
    }
  };
  const found: string[] = [];
  for (const id of await namesIn(dir)) found.push(...await read(id));
  return found;
}

async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const entry of await opendir(path, { recursive: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name)).catch(ifThere))?.size ?? 0;
  }
  return bytes;
}

async function namesIn(dir: string, wanted = /./): Promise<string[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(ifThere)) ?? [];
  return entries.filter((entry) => entry.isDirectory() && wanted.test(entry.name)).map(({ name }) => name).sort();
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
