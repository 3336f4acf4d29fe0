import type { Piece } from '../drivers/driver.js';
import { READ_BYTES_MAX } from '../limits.js';
import { unfinishedTail } from './utf8.js';

/** Cuts a stream of bytes into pieces with their offsets; a piece never begins or ends within a character. */
export interface Splitter {
  /** Takes the next bytes of the stream and gives what is complete. */
  push(chunk: Buffer): Piece[];
  /** What was held back because it was not complete, as far as it can be given (nothing with `lines`). */
  flush(): Piece[];
  /** Nothing comes any more: all that is left. */
  end(): Piece[];
  /** Bytes taken and not given yet. */
  readonly heldBytes: number;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Each line whole, without its end; memory is bounded by cutting a line at `bytesMax`. */
export class LineSplitter implements Splitter {
  private kept: Buffer = Buffer.alloc(0);
  private keptBytes = 0;
  private lineBytes = 0;

  constructor(private readonly bytesMax: number, private start = 0) {}

  get heldBytes(): number {
    return this.lineBytes;
  }

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.take(chunk.subarray(from, at));
      pieces.push(this.line(1));
      from = at + 1;
    }
    this.take(chunk.subarray(from));
    return pieces;
  }

  flush(): Piece[] {
    return [];
  }

  end(): Piece[] {
    return this.lineBytes > 0 ? [this.line(0)] : [];
  }

  private take(bytes: Buffer): void {
    this.lineBytes += bytes.length;
    const length = Math.min(this.keptBytes + bytes.length, this.bytesMax);
    if (length > this.kept.length) this.grow(length);
    // A copy: the chunk's memory is used again for the next read.
    bytes.copy(this.kept, this.keptBytes, 0, length - this.keptBytes);
    this.keptBytes = length;
  }

  /** One piece of memory, not one for each read: of a line that comes byte by byte those would be a hundred times the line. */
  private grow(length: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.bytesMax, Math.max(length, 2 * this.kept.length)));
    this.kept.copy(larger, 0, 0, this.keptBytes);
    this.kept = larger;
  }

  private line(endBytes: number): Piece {
    let bytes = this.kept.subarray(0, this.keptBytes);
    const cut = this.lineBytes > this.keptBytes;
    if (cut) bytes = bytes.subarray(0, bytes.length - unfinishedTail(bytes));
    const truncatedBytes = this.lineBytes - bytes.length;
    if (!cut && bytes.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
    const start = this.start;
    this.start += this.lineBytes + endBytes;
    if (this.kept.length > READ_BYTES_MAX) this.kept = Buffer.alloc(0);
    this.keptBytes = 0;
    this.lineBytes = 0;
    return { text: bytes.toString(), start, end: this.start, ...(cut ? { truncatedBytes } : {}) };
  }
}

/** Pieces as they come, up to the last line end where there is one; a longer line is split, never cut. */
export class TextSplitter implements Splitter {
  private held: Buffer = Buffer.alloc(0);

  constructor(private readonly bytesMax: number, private start = 0) {}

  get heldBytes(): number {
    return this.held.length;
  }

  push(chunk: Buffer): Piece[] {
    const bytes = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
    return this.give(bytes, bytes.lastIndexOf(NEWLINE) + 1);
  }

  flush(): Piece[] {
    return this.give(this.held, this.held.length - unfinishedTail(this.held));
  }

  end(): Piece[] {
    return this.give(this.held, this.held.length);
  }

  /** Gives the first `length` bytes, and more while what is left would be longer than one piece. */
  private give(bytes: Buffer, length: number): Piece[] {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < length || bytes.length - at >= this.bytesMax) {
      const last = at < length && length - at <= this.bytesMax;
      const piece = bytes.subarray(at, last ? length : at + this.bytesMax);
      const whole = last ? piece : piece.subarray(0, piece.length - unfinishedTail(piece));
      pieces.push({ text: whole.toString(), start: this.start, end: this.start + whole.length });
      this.start += whole.length;
      at += whole.length;
    }
    this.held = Buffer.from(bytes.subarray(at));
    return pieces;
  }
}
