import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { auditStore, DirectoryLock, EDITED_BY_HAND, NOTIFIER_STORE, repairStore, SESSION_STORE, StoreMark, type LockHolder, type StoreAudit, type StoreLayout } from '@orbitmesh/storage';
import { NAMED_FILES_MAX } from '../limits.js';
import { isAdoptable } from './adoptions.js';
import { note, plural, problem, type Check, type Finding, type Patient } from './finding.js';

export const STORES = [SESSION_STORE, NOTIFIER_STORE] as const;

/** Each store's files against its log. */
export const checkStores: Check = async (patient) => {
  const findings: Finding[] = [];
  // One after the other: while one is read, nothing else is heard, not even who holds the next.
  for (const layout of STORES) findings.push(...await checkStore(patient, layout));
  return findings;
};

/** Whoever has much to do may be slow to answer once. */
async function holderOf(dir: string): Promise<LockHolder | 'silent' | null> {
  const holder = await DirectoryLock.holderOf(dir);
  return holder === 'silent' ? DirectoryLock.holderOf(dir) : holder;
}

async function checkStore(patient: Patient, layout: StoreLayout): Promise<Finding[]> {
  const { home, summary } = patient;
  const dir = join(home, layout.dir);
  const gone = goneFindings(home, layout);
  // A notifier at work tells of it as of its log.
  if (gone.length > 0) patient.told.add(join(layout.dir, 'log'));
  if (!existsSync(dir)) {
    summary.set(layout.dir, gone.length > 0 ? 'gone' : 'nothing yet');
    return gone;
  }
  const holder = await holderOf(dir);
  let audit: StoreAudit;
  try {
    audit = auditStore({ home, layout });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_NEWER') throw error;
    summary.set(layout.dir, 'of a newer version');
    return [problem(layout.dir, 'was written by a newer version of OrbitMesh', { advice: ['Use that version: this one leaves it untouched.'] })];
  }
  summary.set(layout.dir, summaryOf(audit, holder));
  for (const { file } of [...audit.findings, ...audit.kept.values()]) patient.told.add(join(layout.dir, file));
  return [...gone, ...holderFindings(patient, layout, holder), ...fileFindings({ home, layout, holder, audit, fix: patient.fix }), ...strayFindings(layout, audit), ...standing(patient, layout, audit)];
}

/** A person decides: what was in it may be on a disk that is not mounted, or in a backup. */
function goneFindings(home: string, layout: StoreLayout): Finding[] {
  const { lost } = new StoreMark({ home, layout });
  return lost === undefined ? [] : [problem(layout.dir, lost.text, {
    advice: ['Bring it back: mount its disk, or restore a backup (docs/how-to/back-up-and-restore.md).', `Or accept that what was in it is lost, and begin anew: rm ${join(home, lost.mark)}`],
  })];
}

function summaryOf({ documents, behind, unrecorded, sessions, events }: StoreAudit, holder: LockHolder | 'silent' | null): string {
  return [
    plural(documents + behind + unrecorded, 'document'), ...(sessions > 0 ? [plural(sessions, 'session')] : []), ...(events > 0 ? [plural(events, 'event')] : []),
    ...(unrecorded > 0 ? [`${unrecorded.toLocaleString('en')} from before the oldest record of the log`] : []),
    ...(behind > 0 ? [`${behind} ${holder === null ? 'to be written at the next start' : 'not yet in files'}`] : []),
    ...(holder === null ? [] : [`in use${holder === 'silent' ? '' : ` by process ${holder.pid}`}`]),
  ].join(', ');
}

function holderFindings({ launcher, tools }: Patient, { dir }: StoreLayout, holder: LockHolder | 'silent' | null): Finding[] {
  if (holder === 'silent') return [problem(dir, 'is held by a process that does not answer', { advice: ['It may be stopped (SIGSTOP), or its machine overloaded: look for it with ps.'] })];
  if (holder !== null && launcher === null && tools !== null) return [problem(dir, `is held by process ${holder.pid} since ${holder.since}, though OrbitMesh does not run`, { advice: [`See what it is: ps -fp ${holder.pid}. Nothing else can use this home until it ends.`] })];
  return [];
}

