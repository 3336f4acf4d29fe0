import { closeSync, fstatSync, openSync, read } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Splitter } from '../decode/splitter.js';
import type { Piece } from '../drivers/driver.js';
import { DECODE_MS, FLOOD_REST, PARTIAL_LINE_MS, READ_BYTES_MAX, TAIL_POLL_MS } from '../limits.js';

const readSome = promisify(read);

export interface TailOptions {
  path: string;
  splitter: Splitter;
  /** Offset in the stream at which to begin, and that of the file's first byte. */
  position: number;
  base: number;
  onPieces(pieces: Piece[]): void;
  /** Resolves when there is room for what the next read brings. */
  room(): Promise<void>;
  /** True: nothing is decoded any more, what comes is only counted. */
  discards(): boolean;
  onDiscarded(bytes: number, end: number): void;
}

/** Follows one output file of a run: what the agent writes is given on within some ms, in order, once. */
export class OutputTail {
  private readonly fd: number;
  private readonly buffer = Buffer.allocUnsafe(READ_BYTES_MAX);
  /** Offset in the stream up to which it was read. */
  position: number;
  private begin: number;
  private busy: Promise<unknown> = Promise.resolve();
  private wakeUp: (() => void) | undefined;
  private woken = false;
  private stopped = false;
  private stopWaiting: (() => void) | undefined;
  private ending = false;
  private hurried = false;
  private heldSince = 0;
  private readonly done: Promise<void>;

  constructor(private readonly options: TailOptions) {
    this.fd = openSync(options.path, 'r');
    this.position = options.position;
    this.begin = options.base;
    this.done = this.follow().finally(() => closeSync(this.fd));
    // Whoever ends or drains it gets the error; until then it must not count as unhandled.
    this.done.catch(() => undefined);
  }

  /** Offset in the stream of the file's first byte. */
  get base(): number {
    return this.begin;
  }

  /** Called when the file cannot be read any more. */
  onFailed(listener: (error: unknown) => void): void {
    this.done.catch(listener);
  }

  /** Bytes in the file, and the offset in the stream where it ends now. */
  size(): { bytes: number; end: number } {
    const bytes = this.stopped ? 0 : fstatSync(this.fd).size;
    return { bytes, end: this.begin + bytes };
  }

  /** All that is in the file was read. */
  get caughtUp(): boolean {
    return this.position >= this.size().end;
  }

  /** Runs this while nothing is read; afterwards the file begins at that offset. */
  async paused(change: () => Promise<void>, base: number): Promise<void> {
    const before = this.busy;
    const changed = (async () => {
      await before;
      await change();
      this.begin = base;
    })();
    this.busy = changed;
    await changed;
  }

  /** Something may have been written. */
  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Nothing writes any more: reads to the end, gives an unfinished line too, and stops. */
  async drain(): Promise<void> {
    this.ending = true;
    this.wake();
    await this.done;
  }

  /** No more is decoded: what is left is counted and passed by. */
  hurry(): void {
    this.hurried = true;
    this.stopWaiting?.();
  }

  /** Stops where it is. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopWaiting?.();
    this.wake();
    await this.done;
  }

  private async follow(): Promise<void> {
    let pollMs: number = TAIL_POLL_MS.first;
    while (!this.stopped) {
      await this.room();
      if (this.stopped) return;
      const ending = this.ending;
      const count = this.hurried || this.options.discards() ? this.discard() : await this.readNext();
      if (count > 0) {
        pollMs = TAIL_POLL_MS.first;
      } else if (ending) {
        this.options.onPieces(this.options.splitter.end());
        this.stopped = true;
      } else {
        await this.sleep(this.flushHeld() ?? pollMs);
        pollMs = Math.min(pollMs * 2, TAIL_POLL_MS.last);
      }
    }
  }

  /** There may never be room again, and who stops does not wait for it. */
  private async room(): Promise<void> {
    if (this.hurried) return;
    await new Promise<void>((resolve, reject) => {
      this.stopWaiting = resolve;
      this.options.room().then(resolve, reject);
    });
  }

  private async readNext(): Promise<number> {
    await this.busy;
    this.woken = false;
    // Of hundreds of agents most are silent: a read of nothing is a call to the thread pool each.
    if (this.caughtUp) return 0;
    const reading = readSome(this.fd, this.buffer, 0, READ_BYTES_MAX, this.position - this.begin);
    this.busy = reading;
    const { bytesRead } = await reading;
    if (bytesRead === 0 || this.stopped) return 0;
    await this.give(this.options.splitter.push(this.buffer.subarray(0, bytesRead)));
    this.position += bytesRead;
    this.heldSince = performance.now();
    return bytesRead;
  }

  /** For a moment at a time: what other agents say, and commands, must not wait until all that one has written is decoded. */
  private async give(pieces: Piece[]): Promise<void> {
    for (let next = 0; next < pieces.length && !this.stopped;) {
      const begun = performance.now();
      while (next < pieces.length && performance.now() - begun < DECODE_MS) this.options.onPieces([pieces[next++]]);
      if (next === pieces.length) return;
      await delay((performance.now() - begun) * FLOOD_REST.factor);
      await this.room();
    }
  }

  private discard(): number {
    this.woken = false;
    // What was begun is given first: it must not be given, with its older offset, after what is passed by.
    if (this.options.splitter.heldBytes > 0) this.options.onPieces(this.options.splitter.end());
    const { end } = this.size();
    const count = end - this.position;
    this.position = end;
    if (count > 0) this.options.onDiscarded(count, end);
    return count;
  }

  /** Gives an unfinished line that waited long enough; else says how long it has still to wait. */
  private flushHeld(): number | undefined {
    if (this.options.splitter.heldBytes === 0) return undefined;
    const wait = this.heldSince + PARTIAL_LINE_MS - performance.now();
    if (wait > 0) return wait;
    this.options.onPieces(this.options.splitter.flush());
    return undefined;
  }

  private async sleep(ms: number): Promise<void> {
    if (this.woken || this.stopped) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.wakeUp = undefined;
  }
}
