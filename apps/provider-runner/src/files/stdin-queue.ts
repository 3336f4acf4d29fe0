import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { AppError } from '@orbitmesh/domain';
import { STDIN_ATOMIC_BYTES, STDIN_QUEUE_BYTES_MAX, STDIN_QUEUE_LINES_MAX, STDIN_RETRY_MS, STDIN_WRITE_BYTES_MAX } from '../limits.js';
import { BegunLine } from './begun-line.js';

interface Waiting {
  key: string;
  bytes: Buffer;
  written: number;
  resolve(): void;
  reject(error: AppError): void;
}

/**
 * The write end of a run's FIFO. Opened O_NONBLOCK and written with writeSync: a write takes what the
 * pipe has room for and returns, so an agent that never reads blocks neither the event loop nor one
 * of libuv's few threads (design §7). What does not fit waits here, up to a bound. A line that a former
 * runner had begun is ended first.
 */
export class StdinQueue {
  /** The former runner's line, which is whole once this settles. Undefined: it left none that can be made whole. */
  readonly resumed: { key: string; whole: Promise<void> } | undefined;
  private fd: number | undefined;
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private pauseMs: number = STDIN_RETRY_MS.first;
  private failure: AppError | undefined;
  private readonly begunLine: BegunLine;

  constructor(
    private readonly path: string,
    private readonly bytesMax: number = STDIN_QUEUE_BYTES_MAX,
  ) {
    this.begunLine = new BegunLine(`${path}.begun`);
    const begun = this.begunLine.read();
    if (begun?.written !== undefined) {
      this.resumed = { key: begun.key, whole: this.enqueue(begun.key, begun.line, begun.written) };
      this.resumed.whole.catch(() => undefined);
    } else if (begun) {
      // Nobody can say how much of it is there: it is ended, so that the next one is not taken for its rest.
      this.enqueue('', Buffer.from('\n')).then(() => this.begunLine.forget(), () => undefined);
    }
  }

  /** Some of the first waiting line is in the FIFO and some is not. */
  get midLine(): boolean {
    return (this.waiting[0]?.written ?? 0) > 0;
  }

  get queuedBytes(): number {
    return this.waitingBytes;
  }

  /**
   * Resolves when every byte is in the FIFO, in the order of calls.
   * @param line with its end
   * @throws (rejects) LIMIT_REACHED when too much waits already; UNAVAILABLE when nobody reads the FIFO any more.
   */
  write(key: string, line: string): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    const bytes = Buffer.from(line);
    if (this.waitingBytes + bytes.length > this.bytesMax || this.waiting.length >= STDIN_QUEUE_LINES_MAX) {
      return Promise.reject(new AppError('LIMIT_REACHED', 'The agent does not read its input.', { waitingBytes: this.waitingBytes }));
    }
    return this.enqueue(key, bytes);
  }

  /** Rejects whatever waits; nothing is written any more, and of a line that was begun nothing is kept. */
  close(): void {
    this.fail(new AppError('UNAVAILABLE', 'The input of the agent is closed.'));
    try {
      this.begunLine.forget();
    } catch {
      // Its directory is another by now. Nobody reads the rest of a line from here any more, and nothing may keep an agent from being ended.
    }
  }

  /** The same, for a runner that leaves: the next one goes on with a line that was begun. */
  release(): void {
    this.fail(new AppError('UNAVAILABLE', 'The runner ends.'));
    this.begunLine.release();
  }

  private enqueue(key: string, bytes: Buffer, written = 0): Promise<void> {
    this.waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, bytes, written, resolve, reject });
      if (this.timer === undefined) this.pump();
    });
  }

  private pump(): void {
    this.timer = undefined;
    try {
      // ENXIO: no reader yet, the wrapper is only starting.
      this.fd ??= openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
      for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) this.writeSome(first);
      this.pauseMs = STDIN_RETRY_MS.first;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN' || code === 'ENXIO' || code === 'EINTR') this.retryLater();
      else this.fail(new AppError('UNAVAILABLE', 'The agent takes no input any more.', { reason: code }, { cause: error }));
    }
  }

  private writeSome(line: Waiting): void {
    const length = Math.min(line.bytes.length - line.written, STDIN_WRITE_BYTES_MAX);
    // The pipe takes a short line whole or not at all.
    const mayBeTorn = line.bytes.length > STDIN_ATOMIC_BYTES;
    if (mayBeTorn) this.keep(() => this.begunLine.writing(line.key, line.bytes));
    try {
      const written = writeSync(this.fd!, line.bytes, line.written, length);
      line.written += written;
      if (written > 0) this.pauseMs = STDIN_RETRY_MS.first;
    } finally {
      if (mayBeTorn && line.written < line.bytes.length) this.keep(() => this.begunLine.written(line.written));
    }
    if (line.written < line.bytes.length) return;
    if (mayBeTorn) this.begunLine.forget();
    this.waiting.shift();
    this.waitingBytes -= line.bytes.length;
    line.resolve();
  }

  /** A disk that is full costs the safety of a line, not the line. */
  private keep(note: () => void): void {
    try {
      note();
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG', 'EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.begunLine.forget();
    }
  }

  private retryLater(): void {
    this.timer = setTimeout(() => this.pump(), this.pauseMs);
    this.pauseMs = Math.min(this.pauseMs * 2, STDIN_RETRY_MS.last);
  }

  private fail(failure: AppError): void {
    if (this.failure) return;
    this.failure = failure;
    clearTimeout(this.timer);
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
    for (const line of this.waiting.splice(0)) line.reject(failure);
    this.waitingBytes = 0;
  }
}
