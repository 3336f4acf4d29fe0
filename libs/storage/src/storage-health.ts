import type { Checkpointer } from './checkpointer.js';
import type { DurableState } from './durable-state.js';
import { reasonOf } from './fs/storage-error.js';
import type { StorageLimits } from './limits.js';
import type { CommitLog, LogEntry } from './log/commit-log.js';
import type { Damage, Quarantine } from './quarantine.js';

export interface StorageHealth {
  writable: boolean;
  /** False when its lock was taken away: it writes nothing any more, and its process is to be started again. */
  owned: boolean;
  /** Why it is not writable, in words for everybody: no path is in it. */
  problem?: string;
  /** The disk is full: only what ends or removes something is taken. */
  full: boolean;
  /** Commits that are not durable yet. */
  waiting: number;
  /** How long the oldest commit that is not durable has waited, in ms. */
  waitingMs: number;
  lastError?: string;
  /** The newest of them. */
  quarantined: Damage[];
  /** That there are damages, in words for everybody: no path is in it. */
  notice?: string;
  tornBytesTruncated: number;
  /** Files that lag behind the log. */
  dirtyDocuments: number;
  segmentBytes: number;
  /** The last commit that the checkpoint covers. */
  checkpointCommit: number;
  /** Idempotent answers dropped before their time since the start. */
  answersDropped: number;
}

export const FULL = 'The disk is full: until there is room, only what ends or removes something is recorded.';

interface Parts {
  state: DurableState;
  log: CommitLog<LogEntry>;
  checkpointer: Checkpointer;
  quarantine: Quarantine;
  limits: StorageLimits;
  tornBytes: number;
  full: boolean;
  closed: boolean;
  owned: boolean;
}

export function healthOf(parts: Parts): StorageHealth {
  const { state, log, checkpointer, quarantine, owned, full } = parts;
  const problem = problemOf(parts);
  const { error } = state.behind;
  const lastError = log.lastError ?? (error === undefined ? checkpointer.lastError : reasonOf(error));
  return {
    writable: problem === undefined,
    owned,
    ...(problem === undefined ? {} : { problem }),
    full,
    waiting: log.waiting,
    waitingMs: Math.round(log.waitingMs),
    ...(lastError === undefined ? {} : { lastError }),
    quarantined: quarantine.report(),
    ...(quarantine.count === 0 ? {} : { notice: `${quarantine.count === 1 ? '1 file was' : `${quarantine.count} files were`} damaged, missing or put aside: orbitmesh doctor tells which.` }),
    tornBytesTruncated: parts.tornBytes,
    dirtyDocuments: state.behind.size,
    segmentBytes: log.segments.bytes,
    checkpointCommit: checkpointer.coveredCommit,
    answersDropped: state.answers.dropped,
  };
}

function problemOf({ closed, owned, full, log: { lastError, waitingMs }, limits }: Parts): string | undefined {
  if (closed) return 'It is closed.';
  if (!owned) return 'The lock of its directory was taken away.';
  if (full) return FULL;
  if (lastError !== undefined) return 'Its disk takes no writes.';
  if (waitingMs > limits.slowCommitMs) return `Its disk is slow: a commit has waited for ${(waitingMs / 1_000).toFixed(1)} s.`;
  return undefined;
}
