import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { AppError } from '@orbitmesh/domain';
import { STDIN_QUEUE_BYTES_MAX, STDIN_RETRY_MS, STDIN_WRITE_BYTES_MAX } from '../limits.js';

interface Waiting {
  bytes: Buffer;
  written: number;
  resolve(): void;
  reject(error: AppError): void;
}

/**
 * The write end of a run's FIFO. Opened O_NONBLOCK and written with writeSync: a write takes what the
 * pipe has room for and returns, so an agent that never reads blocks neither the event loop nor one
 * of libuv's few threads (design §7). What does not fit waits here, up to a bound.
 */
export class StdinQueue {
  private fd: number | undefined;
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private pauseMs: number = STDIN_RETRY_MS.first;
  private failure: AppError | undefined;

  constructor(
    private readonly path: string,
    private readonly bytesMax: number = STDIN_QUEUE_BYTES_MAX,
  ) {}

  /** Some of the first waiting line is in the FIFO and some is not: whoever takes over must end that line. */
  get midLine(): boolean {
    return (this.waiting[0]?.written ?? 0) > 0;
  }

  get queuedBytes(): number {
    return this.waitingBytes;
  }

  /**
   * Resolves when every byte is in the FIFO, in the order of calls.
   * @throws (rejects) LIMIT_REACHED when too much waits already; UNAVAILABLE when nobody reads the FIFO any more.
   */
  write(text: string): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    const bytes = Buffer.from(text);
    if (this.waitingBytes + bytes.length > this.bytesMax) {
      return Promise.reject(new AppError('LIMIT_REACHED', 'The agent does not read its input.', { waitingBytes: this.waitingBytes }));
    }
    this.waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.waiting.push({ bytes, written: 0, resolve, reject });
      if (this.timer === undefined) this.pump();
    });
  }

  /** Rejects whatever waits; nothing is written any more. */
  close(reason = 'The input of the agent is closed.'): void {
    this.fail(new AppError('UNAVAILABLE', reason));
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
    const written = writeSync(this.fd!, line.bytes, line.written, length);
    line.written += written;
    if (written > 0) this.pauseMs = STDIN_RETRY_MS.first;
    if (line.written < line.bytes.length) return;
    this.waiting.shift();
    this.waitingBytes -= line.bytes.length;
    line.resolve();
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