interface Audited { home: string; layout: StoreLayout; holder: LockHolder | 'silent' | null; audit: StoreAudit; fix: boolean }

/** All of one store are mended at once, under its lock; each says what became of it. */
function fileFindings({ home, layout, holder, audit: { findings }, fix }: Audited): Finding[] {
  let repaired: ReturnType<typeof repairStore> | undefined;
  const mend = (file: string) => async (): Promise<string> => {
    repaired ??= repairStore({ home, layout });
    return (await repaired).find((one) => one.file === file)?.done ?? 'is as it should be by now';
  };
  // What a store at work is writing just now is no left-over.
  return findings.filter(({ kind }) => holder === null || kind !== 'temporary').map(({ kind, file, problem: text, remedy }) => {
    const path = join(layout.dir, file);
    const running = holder !== null;
    const adoption = kind === 'edited' && isAdoptable(layout, file) ? [`Take it in: ${running ? '' : '% up, and then '}% doctor --adopt ${path}`] : [];
    if (remedy === 'start') return problem(path, text, { advice: ['The next start mends it.'] });
    if (remedy === null) return problem(path, text, { advice: ADVICE[kind] });
    if (running) return problem(path, fix ? `${text}; not mended, because it runs` : text, { advice: [...adoption, `${adoption.length > 0 ? 'Or put back what the log has' : 'Mend it'}: % down, and then % doctor --fix`] });
    return problem(path, text, { mend: mend(file), advice: adoption });
  });
}

const ADVICE: Readonly<Partial<Record<string, readonly string[]>>> = {
  newer: ['Use that version: this one leaves it untouched.'],
  'no-file': ['Nothing reads it; remove it if it is not yours.'],
  log: ['What the files have is not hurt. What only the log had is lost: a backup may have it (docs/how-to/back-up-and-restore.md).'],
  ahead: ['It is right as it is, and becomes part of the log with its next change.'],
  events: ['What is missing is lost from this file: a backup may have it (docs/how-to/back-up-and-restore.md).'],
};

function strayFindings({ dir }: StoreLayout, { strays }: StoreAudit): Finding[] {
  return strays.map((file) => note(join(dir, file), 'is nothing of OrbitMesh', { advice: ['Nobody reads it; remove it if it is not yours.'] }));
}

/** What is not wrong, and good to know. */
function standing({ whole }: Patient, layout: StoreLayout, { copied, kept }: StoreAudit): Finding[] {
  const { dir } = layout;
  const named = (all: readonly string[]): readonly string[] => all.slice(0, whole ? all.length : NAMED_FILES_MAX);
  const newest = named([...kept.values()].sort((a, b) => (a.at < b.at ? 1 : -1)).map(({ file, reason }) => `${file} ${reason}`));
  const edits = [...kept].filter(([, { file, reason }]) => reason.startsWith(EDITED_BY_HAND) && isAdoptable(layout, file)).map(([name]) => `${dir}/quarantine/${name}`);
  return [
    ...(copied ? [note(dir, 'is a copy, as after a restore: its next start tells every client that has seen more than it has')] : []),
    ...(newest.length > 0 ? [note(`${dir}/quarantine`, `keeps ${plural(kept.size, 'thing')} that ${kept.size === 1 ? 'was' : 'were'} put aside, newest: ${newest.join('; ')}${newest.length < kept.size ? '; …' : ''}`, {
      advice: [...named(edits).map((path) => `Take an edit in: % doctor --adopt ${path}`), 'Remove what you do not need: nothing else will, and as long as it is there status tells of it.'],
    })] : []),
  ];
}
