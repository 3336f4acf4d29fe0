import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError } from '@orbitmesh/domain';
import { writeFileAtomic } from './fs/write-file-atomic.js';
import { isShortage, type StorageFs } from './fs/storage-fs.js';
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
  /** The files were last looked at when this was the time of change of the checkpoint, in ms since 1970; without it they are as the log has them. */
  filesAsOf?: number;
  /** How many there were at `head`. */
  documents?: number;
  sessions: Record<string, SessionState>;
  /** Up to which sessionSeq events are gone for good, of sessions that have lost some so. */
  trimmed?: Record<string, number>;
  answers: AnswerSegment[];
  /** The store's time in service, by which answers age. */
  inServiceMs?: number;
}

/** What is wrong in a checkpoint would be believed: a `commit` that is too high hides commits. So its last key is a checksum. */
const CHECKSUM = /,"crc":"([0-9a-f]{1,8})"\}\n$/;

export function writeCheckpoint(fs: StorageFs, dir: string, content: Omit<Checkpoint, 'schemaVersion'>): Promise<void> {
  const json = JSON.stringify({ ...content, schemaVersion: CHECKPOINT_VERSION } satisfies Checkpoint);
  return writeFileAtomic(join(dir, CHECKPOINT_FILE), `${json.slice(0, -1)},"crc":"${crc32(json).toString(16)}"}\n`, { fs });
}

/** True for one without a checksum: before there were any, nobody wrote one. */
function isWhole(text: string): boolean {
  const found = CHECKSUM.exec(text);
  return found === null ? !text.includes('"crc"') : crc32(`${text.slice(0, found.index)}}`) === Number.parseInt(found[1], 16);
}

/**
 * @returns undefined when there is none, `'damaged'` when it cannot be read.
 * @throws STORAGE_NEWER when a newer version wrote it.
 */
export function readCheckpoint(fs: StorageFs, dir: string): Checkpoint | 'damaged' | undefined {
  const path = join(dir, CHECKPOINT_FILE);
  let found: Partial<Checkpoint> | null;
  let whole: boolean;
  try {
    if (fs.sizeSync(path) === undefined) return undefined;
    const text = fs.readSync(path).toString();
    found = JSON.parse(text) as Partial<Checkpoint> | null;
    whole = isWhole(text);
  } catch (error) {
    if (isShortage(error)) throw error;
    return 'damaged';
  }
  if (!whole || typeof found !== 'object' || found === null || typeof found.schemaVersion !== 'number') return 'damaged';
  if (found.schemaVersion > CHECKPOINT_VERSION) {
    throw new AppError('STORAGE_NEWER', undefined, { file: path, schemaVersion: found.schemaVersion });
  }
  const complete = Number.isInteger(found.commit) && found.head && found.sessions && found.answers && found.logId;
  return complete ? (found as Checkpoint) : 'damaged';
}
