import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { WRITTEN_KEYS_BYTES_MAX, WRITTEN_KEYS_MAX } from '../limits.js';
import { readRegularFile, UNWAITED } from './regular-file.js';

/**
 * The keys of lines that are whole in the FIFO, kept beside it. The journal knows that only with its next step, which waits for
 * the disk: a runner that takes over after a `kill -9` in between would write them again, and an agent does twice what it is told
 * twice. It is not synced: what a process wrote outlives the process, and no agent outlives its machine. What cannot be kept, or
 * read, is written again, as if it had not been known.
 */
export class WrittenLines {
  private readonly keys = new Set<string>();

  /** Begins with what a former runner left. */
  constructor(private readonly path: string) {
    const lines = attempt(() => readRegularFile(this.path, WRITTEN_KEYS_BYTES_MAX))?.toString().split('\n') ?? [''];
    const torn = lines.pop() !== '';
    for (const line of lines) attempt(() => this.keys.add(JSON.parse(line) as string));
    // The next one would be taken for its end.
    if (torn) this.keepAnew();
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }

  add(key: string): void {
    this.keys.add(key);
    if (this.keys.size <= WRITTEN_KEYS_MAX) return void this.write(lineOf(key), constants.O_APPEND);
    // Those before it are in the journal long since.
    for (const old of this.keys) if (this.keys.size > WRITTEN_KEYS_MAX / 2) this.keys.delete(old);
    this.keepAnew();
  }

  /** A line is about to be written under this key once more. */
  forget(key: string): void {
    if (this.keys.delete(key)) this.keepAnew();
  }

  /** Its agent is gone. */
  remove(): void {
    attempt(() => rmSync(this.path, { force: true }));
  }

  private keepAnew(): void {
    if (!this.write([...this.keys].map(lineOf).join(''), constants.O_TRUNC)) this.remove();
  }

  private write(text: string, how: number): boolean {
    return attempt(() => {
      const fd = openSync(this.path, UNWAITED | how, 0o600);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
      return true;
    }) ?? false;
  }
}

const lineOf = (key: string): string => `${JSON.stringify(key)}\n`;

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
