import { dirname, join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { readCheckpoint, CHECKPOINT_FILE, type Checkpoint } from '../checkpoint.js';
import type { DocumentName } from '../collections.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { AnswerJournal } from '../idempotency/answer-journal.js';
import { DurableState, type StateParts } from '../durable-state.js';
import { recoverLog, type LogDamage, type RecoveredLog } from '../log/log-recovery.js';
import { Eras, firstLogId, installationOf, nextLogId } from '../log/log-id.js';
import { Segments } from '../log/segments.js';
import type { Quarantine } from '../quarantine.js';
import { Boot } from './boot.js';
import { SNAPSHOT_FILE } from '../snapshot-file.js';
import { NEXT_SNAPSHOT_FILE, openSnapshot, removeIfThere, takeOver, type Snapshot } from '../snapshot.js';
import { FileCheck } from './file-check.js';
import { loadDocuments } from './load-documents.js';

export interface Recovered {
  state: DurableState;
  segments: Segments;
  logId: string;
  eras: Eras;
  tornBytes: number;
  checkpointCommit: number;
  /** Much was looked at that a new checkpoint would spare the next start. */
  stale: boolean;
  /** What the documents came from, and are read from; and what has to look at their files then. */
  snapshot?: Snapshot;
  check?: FileCheck;
}

/** Makes the directory and those above it, each with a durable entry. */
export async function makeDirectories(fs: StorageFs, dir: string): Promise<void> {
  if (fs.isDirectorySync(dir)) return;
  await makeDirectories(fs, dirname(dir));
  await fs.mkdir(dir);
  await fs.syncDir(dirname(dir));
}

/** Boot as in design §3: load what the checkpoint covers, replay the rest, put aside what is damaged. */
export async function recoverState(
  parts: StateParts,
  installationId: string,
  quarantine: Quarantine,
  restored = false,
): Promise<Recovered> {
  const { fs, root, limits } = parts;
  for (const name of ['log', 'answers']) await makeDirectories(fs, join(root, name));
  quarantine.load();
  const checkpoint = await usableCheckpoint(fs, root, quarantine);
  const log = await recoverLog(fs, join(root, 'log'), checkpoint?.firstSegment ?? 0);
  const logId = logIdOf(log, checkpoint, installationId, restored);

  const renamed = logId !== log.logId;
  const sources = { parts, log, checkpoint, quarantine };
  await removeIfThere(fs, join(root, NEXT_SNAPSHOT_FILE));
  const snapshot = renamed ? undefined : await usableSnapshot(sources);
  const quick = snapshot && await fillFromSnapshot(snapshot, sources);
  // From here on the files may have what it does not know of.
  if (quick === undefined) snapshot?.file.close();
  if (quick === undefined) await removeIfThere(fs, join(root, SNAPSHOT_FILE));
  const state = quick?.state ?? new DurableState(parts);
  try {
    const looked = quick === undefined && await fill(state, sources);
    const segments = new Segments(fs, join(root, 'log'), logId, limits, log.chain, log.tried);
    if (!renamed) await segments.resume();
    else if (log.chain.length > 0) await segments.begin({ commit: state.head.commit + 1, seq: state.head.seq + 1 });
    const eras = new Eras(renamed ? [...log.eras, { logId, firstSeq: state.head.seq + 1 }] : log.eras);
    return {
      state, segments, logId, eras, tornBytes: log.tornBytes, checkpointCommit: checkpoint?.commit ?? 0, stale: looked,
      ...(quick && { snapshot, check: quick.check }),
    };
  } catch (error) {
    // Files that began to follow the log must not go on when somebody else may take the directory.
    await state.behind.stop();
    throw error;
  }
}

interface Sources {
  parts: StateParts;
  log: RecoveredLog;
  checkpoint: Checkpoint | undefined;
  quarantine: Quarantine;
}

/** @returns whether files were changed since the checkpoint by somebody else, or by us a moment before the last end */
async function fill(state: DurableState, sources: Sources): Promise<boolean> {
  const { parts, log, checkpoint, quarantine } = sources;
  const { fs, root, limits } = parts;
  const loaded = loadDocuments(fs, root, parts.collections, state.documents, state.opaque, limits.documentFileBytesMax, filesAsOf(sources));
  for (const { path, reason } of loaded.notes) quarantine.note(path, reason);
  const answersLost = await openAnswers(state, sources);
  const takeAway = (path: string, reason: string): Promise<void> => quarantine.take(path, reason);
  if (checkpoint === undefined) await state.sessions.adopt(allIds(state, parts), takeAway);
  else restoreHeads(state, checkpoint);

  const boot = new Boot(parts, state, log, checkpoint, quarantine);
  if (answersLost) boot.refillAnswers();
  boot.replay();
  boot.refill(await state.sessions.damaged(takeAway));
  boot.restoreMissing(loaded, await boot.overruleEdits(loaded));
  await boot.repair(loaded);
  for (const damage of log.damages) await report(quarantine, damage);
  for (const path of loaded.temporaries) await fs.unlink(path);
  return loaded.changed;
}

/**
 * The documents from the snapshot and the log, without a look at their files (ADR-0027).
 * @returns undefined when they do not have everything: then the files are needed
 */
async function fillFromSnapshot(snapshot: Snapshot, sources: Sources): Promise<{ state: DurableState; check: FileCheck } | undefined> {
  const { parts, log, checkpoint, quarantine } = sources;
  const state = new DurableState(parts);
  if (checkpoint === undefined || !takeOver(snapshot, state)) {
    await quarantine.take(join(parts.root, SNAPSHOT_FILE), 'damaged; the documents were read from their files');
    return undefined;
  }
  const answersLost = await openAnswers(state, sources);
  restoreHeads(state, checkpoint);
  const boot = new Boot(parts, state, log, checkpoint, quarantine);
  const damages = log.damages.length;
  if (answersLost) boot.refillAnswers();
  boot.replay(snapshot.header.commit);
  // What a damaged record said may be in a document's file.
  if (log.damages.length > damages) return undefined;
  boot.refill(await state.sessions.damaged((path, reason) => quarantine.take(path, reason)));
  for (const damage of log.damages) await report(quarantine, damage);
  state.lookSince(filesAsOf(sources));
  state.behind.begin();
  return { state, check: new FileCheck(parts, state, quarantine, () => boot.recordsAside(), () => boot.logLostSome) };
}

/** @returns whether some of them are lost */
async function openAnswers(state: DurableState, { parts: { fs, root, limits }, checkpoint, quarantine }: Sources): Promise<boolean> {
  let lost = false;
  state.answerJournal = await AnswerJournal.open(
    fs,
    join(root, 'answers'),
    limits,
    checkpoint?.answers,
    (answer, kept) => state.answers.add(answer, kept),
    (path, reason) => {
      lost = true;
      quarantine.note(path, reason);
    },
  );
  state.answers.reached(checkpoint?.inServiceMs ?? 0);
  return lost;
}

/** The files are as we wrote them but for those that were changed after this, in ms since 1970. */
function filesAsOf({ parts: { fs, root }, checkpoint }: Sources): number | undefined {
  const time = checkpoint?.filesAsOf ?? fs.changedAtSync?.(join(root, CHECKPOINT_FILE));
  // The clock was set back: what was changed since has an earlier time.
  return time !== undefined && time > Date.now() ? 0 : time;
}

/** One that a checkpoint covers and the log goes on from. */
async function usableSnapshot({ parts: { fs, root, collections }, log, checkpoint, quarantine }: Sources): Promise<Snapshot | undefined> {
  if (checkpoint === undefined) return undefined;
  const snapshot = openSnapshot(fs, root);
  if (snapshot === 'damaged') {
    await quarantine.take(join(root, SNAPSHOT_FILE), 'damaged; the documents were read from their files');
    return undefined;
  }
  const { commit = Infinity, logId, schemaVersions = {} } = snapshot?.header ?? {};
  const connected = log.chain.length > 0 && log.chain[0].firstCommit <= commit + 1 && log.lastCommit >= checkpoint.commit && log.damages.length === 0;
  const known = Object.entries(schemaVersions).every(([name, version]) => collections.names.includes(name) && version <= collections.spec(name).schemaVersion);
  if (logId === log.logId && commit <= checkpoint.commit && connected && known) return snapshot;
  snapshot?.file.close();
  return undefined;
}

async function usableCheckpoint(fs: StorageFs, root: string, quarantine: Quarantine): Promise<Checkpoint | undefined> {
  const checkpoint = readCheckpoint(fs, root);
  if (checkpoint !== 'damaged') return checkpoint;
  await quarantine.take(join(root, CHECKPOINT_FILE), 'unreadable; everything that is kept was replayed');
  return undefined;
}

function restoreHeads(state: DurableState, checkpoint: Checkpoint): void {
  state.sessions.restore(checkpoint.sessions, checkpoint.trimmed);
  state.head.commit = checkpoint.head.commit;
  state.head.seq = checkpoint.head.seq;
}

/** @throws CONFIG_INVALID when the directory belongs to another installation. */
function logIdOf(log: RecoveredLog, checkpoint: Checkpoint | undefined, installationId: string, restored: boolean): string {
  const known = log.logId ?? checkpoint?.logId;
  if (known === undefined) return firstLogId(installationId);
  if (installationOf(known) !== installationId) {
    throw new AppError('CONFIG_INVALID', `The directory belongs to installation ${installationOf(known)}.`);
  }
  // The log itself is gone, or it is an older state of itself: cursors of what came after must not be taken for its own.
  // One that never had a commit is not gone.
  const gone = log.logId === undefined && (checkpoint?.head.commit ?? 0) > 0;
  return gone || log.copied || restored ? nextLogId(known) : known;
}

async function report(quarantine: Quarantine, { file, reason, offset, bytes }: LogDamage): Promise<void> {
  if (bytes === undefined || offset === undefined) quarantine.note(`log/${file}`, reason);
  else await quarantine.copy(`log/${file}`, offset, bytes, reason);
}

function* allIds(state: DurableState, { collections }: StateParts): Generator<string> {
  const names: DocumentName['collection'][] = collections.names;
  for (const name of names) {
    for (const doc of state.documents.ids(name)) yield doc;
  }
}
