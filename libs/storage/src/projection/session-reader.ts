import { AppError, type EventEnvelope } from '@orbitmesh/domain';
import { readLines } from '../fs/line-reader.js';
import { reasonOf, toReadError } from '../fs/storage-error.js';
import { isMissing, NotAFileError, type StorageFile, type StorageFs } from '../fs/storage-fs.js';
import type { StorageLimits } from '../limits.js';
import type { EventPage } from '../log/log-reader.js';
import { Page, pageBounds } from '../log/page.js';
import type { SessionEvents } from './session-events.js';
import type { Extent, SessionLine } from './session-file.js';

export interface SessionPageQuery {
  /** A sessionSeq; the page begins after it. */
  after?: number;
  limit: number;
  bytesMax?: number;
  /** Only these types. */
  types?: string[];
}

interface Index {
  /** Of the file as it was cut then. */
  trimmed: number;
  /** Some (sessionSeq, offset) of lines, in order. */
  entries: { seq: number; offset: number }[];
  scannedBytes: number;
}

interface LineRead {
  envelope: EventEnvelope;
  bytes: number;
}

/** Lines have no checksum: a number that is too high, taken for true, would hide the lines that come after it. So each is held until the next one is known. */
class LineNumbers {
  private held: LineRead | undefined;

  constructor(private last: number) {}

  /** The line before, which is believed unless this one has a number that it leaves out. */
  next(line: LineRead): LineRead | 'damaged' | undefined {
    const { held } = this;
    const damaged = held !== undefined && this.isTooHigh(held, line.envelope.sessionSeq as number);
    if (held !== undefined && !damaged) this.last = Math.max(this.last, held.envelope.sessionSeq as number);
    this.held = line;
    return damaged ? 'damaged' : held;
  }

  /** @param seq the last number that the file has */
  end(seq: number): LineRead | 'damaged' | undefined {
    const { held } = this;
    return held !== undefined && this.isTooHigh(held, seq + 1) ? 'damaged' : held;
  }

  private isTooHigh({ envelope }: LineRead, next: number): boolean {
    const seq = envelope.sessionSeq as number;
    return seq > this.last + 1 && next > this.last && next <= seq;
  }
}

const LEFT_OUT = 'a damaged line is left out of pages';

/** A page being made: what fits, and how far it has looked. */
class SessionPage {
  scanned: number;
  scannedBytes = 0;

  constructor(
    readonly page: Page,
    readonly after: number,
    readonly head: number,
    /** The last number that is gone for good. */
    readonly trimmed: number,
    private readonly types: Set<string> | undefined,
  ) {
    this.scanned = after;
  }

  /** False when the page is full. */
  take(envelope: EventEnvelope, bytes: number): boolean {
    const seq = envelope.sessionSeq as number;
    // A line that is there again is passed over, too.
    if (seq <= this.scanned || seq > this.head) return true;
    const wanted = this.types === undefined || this.types.has(envelope.type);
    if (wanted && !this.page.add(envelope, bytes)) return false;
    this.scanned = seq;
    this.scannedBytes += bytes;
    return !this.page.full;
  }
}

/** Pages of one session's events: from its file, and from memory for what is not synced there yet. */
export class SessionReader {
  /** In the order of their last use. */
  private readonly indexes = new Map<string, Index>();

  constructor(
    private readonly fs: StorageFs,
    private readonly sessions: SessionEvents,
    private readonly limits: StorageLimits,
    private readonly onDamage: (path: string, reason: string) => void,
  ) {}

  /** @throws CURSOR_GONE when `after` is from the future; STORAGE_READ when the file cannot be read. */
  read(sessionId: string, query: SessionPageQuery): Promise<EventPage> {
    return this.page(sessionId, query).catch((error: unknown) => { throw toReadError(error); });
  }

