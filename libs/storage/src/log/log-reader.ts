import { AppError, type EventEnvelope } from '@orbitmesh/domain';
import { readLines } from '../fs/line-reader.js';
import { toReadError } from '../fs/storage-error.js';
import { isMissing, type StorageFs } from '../fs/storage-fs.js';
import type { StorageLimits } from '../limits.js';
import type { EventTail } from './event-tail.js';
import type { Eras } from './log-id.js';
import { parseRecord, recordNumbers } from './log-record.js';
import { Page, pageBounds, type PageBounds } from './page.js';
import { decodeRecord } from './record-lines.js';
import { addToIndex, type Segment, type Segments } from './segments.js';

export interface EventPage {
  items: EventEnvelope[];
  nextCursor: string;
}

/** Pages of the feed: from memory near the head, else from the segments through a sparse index. */
export class LogReader {
  constructor(
    private readonly fs: StorageFs,
    private readonly logId: string,
    private readonly eras: Eras,
    private readonly segments: Segments,
    private readonly tail: EventTail,
    private readonly limits: StorageLimits,
    /** The last durable event. */
    private readonly headSeq: () => number,
  ) {}

  cursor(seq: number): string {
    return `${this.logId}.${seq}`;
  }

  /** The oldest event kept; the head when there is none. */
  oldestSeq(): number {
    return Math.min(this.firstKept(), this.headSeq());
  }

  /** @throws CURSOR_GONE when the cursor is of another log, from the future, or compacted away. */
  async read(asked: { after?: string | number; limit: number; bytesMax?: number }): Promise<EventPage> {
    const beforeAll = this.firstKept() - 1;
    const after = asked.after === undefined ? beforeAll : this.seqOf(asked.after);
    if (after < beforeAll || after > this.headSeq()) throw this.cursorGone();
    const bounds = pageBounds(this.limits, asked);
    const items = after === this.headSeq() ? [] : (this.fromTail(after, bounds) ?? (await this.fromLog(after, bounds)));
    return { items, nextCursor: this.cursor(items.at(-1)?.seq ?? after) };
  }

  /** The number of the oldest event in the log; of the next one when there is none. */
  private firstKept(): number {
    return this.segments.chain[0]?.firstSeq ?? this.headSeq() + 1;
  }

  private seqOf(cursor: string | number): number {
    const seq = typeof cursor === 'number' ? cursor : this.parse(cursor);
    if (!Number.isSafeInteger(seq) || seq < 0) throw this.cursorGone();
    return seq;
  }

  private parse(cursor: string): number {
    const dot = cursor.lastIndexOf('.');
    const digits = cursor.slice(dot + 1);
    const seq = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
    return this.eras.covers(cursor.slice(0, dot), seq) ? seq : Number.NaN;
  }

  private cursorGone(): AppError {
    const details = { oldest: this.cursor(this.oldestSeq()), newest: this.cursor(this.headSeq()) };
    return new AppError('CURSOR_GONE', undefined, details);
  }

  private fromTail(after: number, bounds: PageBounds): EventEnvelope[] | undefined {
    const events = this.tail.after(after);
    if (events === undefined) return undefined;
    const page = new Page(bounds);
    for (const event of events) {
      if (!page.add(event.envelope, event.bytes)) break;
    }
    return page.items;
  }

  private async fromLog(after: number, bounds: PageBounds): Promise<EventEnvelope[]> {
    const page = new Page(bounds);
    const { chain } = this.segments;
    const first = Math.max(0, chain.findLastIndex((segment) => segment.firstSeq <= after + 1));
    for (const segment of chain.slice(first)) {
      if (!(await this.fromSegment(segment, after, page))) break;
    }
    return page.items;
  }

  /** False when the page is full. A damaged line is passed over: boot has reported it. */
  private async fromSegment(segment: Segment, after: number, page: Page): Promise<boolean> {
    // What is appended while we read is not looked at: it may not be durable yet.
    const { bytes } = segment;
    const file = await this.fs.open(segment.path, 'read').catch((error: unknown) => {
      throw isMissing(error) ? this.cursorGone() : toReadError(error);
    });
    try {
      segment.index ??= await this.buildIndex(file, segment);
      const at = segment.index.findLastIndex((entry) => entry.seq <= after + 1);
      const head = this.headSeq();
      for await (const lines of readLines(file, at === -1 ? 0 : segment.index[at].offset, bytes)) {
        for (const line of lines) {
          const json = decodeRecord(line.bytes);
          if (json === undefined || recordNumbers(json) === undefined) continue;
          for (const event of parseRecord(json).events ?? []) {
            if (event.seq <= (page.items.at(-1)?.seq ?? after)) continue;
            if (event.seq > head || !page.add(event, Buffer.byteLength(JSON.stringify(event)))) return false;
          }
        }
        if (page.full) return false;
      }
      return true;
    } catch (error) {
      throw toReadError(error);
    } finally {
      await file.close();
    }
  }

  private async buildIndex(
    file: Parameters<typeof readLines>[0],
    segment: Segment,
  ): Promise<{ seq: number; offset: number }[]> {
    const built: Segment = { ...segment, index: [] };
    for await (const lines of readLines(file, 0, segment.bytes)) {
      for (const line of lines) {
        // The numbers are at the very front: the whole line need not be checked here.
        const space = line.bytes.indexOf(0x20, 9);
        const numbers = space === -1 ? undefined : recordNumbers(line.bytes.subarray(space + 1));
        if (numbers !== undefined) addToIndex(built, numbers.seq, line.offset, this.limits.indexStrideBytes);
      }
    }
    return built.index!;
  }
}
