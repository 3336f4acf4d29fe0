import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readJsonIfThere } from './files.mjs';
import { AGENTS_END_MS } from './limits.mjs';
import { isCopied, placeOf } from './place.mjs';
import { signal, startTimeOf, variableOf } from './process-info.mjs';

/**
 * The runs that a runner has not closed: by its own records (`<slot>/runs/<runId>/run.json`), because the runner that
 * could be asked is dead. Each may have an agent that is alive, which only `living` knows: a full disk takes no record.
 * @param {string} home
 * @param {string} slot as in `provider-runner/slot-0`
 * @returns {{ open: number, living: number }}
 */
export function countRuns(home, slot) {
  const open = openRuns(home, slot);
  const marked = process.platform === 'linux' ? new Set(processesOf(home, slot, open).map(({ runId }) => runId)) : null;
  // Without /proc the wrapper stands for its whole group.
  const lives = ({ runId, wrapper, copied }) => (marked ? marked.has(runId) : !copied && startTimeOf(wrapper?.pid) !== null);
  return { open: open.length, living: open.filter(lives).length };
}

/**
 * Ends the agents of a runner that is dead and will not be started again, where there is a /proc to find them. That they
 * were to end is left as their runner leaves it on a full disk (design §7), for the next one.
 * @returns {Promise<number>} of how many runs there were any
 */
export async function endAgents(home, slot) {
  const runs = openRuns(home, slot).filter(({ copied }) => !copied);
  const until = performance.now() + AGENTS_END_MS;
  const ended = new Set();
  for (;;) {
    const found = process.platform === 'linux' ? processesOf(home, slot, runs) : [];
    if (found.length === 0) return ended.size;
    for (const { pid, runId } of found) {
      if (!ended.has(runId)) noteEnd(runs.find((run) => run.runId === runId));
      ended.add(runId);
      signal(pid, 'SIGKILL');
    }
    // After the blow: on a busy machine the look alone may take that long.
    if (performance.now() > until) return ended.size;
    await delay(20);
  }
}

function noteEnd(run) {
  try {
    if (run) renameSync(join(run.dir, 'end'), join(run.dir, 'end.shutdown'));
  } catch {
    // It is noted already; or it counts as a crash.
  }
}

function openRuns(home, slot) {
  const runs = join(home, slot, 'runs');
  return namesIn(runs).flatMap((runId) => {
    const dir = join(runs, runId);
    const record = recordIn(dir);
    if (record === null || record.phase === 'closed') return [];
    const copied = isCopied(dir, record);
    return [{ runId, dir, wrapper: record.wrapper, copied, inPlace: record.place !== undefined && !copied }];
  });
}

const MANIFEST_PATH = /^(.+)\/(provider-runner\/slot-\d+)\/runs\/[^/]+\/manifest\.json$/;

/**
 * Processes that say to be of a run (design §7: whatever a run starts does) of this slot: by the name of its home, or
 * because it is one of these, and was begun in the very directory that is here (ADR-0023). A copied run's are the runner's
 * business, which knows whose they are.
 */
function processesOf(home, slot, runs) {
  const here = placeOf(home);
  return namesIn('/proc').filter((name) => /^\d+$/.test(name)).map(Number).flatMap((pid) => {
    const runId = variableOf(pid, 'ORBITMESH_RUN_ID');
    if (!runId || pid === process.pid) return [];
    const [, named, itsSlot] = MANIFEST_PATH.exec(variableOf(pid, 'ORBITMESH_MANIFEST') ?? '') ?? [];
    const isHere = itsSlot === slot && (named === home || (here !== undefined && placeOf(named) === here)) && !isCopiedRun(join(home, slot, 'runs', runId));
    return isHere || runs.some((run) => run.runId === runId && (named ? run.inPlace : !run.copied)) ? [{ pid, runId }] : [];
  });
}

const isCopiedRun = (dir) => isCopied(dir, recordIn(dir));

/** Null too where somebody put something else in its place: the stop of everything does not fail for that. */
function recordIn(dir) {
  try {
    return readJsonIfThere(join(dir, 'run.json'));
  } catch {
    return null;
  }
}

function namesIn(dir) {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
