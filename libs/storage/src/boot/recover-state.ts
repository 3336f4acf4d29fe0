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
import { loadDocuments } from './load-documents.js';

export interface Recovered {
  state: DurableState;
  segments: Segments;
  logId: string;
  eras: Eras;
  tornBytes: number;
  checkpointCommit: number;
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

  const state = new DurableState(parts);
  try {
    await fill(state, { parts, log, checkpoint, quarantine });
    const segments = new Segments(fs, join(root, 'log'), logId, limits, log.chain, log.tried);
    const renamed = logId !== log.logId;
    if (!renamed) await segments.resume();
    else if (log.chain.length > 0) await segments.begin({ commit: state.head.commit + 1, seq: state.head.seq + 1 });
    const eras = new Eras(renamed ? [...log.eras, { logId, firstSeq: state.head.seq + 1 }] : log.eras);
    return { state, segments, logId, eras, tornBytes: log.tornBytes, checkpointCommit: checkpoint?.commit ?? 0 };
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

async function fill(state: DurableState, { parts, log, checkpoint, quarantine }: Sources): Promise<void> {
  const { fs, root, limits } = parts;
  const loaded = loadDocuments(fs, root, parts.collections, state.documents, state.opaque, limits.documentFileBytesMax);
  for (const { path, reason } of loaded.notes) quarantine.note(path, reason);
  let answersLost = false;
  state.answerJournal = await AnswerJournal.open(
    fs,
    join(root, 'answers'),
    limits,
    checkpoint?.answers,
    (answer, kept) => state.answers.add(answer, kept),
    (path, reason) => {
      answersLost = true;
      quarantine.note(path, reason);
    },
  );
  state.answers.reached(checkpoint?.inServiceMs ?? 0);
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
}

async function usableCheckpoint(fs: StorageFs, root: string, quarantine: Quarantine): Promise<Checkpoint | undefined> {
  const checkpoint = readCheckpoint(fs, root);
  if (checkpoint !== 'damaged') return checkpoint;
  await quarantine.take(join(root, CHECKPOINT_FILE), 'unreadable; everything that is kept was replayed');
  return undefined;
}

function restoreHeads(state: DurableState, checkpoint: Checkpoint): void {
  state.sessions.restore(checkpoint.sessions);
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
