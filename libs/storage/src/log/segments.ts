import { join } from 'node:path';
import type { StorageFs } from '../fs/storage-fs.js';
import type { StorageLimits } from '../limits.js';
import { AppendFile } from './append-file.js';
import { encodeRecord } from './record-lines.js';
import { LOG_FORMAT, segmentName, type SegmentHeader } from './log-record.js';

/** What is known of one segment. */
export interface Segment {
  number: number;
  path: string;
  firstCommit: number;
  firstSeq: number;
  /** Bytes that count; what is beyond was never acknowledged. */
  bytes: number;
  /** Some (seq, offset) of records, in order; undefined until somebody needs it. */
  index: { seq: number; offset: number }[] | undefined;
}

/** The chain of segments of one log, and the one that is written now. */
export class Segments {
  private file: AppendFile | undefined;
  /** The highest number ever tried: a name is not used twice. */
  private highest: number;

  constructor(
    private readonly fs: StorageFs,
    private readonly dir: string,
    private readonly logId: string,
    private readonly limits: StorageLimits,
    /** Oldest first. */
    readonly chain: Segment[],
    tried: number,
  ) {
    this.highest = tried;
  }

  get bytes(): number {
    return this.chain.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** About how many bytes of it are of later commits, the last of which is `head`. */
  bytesAfter(commit: number, head: number): number {
    return this.chain.reduce((sum, { firstCommit, bytes }, at) => {
      const end = Math.max(this.chain[at + 1]?.firstCommit ?? head + 1, firstCommit + 1);
      return sum + bytes * Math.max(0, end - Math.max(firstCommit, commit + 1)) / (end - firstCommit);
    }, 0);
  }

  get writable(): boolean {
    return this.file !== undefined && !this.file.failed;
  }

  get last(): Segment | undefined {
    return this.chain.at(-1);
  }

  /** Goes on writing the last segment of a log that was recovered. */
  async resume(): Promise<void> {
    if (this.last !== undefined) this.file = await AppendFile.resume(this.fs, this.last.path, this.last.bytes);
  }

  /** Begins a segment at once, for a log that has another name from here on: whoever is told that name must find it again. */
  async begin(next: { commit: number; seq: number }): Promise<void> {
    // What cannot be written now is begun with the first batch.
    await this.startNext(next).catch(() => undefined);
  }

  /** A segment that takes the next batch: the present one, or a new one when it is full or failed. */
  async ensureWritable(next: { commit: number; seq: number }): Promise<void> {
    const full = this.last !== undefined && this.last.bytes >= this.limits.segmentBytesMax;
    if (this.writable && !full) return;
    await this.file?.close();
    this.file = undefined;
    await this.startNext(next);
  }

  /** Makes the records durable in one write and one fdatasync. */
  async append(records: { json: Buffer; seq: number; hasEvents: boolean }[]): Promise<void> {
    const { file, last } = this;
    if (file === undefined || last === undefined) throw new Error('No segment is open.');
    const synced = file.durableBytes;
    const lines = records.map((record) => encodeRecord(record.json, synced));
    await file.append(Buffer.concat(lines));
    let offset = synced;
    for (const [position, record] of records.entries()) {
      if (record.hasEvents) addToIndex(last, record.seq, offset, this.limits.indexStrideBytes);
      offset += lines[position].length;
    }
    last.bytes = file.durableBytes;
  }

  /** Whole segments that may go: all their commits are in the checkpoint, and the log is too large. */
  droppable(checkpointCommit: number): Segment[] {
    let bytes = this.bytes;
    const dropped: Segment[] = [];
    for (let at = 0; at + 1 < this.chain.length && bytes > this.limits.logBytesMax; at += 1) {
      if (this.chain[at + 1].firstCommit > checkpointCommit + 1) break;
      dropped.push(this.chain[at]);
      bytes -= this.chain[at].bytes;
    }
    return dropped;
  }

  /** Call after a durable checkpoint names the first segment that stays. */
  async drop(segments: Segment[]): Promise<void> {
    for (const segment of segments) {
      this.chain.splice(this.chain.indexOf(segment), 1);
      await this.fs.unlink(segment.path);
    }
    if (segments.length > 0) await this.fs.syncDir(this.dir);
  }

  async close(): Promise<void> {
    await this.file?.close();
  }

  /**
   * The header states how many bytes of the segment before count, and it is durable, with its entry
   * in the directory, before anything in it is acknowledged. A failed attempt is unlinked if the disk
   * lets us, and else ignored at boot, because no later header names it.
   */
  private async startNext(next: { commit: number; seq: number }): Promise<void> {
    const number = Math.max(this.highest, this.last?.number ?? 0) + 1;
    this.highest = number;
    const path = join(this.dir, segmentName(number));
    const header: SegmentHeader = {
      format: LOG_FORMAT,
      segment: number,
      logId: this.logId,
      firstCommit: next.commit,
      firstSeq: next.seq,
      previous: this.last === undefined ? null : { segment: this.last.number, bytes: this.last.bytes },
    };
    const file = await AppendFile.create(this.fs, path);
    try {
      await file.append(encodeRecord(Buffer.from(JSON.stringify({ ...header, file: this.fs.identitySync?.(path) })), 0));
      await this.fs.syncDir(this.dir);
    } catch (error) {
      // Best effort, see above; the error that matters is the first one.
      await file.close().catch(() => undefined);
      await this.fs.unlink(path).catch(() => undefined);
      throw error;
    }
    this.file = file;
    const { commit: firstCommit, seq: firstSeq } = next;
    this.chain.push({ number, path, firstCommit, firstSeq, bytes: file.durableBytes, index: [] });
  }
}

export function addToIndex(segment: Segment, seq: number, offset: number, strideBytes: number): void {
  if (segment.index === undefined) return;
  const before = segment.index.at(-1);
  // In order, whatever the file says: a record that is there again must not lead past those before it.
  if (before === undefined || (offset - before.offset >= strideBytes && seq > before.seq)) segment.index.push({ seq, offset });
}
