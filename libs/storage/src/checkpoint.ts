import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { writeFileAtomic } from './fs/write-file-atomic.js';
import type { StorageFs } from './fs/storage-fs.js';
import type { AnswerSegment } from './idempotency/answer-journal.js';
import type { SessionState } from './projection/session-events.js';

export const CHECKPOINT_FILE = 'checkpoint.json';
const CHECKPOINT_VERSION = 1;

/**
 * What need not be replayed: every file of commits ≤ `commit` is written or unlinked and its directory
 * synced. The heads may be ahead of it: then replay reaches them.
 */
export interface Checkpoint {
  schemaVersion: number;
  logId: string;
  commit: number;
  /** The durable heads when it was written. */
  head: { commit: number; seq: number };
  /** The first log segment that is kept; older ones may be removed. */
  firstSegment: number;
  sessions: Record<string, SessionState>;
  answers: AnswerSegment[];
}

export function writeCheckpoint(fs: StorageFs, dir: string, content: Omit<Checkpoint, 'schemaVersion'>): Promise<void> {
  const checkpoint: Checkpoint = { schemaVersion: CHECKPOINT_VERSION, ...content };
  return writeFileAtomic(join(dir, CHECKPOINT_FILE), `${JSON.stringify(checkpoint)}\n`, { fs });
}

/**
 * @returns undefined when there is none, `'damaged'` when it cannot be read.
 * @throws STORAGE_NEWER when a newer version wrote it.
 */
export function readCheckpoint(fs: StorageFs, dir: string): Checkpoint | 'damaged' | undefined {
  const path = join(dir, CHECKPOINT_FILE);
  if (fs.sizeSync(path) === undefined) return undefined;
  let found: Partial<Checkpoint> | null;
  try {
    found = JSON.parse(fs.readSync(path).toString()) as Partial<Checkpoint> | null;
  } catch {
    return 'damaged';
  }
  if (typeof found !== 'object' || found === null || typeof found.schemaVersion !== 'number') return 'damaged';
  if (found.schemaVersion > CHECKPOINT_VERSION) {
    throw new AppError('STORAGE_NEWER', undefined, { file: path, schemaVersion: found.schemaVersion });
  }
  const complete = Number.isInteger(found.commit) && found.head && found.sessions && found.answers && found.logId;
  return complete ? (found as Checkpoint) : 'damaged';
}
