import { join } from 'node:path';
import type { DurableState } from './durable-state.js';
import { reasonOf } from './fs/storage-error.js';
import type { StorageFs } from './fs/storage-fs.js';
import { temporaryName } from './fs/write-file-atomic.js';
import type { StorageLimits } from './limits.js';
import type { Segments } from './log/segments.js';
import { SNAPSHOT_FILE, writeSnapshot } from './snapshot.js';

/**
 * Writes a snapshot of all documents from time to time (ADR-0027). It takes its name only when a checkpoint covers it: then the
 * files of everything that it has, and of everything that it has no more, are written and unlinked.
 */
export class Snapshots {
  private written: { commit: number; temporary: string } | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;
  private failure: string | undefined;

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly limits: StorageLimits,
    private readonly logId: string,
    private readonly state: DurableState,
    private readonly segments: Segments,
    /** The commit of the one that a start can use; undefined: there is none. */
    private commit: number | undefined,
  ) {}

  /** The last failure, until one succeeds. */
  get lastError(): string | undefined {
    return this.failure;
  }

  /** A start would have to read the documents' files, or a long piece of the log. */
  get wanted(): boolean {
    const { commit, segments, limits: { snapshotDocumentsMin, snapshotCommitsMax } } = this;
    const { documentCount, head } = this.state;
    if (documentCount < snapshotDocumentsMin) return false;
    if (commit === undefined || (segments.chain[0]?.firstCommit ?? 0) > commit + 1) return true;
    return head.commit - commit >= Math.min(snapshotCommitsMax, documentCount / 2);
  }

  /** A checkpoint was written. What fails is tried again with the next one. */
  async covered(commit: number): Promise<void> {
    const { written } = this;
    if (written !== undefined && written.commit <= commit) {
      await this.fs.rename(written.temporary, join(this.root, SNAPSHOT_FILE));
      this.written = undefined;
      await this.fs.syncDir(this.root);
      this.commit = written.commit;
    }
    if (this.written !== undefined || this.running !== undefined || this.stopped || !this.wanted) return;
    this.running = this.write().finally(() => (this.running = undefined));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    if (this.written !== undefined) await this.fs.unlink(this.written.temporary).catch(() => undefined);
  }

  private async write(): Promise<void> {
    const { fs, root, logId, state } = this;
    const { commit } = state.head;
    const documents = state.allDocuments();
    const temporary = join(root, temporaryName(SNAPSHOT_FILE));
    try {
      await writeSnapshot(fs, temporary, { logId, commit, documents: documents.length }, documents, () => this.stopped);
      this.written = { commit, temporary };
      this.failure = undefined;
    } catch (error) {
      this.failure = reasonOf(error);
      await fs.unlink(temporary).catch(() => undefined);
    }
  }
}
