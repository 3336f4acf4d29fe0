import { AppError } from '@orbitmesh/domain';
import { reasonOf, toStorageError } from '../fs/storage-error.js';
import type { StorageLimits } from '../limits.js';
import type { Segments } from './segments.js';

/** A commit on its way to the disk. */
export interface LogEntry {
  commit: number;
  /** The number of its first event, or of the next one. */
  seq: number;
  hasEvents: boolean;
  json: Buffer;
  /** By `performance.now()`. */
  enqueuedAt: number;
  resolve(): void;
  reject(error: AppError): void;
}

export interface CommitLogHooks<E extends LogEntry> {
  /** Resolves when more may be written: the projection is not too far behind. */
  admit(): Promise<void>;
  /** @throws STORAGE_LOCKED when the directory may be another's by now: then nothing is written, and nothing acknowledged. */
  assertOwner(): void;
  /** The disk is full: makes what room it can before the entries are rejected. */
  full(): Promise<void>;
  /** Once a durable entry, in order, before its promise resolves. */
  durable(entry: E): void;
  /** A batch is on the disk: how many they were, and how long its write and sync took. */
  synced?(commits: number, seconds: number): void;
  /** All of these, and nothing else, are undone. */
  failed(entries: E[]): void;
}

/**
 * Group commit: whatever waits goes to the disk in one write and one fdatasync. A failure rejects
 * everything that waits, because it was decided on what now did not happen, and begins a new segment;
 * if that fails too, the next commit does (or a retry after `retryDelayMs`).
 */
export class CommitLog<E extends LogEntry> {
  private queue: E[] = [];
  private batch: E[] = [];
  private queueBytes = 0;
  private running: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private failure: string | undefined;

  constructor(
    readonly segments: Segments,
    private readonly limits: StorageLimits,
    private readonly hooks: CommitLogHooks<E>,
    /** The numbers that come after the durable ones. */
    private readonly next: () => { commit: number; seq: number },
  ) {}

  /** The last failure, until a write succeeds. */
  get lastError(): string | undefined {
    return this.failure;
  }

  /** Commits that are not durable yet. */
  get waiting(): number {
    return this.batch.length + this.queue.length;
  }

  /** How long the oldest commit that is not durable has waited by now, in ms. */
  get waitingMs(): number {
    const [oldest] = this.batch.length > 0 ? this.batch : this.queue;
    return oldest === undefined ? 0 : performance.now() - oldest.enqueuedAt;
  }

  /** @throws TOO_MANY_REQUESTS when too much waits for the disk already. */
  assertRoom(bytes: number): void {
    if (this.queue.length < this.limits.queueCommitsMax && this.queueBytes + bytes <= this.limits.queueBytesMax) return;
    throw new AppError('TOO_MANY_REQUESTS', 'Too many commits wait for the disk.');
  }

  enqueue(entry: E): void {
    this.queue.push(entry);
    this.queueBytes += entry.json.length;
    this.running ??= this.run();
  }

  /** Resolves when nothing waits any more, written or rejected. */
  async drained(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  async close(): Promise<void> {
    await this.drained();
    clearTimeout(this.retry);
    await this.segments.close();
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      // One turn of the event loop, so that writers that were just answered share the next batch.
      await new Promise<void>((turn) => setImmediate(turn));
      try {
        await this.hooks.admit();
        this.batch = this.takeBatch();
        await this.ensureWritable();
        const since = performance.now();
        await this.segments.append(this.batch);
        this.hooks.assertOwner();
        this.hooks.synced?.(this.batch.length, (performance.now() - since) / 1_000);
      } catch (error) {
        if (toStorageError(error).code === 'STORAGE_FULL') await this.hooks.full();
        // With a new segment the failure is final: even a crash cannot bring back what it rejects.
        await this.ensureWritable().catch(() => undefined);
        this.fail(error);
        continue;
      }
      this.failure = undefined;
      for (const entry of this.takenBatch()) {
        this.hooks.durable(entry);
        entry.resolve();
      }
    }
    this.running = undefined;
  }

  private async ensureWritable(): Promise<void> {
    this.hooks.assertOwner();
    await this.segments.ensureWritable(this.next());
  }

  private takeBatch(): E[] {
    let bytes = 0;
    let count = 0;
    while (count < this.queue.length && count < this.limits.batchRecordsMax) {
      bytes += this.queue[count].json.length;
      if (count > 0 && bytes > this.limits.batchBytesMax) break;
      count += 1;
    }
    const batch = this.queue.splice(0, count);
    for (const entry of batch) this.queueBytes -= entry.json.length;
    return batch;
  }

  private takenBatch(): E[] {
    const { batch } = this;
    this.batch = [];
    return batch;
  }

  private fail(cause: unknown): void {
    const error = toStorageError(cause);
    const entries = [...this.takenBatch(), ...this.queue];
    this.queue = [];
    this.queueBytes = 0;
    this.failure = reasonOf(error);
    this.hooks.failed(entries);
    for (const entry of entries) entry.reject(error);
    this.scheduleRetry();
  }

  /** Without it a service that is not asked to commit would look broken for ever. */
  private scheduleRetry(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.running === undefined && this.failure !== undefined) this.running = this.reopen();
    }, this.limits.retryDelayMs);
    this.retry.unref();
  }

  private async reopen(): Promise<void> {
    try {
      await this.ensureWritable();
      this.failure = undefined;
    } catch (error) {
      this.failure = reasonOf(error);
      this.scheduleRetry();
    }
    this.running = undefined;
    if (this.queue.length > 0) this.running = this.run();
  }
}