  private async page(sessionId: string, query: SessionPageQuery): Promise<EventPage> {
    const after = query.after ?? 0;
    const head = this.sessions.seqOf(sessionId);
    const file = this.sessions.fileOf(sessionId);
    const { trimmed = 0 } = file ?? {};
    if (!Number.isSafeInteger(after) || after < 0 || after > head || (after > 0 && after < trimmed)) {
      throw new AppError('CURSOR_GONE', undefined, { oldest: String(Math.min(trimmed + 1, head)), newest: String(head) });
    }
    const types = query.types === undefined ? undefined : new Set(query.types);
    const found = new SessionPage(new Page(pageBounds(this.limits, query)), Math.max(after, trimmed), head, trimmed, types);
    if (file !== undefined) {
      // Both are taken together: what is synced while we read stays in this array of lines.
      const { synced, lines, path } = file;
      const more = found.after >= synced.seq || (await this.fromFile(sessionId, path, synced, found));
      if (more) fromMemory(lines, found);
    }
    return { items: found.page.items, nextCursor: String(found.scanned) };
  }

  /** True when there may be more after the file. */
  private async fromFile(sessionId: string, path: string, { bytes, seq }: Extent, found: SessionPage): Promise<boolean> {
    const damaged = (reason: string): void => {
      // One that was cut meanwhile has lost nothing that it should have.
      if (this.sessions.fileOf(sessionId)?.trimmed === found.trimmed) this.onDamage(path, reason);
    };
    const file = await this.fs.open(path, 'read').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      if (error instanceof NotAFileError) damaged(reasonOf(error));
      throw error;
    });
    if (file === undefined) {
      damaged('missing');
      return true;
    }
    try {
      const offset = await this.offsetOf(sessionId, file, found, bytes);
      const numbers = new LineNumbers(offset === 0 ? found.trimmed : found.after);
      for await (const lines of readLines(file, offset, bytes)) {
        for (const line of lines) {
          const envelope = parsed(line.bytes);
          const before = envelope && numbers.next({ envelope, bytes: line.bytes.length });
          if (envelope === undefined || before === 'damaged') damaged(LEFT_OUT);
          else if (before !== undefined && !found.take(before.envelope, before.bytes)) return false;
        }
        if (found.page.items.length > 0 && found.scannedBytes > this.limits.scanBytesMax) return false;
      }
      const last = numbers.end(seq);
      if (last === 'damaged') damaged(LEFT_OUT);
      else if (last !== undefined) return found.take(last.envelope, last.bytes);
      return true;
    } finally {
      await file.close();
    }
  }

  private async offsetOf(sessionId: string, file: StorageFile, { after, trimmed }: SessionPage, bytes: number): Promise<number> {
    const known = this.indexes.get(sessionId);
    const index = known?.trimmed === trimmed ? known : { trimmed, entries: [], scannedBytes: 0 };
    this.indexes.delete(sessionId);
    this.indexes.set(sessionId, index);
    if (this.indexes.size > this.limits.sessionIndexesMax) {
      this.indexes.delete(this.indexes.keys().next().value as string);
    }
    const last = index.entries.at(-1);
    if (index.scannedBytes < bytes && (last === undefined || after > last.seq)) await this.extend(index, file, bytes);
    const at = index.entries.findLastIndex((entry) => entry.seq <= after + 1);
    return at === -1 ? 0 : index.entries[at].offset;
  }

  private async extend(index: Index, file: StorageFile, bytes: number): Promise<void> {
    let before: Buffer | undefined;
    for await (const lines of readLines(file, index.scannedBytes, bytes)) {
      for (const { offset, bytes: line } of lines) {
        const [last, previous] = [index.entries.at(-1), before];
        before = line;
        index.scannedBytes = offset + line.length + 1;
        if (offset - (last?.offset ?? 0) < this.limits.indexStrideBytes) continue;
        const seq = parsed(line)?.sessionSeq;
        // A number that is too low would hide the lines before it: two that follow each other are not both damaged so.
        if (seq === undefined || previous === undefined || parsed(previous)?.sessionSeq !== seq - 1) continue;
        if (seq > (last?.seq ?? 0)) index.entries.push({ seq, offset });
      }
    }
  }
}

/** undefined for a damaged line: also one that is JSON and no event. */
function parsed(line: Buffer): EventEnvelope | undefined {
  try {
    const envelope = JSON.parse(line.toString()) as EventEnvelope;
    return Number.isSafeInteger(envelope.seq) && Number.isSafeInteger(envelope.sessionSeq) && typeof envelope.type === 'string' ? envelope : undefined;
  } catch {
    return undefined;
  }
}

function fromMemory(lines: SessionLine[], found: SessionPage): void {
  for (const { event } of lines) {
    if (!found.take(event.envelope, event.bytes)) return;
  }
}
