import { join } from 'node:path';
import type { DurableState } from './durable-state.js';
import { reasonOf } from './fs/storage-error.js';
import { isMissing, type StorageFs } from './fs/storage-fs.js';
import { SNAPSHOT_ROOM_RESERVES, type StorageLimits } from './limits.js';
import type { Segments } from './log/segments.js';
import { SNAPSHOT_FILE, SnapshotFile } from './snapshot-file.js';
import { NEXT_SNAPSHOT_FILE, removeIfThere, writeSnapshot, type WrittenLine } from './snapshot.js';
import { KeptDocument } from './view/kept-document.js';

/** So much longer may the log behind a snapshot become soon after it; and no shorter than that part of it. */
const QUICK_TIMES = 4;
const NO_ROOM = 'There is too little room on the disk for a snapshot; until there is, a start has to read the file of every document.';

/**
 * Writes a snapshot of all documents from time to time (ADR-0027). It takes its name only when a checkpoint covers it: then the
 * files of everything that it has, and of everything that it has no more, are written and unlinked.
 */
export class Snapshots {
  /** Written, and not covered yet. */
  private waitingCommit: number | undefined;
  private waitingLines: WrittenLine[] = [];
  private running: Promise<void> | undefined;
  private stopped = false;
  private failure: string | undefined;
  /** Of the last one. */
  private bytes: number;
  private writtenAt = -Infinity;

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly limits: StorageLimits,
    private readonly logId: string,
    private readonly state: DurableState,
    private readonly segments: Segments,
    /** The commit of the one that a start can use; undefined: there is none. */
    private commit: number | undefined,
    /** It, where documents are read from it. */
    private file: SnapshotFile | undefined,
  ) {
    this.bytes = commit === undefined ? 0 : fs.sizeSync(join(root, SNAPSHOT_FILE)) ?? 0;
  }

  /** The last failure, until one succeeds. */
  get lastError(): string | undefined {
    return this.failure;
  }

  /** One is written, and takes its name with the next checkpoint that covers it. */
  get waiting(): boolean {
    return this.waitingCommit !== undefined;
  }

  /** A start would have to read the documents' files, or a long piece of the log. */
  get wanted(): boolean {
    const { commit, bytes, segments, limits: { snapshotDocumentsMin, snapshotLogBytesMin, snapshotPauseMs, logBytesMax } } = this;
    const { documentCount, head } = this.state;
    if (documentCount < snapshotDocumentsMin) return false;
    if (commit === undefined || (segments.chain[0]?.firstCommit ?? 0) > commit + 1) return true;
    const times = performance.now() - this.writtenAt < snapshotPauseMs ? QUICK_TIMES : 1;
    return segments.bytesAfter(commit, head.commit) >= Math.min(times * Math.max(snapshotLogBytesMin, bytes / QUICK_TIMES), logBytesMax / 2);
  }

  /**
   * A checkpoint was written. What fails is tried again with the next one.
   * @param written called when a snapshot waits to be covered
   */
  async covered(commit: number, written: () => void): Promise<void> {
    if (this.waitingCommit !== undefined && this.waitingCommit <= commit) await this.use(this.waitingCommit);
    if (this.waitingCommit !== undefined || this.running !== undefined || this.stopped || !this.wanted) return;
    this.running = this.write().then(() => {
      if (this.waitingCommit !== undefined) written();
    }).finally(() => (this.running = undefined));
  }

  /** An orderly end leaves one: without it the next start would have to believe the files. */
  async finish(covered: number): Promise<void> {
    await this.running;
    if (this.commit === undefined && this.waitingCommit === undefined && this.wanted) await this.write();
    if (this.commit === undefined && this.waitingCommit !== undefined && this.waitingCommit <= covered) await this.use(this.waitingCommit);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.file?.close();
  }

  private async use(commit: number): Promise<void> {
    try {
      // Opened by this name: what has the other one a moment later may be somebody's.
      const file = this.stopped ? undefined : SnapshotFile.open(this.fs, this.next);
      try {
        await this.fs.rename(this.next, join(this.root, SNAPSHOT_FILE));
      } catch (error) {
        file?.close();
        throw error;
      }
      if (file) this.readFrom(file);
      await this.fs.syncDir(this.root);
      [this.commit, this.waitingCommit, this.failure] = [commit, undefined, undefined];
    } catch (error) {
      this.failure = reasonOf(error);
      if (isMissing(error)) this.forget();
    }
  }

  /** From now on documents are read from this one, and those that have not changed since need not be in memory. */
  private readFrom(file: SnapshotFile): void {
    for (const { collection, id, doc, place, summary } of this.waitingLines) {
      if (doc instanceof KeptDocument) doc.moveTo(file, place.start);
      else if (summary) this.state.release({ collection, id }, doc, new KeptDocument(file, place, summary));
    }
    this.waitingLines = [];
    this.file?.close();
    this.file = file;
  }

  private forget(): void {
    [this.waitingCommit, this.waitingLines] = [undefined, []];
  }

  private async write(): Promise<void> {
    const { fs, logId, state, next } = this;
    const { commit } = state.head;
    const documents = state.allDocuments();
    try {
      await removeIfThere(fs, next);
      if (!(await this.hasRoom())) {
        this.failure = NO_ROOM;
        return;
      }
      const header = { logId, commit, schemaVersions: state.schemaVersions, summaries: state.summaries, documents: documents.length };
      const { bytes, lines } = await writeSnapshot(fs, next, header, documents, () => this.stopped, state);
      [this.bytes, this.writtenAt] = [bytes, performance.now()];
      if (!this.stopped) [this.waitingCommit, this.waitingLines, this.failure] = [commit, lines, undefined];
    } catch (error) {
      this.failure = reasonOf(error);
      await fs.unlink(next).catch(() => undefined);
    }
  }

  /** What only makes starts quicker must not be what fills the disk. */
  private async hasRoom(): Promise<boolean> {
    const { fs, root, limits: { reserveBytes } } = this;
    const free = await fs.freeBytes?.(root) ?? Infinity;
    return free >= SNAPSHOT_ROOM_RESERVES * reserveBytes + 2 * this.bytes;
  }

  private get next(): string {
    return join(this.root, NEXT_SNAPSHOT_FILE);
  }
}
