import { toStorageError } from '../fs/storage-error.js';
import type { StorageLimits } from '../limits.js';

interface Dirty {
  key: string;
  /** The oldest commit whose effect on this file is not on the disk. */
  firstCommit: number;
  /** Brings the file up to the present state; may be called again at any time. */
  write(): Promise<void>;
  /** When it is to be written, by the clock that only grows; 0 for at once. */
  dueAt: number;
}

interface Waiter {
  done(): boolean;
  hopeless(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Files that lag behind the log. Each is written at once when nothing else is to do, at most
 * `writesInFlightMax` at a time and never two writes of one file; changes that come meanwhile make one
 * more write. A write that fails is tried again after `retryDelayMs`, for ever: the log has it all.
 *
 * While commits come, files are written in rounds with rests between (`roundFiles`): a commit that comes meanwhile waits for
 * the disk, and many written together cost half of what they do one after the other.
 */
export class WriteBehind {
  private readonly urgent = new Map<string, Dirty>();
  /** Changed in lazy keys only, and failed ones; each in the order of their due times. */
  private readonly lazy = new Map<string, Dirty>();
  private readonly failed = new Map<string, Dirty>();
  private readonly inFlight = new Map<string, Dirty>();
  private round = { begunAt: 0, files: 0, restUntil: 0 };
  private markedAt = -Infinity;
  private waiters: Waiter[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** Not before `begin`, nor after `stop`. */
  private writing = false;
  private idle: () => void = () => undefined;
  private lastError: unknown;

  constructor(private readonly limits: StorageLimits) {}

  get size(): number {
    return this.urgent.size + this.lazy.size + this.failed.size + this.inFlight.size;
  }

  /** The last failure of a file that is still not written. */
  get error(): unknown {
    return this.failed.size > 0 ? this.lastError : undefined;
  }

  /** Boot knows all that there is to write. */
  begin(): void {
    this.writing = true;
    this.pump();
  }

  /** Says that the file `key` does not show `commit` yet. */
  mark(key: string, commit: number, write: () => Promise<void>, lazy = false): void {
    this.markedAt = performance.now();
    const known = this.urgent.get(key) ?? this.lazy.get(key) ?? this.failed.get(key);
    const dirty: Dirty = { key, firstCommit: known?.firstCommit ?? commit, write, dueAt: known?.dueAt ?? 0 };
    if (this.failed.has(key)) {
      this.failed.set(key, dirty);
    } else if (lazy && !this.urgent.has(key)) {
      this.lazy.set(key, { ...dirty, dueAt: known?.dueAt ?? performance.now() + this.limits.lazyDelayMs });
    } else {
      this.lazy.delete(key);
      this.urgent.set(key, dirty);
    }
    this.pump();
  }

  /** The file is not up to date, or is being written. */
  has(key: string): boolean {
    return this.urgent.has(key) || this.lazy.has(key) || this.failed.has(key) || this.inFlight.has(key);
  }

  /** The oldest commit that some file does not show; undefined when all are up to date. */
  oldestCommit(): number | undefined {
    let oldest: number | undefined;
    for (const map of [this.urgent, this.lazy, this.failed, this.inFlight]) {
      for (const { firstCommit } of map.values()) oldest = Math.min(oldest ?? firstCommit, firstCommit);
    }
    return oldest;
  }

  /** Writes everything, the lazy and the failed ones too. @throws the first failure meanwhile. */
  drained(): Promise<void> {
    this.hurry(this.lazy, Infinity);
    this.hurry(this.failed, Infinity);
    return this.until(
      () => this.size === 0,
      () => this.failed.size > 0,
    );
  }

  /** Resolves when none of these is behind, however long that takes. @throws when it is stopped. */
  whenWritten(keys: readonly string[]): Promise<void> {
    return this.until(() => !keys.some((key) => this.has(key)), () => false);
  }

  /** Resolves when fewer than `dirtyFilesMax` files lag behind. @throws when none of them can be written. */
  room(): Promise<void> {
    if (this.size < this.limits.dirtyFilesMax) return Promise.resolve();
    this.hurry(this.lazy, Infinity);
    return this.until(
      () => this.size < this.limits.dirtyFilesMax,
      () => this.urgent.size + this.inFlight.size === 0 && this.failed.size > 0,
    );
  }

  /** Nothing more is begun; resolves when nothing is being written. */
  async stop(): Promise<void> {
    this.writing = false;
    clearTimeout(this.timer);
    for (const waiter of this.waiters.splice(0)) waiter.reject(new Error('The store is closed.'));
    if (this.inFlight.size > 0) await new Promise<void>((resolve) => (this.idle = resolve));
  }

  private until(done: () => boolean, hopeless: () => boolean): Promise<void> {
    if (!this.writing) return Promise.reject(new Error('The store is closed.'));
    return new Promise((resolve, reject) => {
      this.waiters.push({ done, hopeless, resolve, reject });
      this.pump();
      this.settleWaiters();
    });
  }

  private pump(): void {
    if (!this.writing) return;
    const now = performance.now();
    this.hurry(this.lazy, now);
    this.hurry(this.failed, now);
    const inRounds = this.inRounds(now);
    if (this.inFlight.size === 0 && !(inRounds && now < this.round.restUntil)) this.round = { begunAt: now, files: 0, restUntil: 0 };
    for (const dirty of this.urgent.values()) {
      if (this.inFlight.size >= this.limits.writesInFlightMax) break;
      if (inRounds && (this.round.restUntil > 0 || this.round.files >= this.limits.roundFiles)) break;
      if (!this.inFlight.has(dirty.key)) void this.start(dirty);
    }
    this.schedule(now);
  }

  /** Commits came just now, and nobody waits for the files. */
  private inRounds(now: number): boolean {
    return this.waiters.length === 0 && now - this.markedAt < this.limits.calmMs;
  }

  /** The nearer the bound is, the shorter; from half of it on there is none. */
  private rest(): void {
    const { roundRestMs, roundRestTimes, dirtyFilesMax } = this.limits;
    const now = performance.now();
    const whole = Math.max(roundRestMs, roundRestTimes * (now - this.round.begunAt));
    this.round.restUntil = now + whole * Math.max(0, 1 - (2 * this.size) / dirtyFilesMax);
  }

  private hurry(waiting: Map<string, Dirty>, now: number): void {
    for (const dirty of waiting.values()) {
      if (dirty.dueAt > now) break;
      waiting.delete(dirty.key);
      this.urgent.set(dirty.key, { ...dirty, dueAt: 0 });
    }
  }

  private async start(dirty: Dirty): Promise<void> {
    this.urgent.delete(dirty.key);
    this.inFlight.set(dirty.key, dirty);
    this.round.files += 1;
    try {
      await dirty.write();
      this.inFlight.delete(dirty.key);
    } catch (error) {
      this.inFlight.delete(dirty.key);
      this.lastError = error;
      const newer = this.urgent.get(dirty.key) ?? this.lazy.get(dirty.key) ?? dirty;
      this.urgent.delete(dirty.key);
      this.lazy.delete(dirty.key);
      const dueAt = performance.now() + this.limits.retryDelayMs;
      this.failed.set(dirty.key, { ...newer, firstCommit: dirty.firstCommit, dueAt });
    }
    if (this.inFlight.size === 0) this.rest();
    this.pump();
    this.settleWaiters();
    if (this.inFlight.size === 0) this.idle();
  }

  private settleWaiters(): void {
    for (const waiter of this.waiters.splice(0)) {
      if (waiter.done()) waiter.resolve();
      else if (waiter.hopeless()) waiter.reject(toStorageError(this.lastError));
      else this.waiters.push(waiter);
    }
  }

  /** One timer, for the first file that becomes due, or the end of a rest. */
  private schedule(now: number): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    let dueAt = this.inFlight.size === 0 && this.urgent.size > 0 ? Math.min(this.round.restUntil, this.markedAt + this.limits.calmMs) : Infinity;
    for (const waiting of [this.lazy, this.failed]) {
      const first: Dirty | undefined = waiting.values().next().value;
      if (first !== undefined) dueAt = Math.min(dueAt, first.dueAt);
    }
    if (dueAt === Infinity) return;
    this.timer = setTimeout(() => this.pump(), Math.max(1, dueAt - now));
    this.timer.unref();
  }
}
