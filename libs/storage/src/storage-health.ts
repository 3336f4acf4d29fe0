import type { Damage } from './quarantine.js';

export interface StorageHealth {
  writable: boolean;
  /** False when its lock was taken away: it writes nothing any more, and its process is to be started again. */
  owned: boolean;
  lastError?: string;
  quarantined: Damage[];
  tornBytesTruncated: number;
  /** Files that lag behind the log. */
  dirtyDocuments: number;
  segmentBytes: number;
  /** The last commit that the checkpoint covers. */
  checkpointCommit: number;
  /** Idempotent answers dropped before their time since the start. */
  answersDropped: number;
}
