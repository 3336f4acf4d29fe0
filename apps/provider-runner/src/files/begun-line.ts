import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { BEGUN_LINE_BYTES_MAX } from '../limits.js';
import { readRegularFile, UNWAITED } from './regular-file.js';

/** The record's first bytes: how much of the line is in the FIFO, or that a write is under way and nobody can say. */
const MARK_BYTES = 16;
const UNKNOWN = '?';

/** A line that a former runner had begun to write. */
export interface Begun {
  key: string;
  line: Buffer;
  /** Undefined: the runner died in the very moment of a write. */
  written: number | undefined;
}

/**
 * The line for an agent that is on its way into the FIFO, kept beside it, so that a runner that takes over after
 * a `kill -9` writes the rest of it and the agent reads one whole line. It is not synced: what a process wrote
 * outlives the process, and no agent outlives its machine. The mark is written over in place, which takes no
 * room and which no kill tears.
 */
export class BegunLine {
  private fd: number | undefined;

  constructor(private readonly path: string) {}

  /** What a former runner left. */
  read(): Begun | undefined {
    try {
      const bytes = readRegularFile(this.path, BEGUN_LINE_BYTES_MAX);
      if (!bytes) return undefined;
      const mark = bytes.subarray(0, MARK_BYTES).toString().trim();
      const head = bytes.indexOf('\n');
      const line = bytes.subarray(head + 1);
      // On a full disk not all of it was kept.
      const whole = head >= MARK_BYTES && line.at(-1) === 0x0a;
      const key = whole ? JSON.parse(bytes.subarray(MARK_BYTES, head).toString()) as string : '';
      return { key, line, written: whole && mark !== UNKNOWN ? Number(mark) : undefined };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Before each write of a part of it. */
  writing(key: string, line: Buffer): void {
    if (this.fd !== undefined) return this.mark(UNKNOWN);
    this.fd = openSync(this.path, UNWAITED | constants.O_TRUNC, 0o600);
    this.mark(UNKNOWN);
    const rest = Buffer.concat([Buffer.from(`${JSON.stringify(key)}\n`), line]);
    for (let at = 0; at < rest.length; ) at += writeSync(this.fd, rest, at, rest.length - at, MARK_BYTES + at);
  }

  /** So much of it is in the FIFO. */
  written(count: number): void {
    this.mark(String(count));
  }

  /** All of it is there, or nobody is left to read it. */
  forget(): void {
    this.release();
    rmSync(this.path, { force: true });
  }

  /** The next runner goes on with it. */
  release(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private mark(text: string): void {
    if (this.fd !== undefined) writeSync(this.fd, text.padEnd(MARK_BYTES), 0);
  }
}
