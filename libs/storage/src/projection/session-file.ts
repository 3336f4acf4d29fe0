import { dirname } from 'node:path';
import { ShortWriteError } from '../fs/storage-error.js';
import { isMissing, type StorageFs } from '../fs/storage-fs.js';
import { appendAll } from '../fs/write-file-atomic.js';
import type { StoredEvent } from '../log/log-record.js';
import type { Directories } from './directories.js';

export interface SessionLine {
  seq: number;
  commit: number;
  event: StoredEvent;
}

export interface Extent {
  /** The last sessionSeq in it. */
  seq: number;
  bytes: number;
}

const CHUNK_BYTES = 1024 * 1024;
const TAIL_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/**
 * The `events.ndjson` of one session: appended behind the log, synced at checkpoints. What is synced is
 * never looked at again; what is not is still in memory, so after any failure (and after a crash, from
 * the log) the file is cut back to what is synced and written again: nothing is torn, missing or twice.
 */
export class SessionFile {
  /** Durable in the log but not synced here, in order. */
  lines: SessionLine[] = [];
  private written: Extent;
  /** How many of `lines` are written. */
  private writtenLines = 0;
  /** Cut to `synced` before the next append. Every file is, before its first one. */
  private suspect = true;
  private entrySynced: boolean;
  private discarded = false;
  /** How often it was trimmed: what was written or synced meanwhile is none of it. */
  private cuts = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly fs: StorageFs,
    private readonly directories: Directories,
    readonly path: string,
    public synced: Extent,
    private readonly onDamage: (path: string, reason: string) => void,
    /** Events up to this sessionSeq are gone for good. */
    public trimmed: number,
  ) {
    this.written = synced;
    this.entrySynced = synced.seq > 0;
  }

  /** Events up to `seq` are gone for good; the next write cuts the file. @returns how many bytes of memory that freed */
  trim(seq: number): number {
    if (seq <= this.trimmed) return 0;
    const gone = this.lines.filter((line) => line.seq <= seq);
    this.lines = this.lines.slice(gone.length);
    this.trimmed = seq;
    this.cuts += 1;
    this.synced = { seq, bytes: 0 };
    this.startOver();
    return bytesOf(gone);
  }

  /** Appends what is in memory only. */
  write(): Promise<void> {
    return this.inTurn(() => this.guarded(() => this.appendLines()));
  }

  /** Resolves when what was written is durable; returns how many bytes of memory that freed. */
  sync(): Promise<number> {
    return this.inTurn(() => this.guarded(() => this.syncWritten()));
  }

  /** Nothing more is written; `remove` then takes the file away. @returns how many bytes of memory that freed. */
  discard(): number {
    this.discarded = true;
    return this.clear();
  }

  /** Forgets what is in memory only. @returns how many bytes that freed. */
  clear(): number {
    const { lines } = this;
    this.lines = [];
    return bytesOf(lines);
  }

  /** Removes the file, and its directory if nothing else is in it. */
  remove(): Promise<void> {
    return this.inTurn(async () => {
      const dir = dirname(this.path);
      try {
        await this.fs.unlink(this.path);
        await this.directories.sync(dir);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      await this.directories.removeIfEmpty(dir);
    });
  }

  /**
   * Compares the file with what is recorded of it. One whose lines are not where they were is cut to the last good one.
   * What is appended behind a line that has lost its end is lost with it, so that is looked at before; not at each start of every file.
   * @returns false when it was: then what the log still has should be appended again.
   */
  async check(): Promise<boolean> {
    const size = this.fs.sizeSync(this.path) ?? 0;
    const { bytes } = this.synced;
    const untouched = size === bytes && this.lines.length === 0;
    if (untouched || (size >= bytes && this.endsAsRecorded())) return true;
    this.onDamage(this.path, this.damage(size));
    this.cutTo(size === 0 ? Buffer.alloc(0) : this.fs.readSync(this.path, 0, bytes));
    if (this.synced.bytes < size) await this.fs.truncate(this.path, this.synced.bytes);
    return false;
  }

  private damage(size: number): string {
    const { bytes } = this.synced;
    if (size === bytes) return 'its last line is not the one that was written';
    return size < bytes ? `${bytes - size} bytes that were written are gone` : 'it has bytes that were not written';
  }

  /** A longer file was written to when we last ended; unless something was put in between: then the last recorded line is another. */
  private endsAsRecorded(): boolean {
    const { bytes, seq } = this.synced;
    if (bytes === 0) return true;
    const start = Math.max(0, bytes - TAIL_BYTES);
    const tail = this.fs.readSync(this.path, start, bytes - start);
    if (tail[tail.length - 1] !== LINE_FEED) return false;
    const line = tail.lastIndexOf(LINE_FEED, tail.length - 2) + 1;
    // The beginning of a very long line is not looked for.
    return (line === 0 && start > 0) || sessionSeqOf(tail.toString('utf8', line)) === seq;
  }

  /** Of these bytes the lines up to the last good one count: a number that is higher than the recorded one would hide what the log has. */
  private cutTo(bytes: Buffer): void {
    let [seq, end] = [this.trimmed, bytes.lastIndexOf(LINE_FEED) + 1];
    while (end > 0) {
      const start = end < 2 ? 0 : bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
      const found = sessionSeqOf(bytes.toString('utf8', start, end));
      if (found > 0 && found <= this.synced.seq) {
        seq = found;
        break;
      }
      end = start;
    }
    this.synced = { seq, bytes: end };
    this.written = this.synced;
    if (end === 0) this.entrySynced = false;
  }

  /** There is no file any more: begins with an empty one. */
  restart(): void {
    this.synced = { seq: this.trimmed, bytes: 0 };
    this.startOver();
    this.entrySynced = false;
  }

  private startOver(): void {
    this.written = this.synced;
    this.writtenLines = 0;
    this.suspect = true;
  }

  /** Takes what is in the file, up to its first bad line, for the truth. @returns false when there is none. */
  async adopt(): Promise<boolean> {
    if (this.fs.sizeSync(this.path) === undefined) return false;
    const bytes = this.fs.readSync(this.path);
    let [seq, end, trimmed] = [0, 0, 0];
    for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, end)) {
      const found = sessionSeqOf(bytes.toString('utf8', end, feed));
      if (found <= seq) break;
      if (seq === 0) trimmed = found - 1;
      [seq, end] = [found, feed + 1];
    }
    const file = await this.fs.open(this.path, 'append');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    this.trimmed = trimmed;
    this.synced = { seq, bytes: end };
    this.written = this.synced;
    return true;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.startOver();
      this.directories.forget(dirname(this.path));
      throw error;
    }
  }

  private async appendLines(): Promise<void> {
    for (;;) {
      if (this.discarded) return;
      if (this.suspect) await this.repair();
      if (this.suspect) continue;
      const { cuts } = this;
      const chunk = this.nextChunk();
      const last = chunk.at(-1);
      if (last === undefined) return;
      const bytes = Buffer.from(chunk.map((line) => `${line.event.json}\n`).join(''));
      const file = await this.directories.use(dirname(this.path), () => this.fs.open(this.path, 'append'));
      try {
        await appendAll(file, bytes);
        const expected = this.written.bytes + bytes.length;
        if (cuts === this.cuts && file.size() !== expected) throw new ShortWriteError(this.path, expected, file.size());
      } finally {
        await file.close();
      }
      if (cuts !== this.cuts) continue;
      this.written = { seq: last.seq, bytes: this.written.bytes + bytes.length };
      this.writtenLines += chunk.length;
    }
  }

  private nextChunk(): SessionLine[] {
    let bytes = 0;
    let end = this.writtenLines;
    while (end < this.lines.length) {
      bytes += this.lines[end].event.bytes;
      if (end > this.writtenLines && bytes > CHUNK_BYTES) break;
      end += 1;
    }
    return this.lines.slice(this.writtenLines, end);
  }

  private async syncWritten(): Promise<number> {
    const { written, writtenLines, cuts } = this;
    if (this.discarded || written.seq === this.synced.seq) return 0;
    const file = await this.fs.open(this.path, 'append');
    try {
      if (file.size() !== written.bytes) throw new ShortWriteError(this.path, written.bytes, file.size());
      await file.datasync();
      if (cuts !== this.cuts) return 0;
    } finally {
      await file.close();
    }
    if (!this.entrySynced) await this.directories.sync(dirname(this.path));
    if (cuts !== this.cuts) return 0;
    this.entrySynced = true;
    this.synced = written;
    // `discard` may have emptied it meanwhile. A reader may hold the old array: it is not changed.
    const freed = this.lines.slice(0, writtenLines);
    this.lines = this.lines.slice(writtenLines);
    this.writtenLines -= freed.length;
    return bytesOf(freed);
  }

  private async repair(): Promise<void> {
    const { cuts } = this;
    await this.check();
    const size = this.fs.sizeSync(this.path) ?? 0;
    if (size > this.synced.bytes) await this.cut();
    this.startOver();
    this.suspect = cuts !== this.cuts;
  }

  /** What nothing is written after has no other sync that would keep it so. */
  private async cut(): Promise<void> {
    await this.fs.truncate(this.path, this.synced.bytes);
    const file = await this.fs.open(this.path, 'append');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

function bytesOf(lines: readonly SessionLine[]): number {
  return lines.reduce((sum, line) => sum + line.event.bytes, 0);
}

function sessionSeqOf(line: string): number {
  try {
    const { sessionSeq } = JSON.parse(line) as { sessionSeq?: unknown };
    return Number.isSafeInteger(sessionSeq) ? (sessionSeq as number) : 0;
  } catch {
    // A damaged line has no number.
    return 0;
  }
}
