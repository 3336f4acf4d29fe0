import { join } from 'node:path';
import { decodeRecord, encodeRecord, scanRecords, type RecordLine } from '../log/record-lines.js';
import { AppendFile } from '../log/append-file.js';
import { segmentName, segmentNumber, type LoggedAnswer } from '../log/log-record.js';
import { toReadError } from '../fs/storage-error.js';
import { isShortage, type StorageFs } from '../fs/storage-fs.js';
import type { StorageLimits } from '../limits.js';
import type { AnswerPlace, KeptAnswer } from './answer-table.js';

/** Ahead of an answer in its record: all that a start needs of it, whose body may be long. */
interface AnswerHead {
  commit: number;
  at: number;
  scope: string;
  key: string;
}

/** The record of an answer; older ones have all of it in `answer`. */
type AnswerRecord = (AnswerHead & { answer: Omit<LoggedAnswer, 'at' | 'scope' | 'key'> }) | { commit: number; answer: LoggedAnswer };

/** What stands before it in a record has no such bytes: in a string, its quotes would be escaped. */
const BEFORE_ANSWER = Buffer.from(',"answer":');

function encodeAnswer({ commit, content }: KeptAnswer, syncedBytes: number): Buffer {
  const { at, scope, key, ...answer } = content as LoggedAnswer;
  return encodeRecord(Buffer.from(JSON.stringify({ commit, at, scope, key, answer } satisfies AnswerRecord)), syncedBytes);
}

function headOf(line: RecordLine): AnswerHead {
  const head = JSON.parse(`${line.textBefore(BEFORE_ANSWER)}}`) as AnswerHead;
  return head.scope === undefined ? { ...answerOf(line.json), commit: head.commit } : head;
}

function answerOf(json: Buffer): LoggedAnswer {
  const record = JSON.parse(json.toString()) as AnswerRecord;
  return 'scope' in record ? { at: record.at, scope: record.scope, key: record.key, ...record.answer } : record.answer;
}

/** A side segment in the checkpoint: `bytes` of it are durable. */
export interface AnswerSegment {
  number: number;
  bytes: number;
  /** The last commit with an answer in it: when that one is gone, so is the segment. */
  lastCommit: number;
}

/**
 * The answers of commits that the checkpoint covers, in append-only side segments, so that a
 * checkpoint writes only the new ones. The checkpoint says which segments count.
 */
export class AnswerJournal {
  private file: AppendFile | undefined;
  private waiting: KeptAnswer[] = [];
  private highest: number;

  private constructor(
    private readonly fs: StorageFs,
    private readonly dir: string,
    private readonly limits: StorageLimits,
    private segments: AnswerSegment[],
    tried: number,
  ) {
    this.highest = tried;
  }

  /**
   * Reads the segments that the checkpoint names; without a checkpoint, all of them.
   * @param load gets the answers, oldest first.
   */
  static async open(
    fs: StorageFs,
    dir: string,
    limits: StorageLimits,
    named: AnswerSegment[] | undefined,
    load: (name: Pick<LoggedAnswer, 'scope' | 'key'>, kept: KeptAnswer) => void,
    onDamage: (file: string, reason: string) => void,
  ): Promise<AnswerJournal> {
    const present = numbersIn(fs, dir);
    const segments = named ?? present.map((number) => ({ number, bytes: Infinity, lastCommit: 0 }));
    const journal = new AnswerJournal(fs, dir, limits, [], present.at(-1) ?? 0);
    /** Damaged ones: what is good in them goes into a new one, and they go when a checkpoint says so. */
    const kept = new Set<number>();
    for (const segment of segments) {
      const path = join(dir, segmentName(segment.number));
      const all = readIfPossible(fs, path);
      // What is beyond `bytes` is of commits that were durable, too: harmless, and more when something moved the end.
      const scan = scanRecords(all, named === undefined ? 0 : segment.bytes);
      const damaged = scan.damaged.length > 0 || (named !== undefined && all.length < segment.bytes);
      if (damaged) {
        kept.add(segment.number);
        onDamage(path, 'idempotent answers in it are damaged; they are made again from the log as far as that goes back');
      }
      let { lastCommit } = segment;
      for (const line of scan.lines) {
        const head = headOf(line);
        const { commit, at } = head;
        lastCommit = Math.max(lastCommit, commit);
        const content = { segment: segment.number, offset: line.offset, bytes: line.end - line.offset };
        const found: KeptAnswer = { commit, at, bytes: line.end - line.jsonAt, content: damaged ? answerOf(line.json) : content };
        load(head, found);
        if (damaged) journal.add(found);
      }
      if (!damaged) journal.segments.push({ number: segment.number, bytes: scan.goodBytes, lastCommit });
    }
    await journal.removeOthers(present.filter((number) => !kept.has(number)));
    return journal;
  }

  /** Names of the segments that count, for the checkpoint. */
  state(): AnswerSegment[] {
    return this.segments.map((segment) => ({ ...segment }));
  }

  add(kept: KeptAnswer): void {
    this.waiting.push(kept);
  }

  /** The oldest commit whose answer is not durable here yet. */
  get oldestCommit(): number | undefined {
    return this.waiting[0]?.commit;
  }

  /** Makes the answers that were added since the last time durable. */
  async save(): Promise<void> {
    if (this.waiting.length === 0) return;
    const batch = [...this.waiting];
    const file = await this.writable();
    const synced = file.durableBytes;
    const lines = batch.map((kept) => encodeAnswer(kept, synced));
    await file.append(Buffer.concat(lines));
    const segment = this.segments[this.segments.length - 1];
    let offset = synced;
    batch.forEach((kept, at) => {
      kept.content = { segment: segment.number, offset, bytes: lines[at].length };
      offset += lines[at].length;
    });
    segment.bytes = file.durableBytes;
    segment.lastCommit = batch[batch.length - 1].commit;
    this.waiting = this.waiting.slice(batch.length);
  }

  /** @throws STORAGE_READ when it cannot be read */
  read({ segment, offset, bytes }: AnswerPlace): LoggedAnswer {
    try {
      const line = this.fs.readSync(join(this.dir, segmentName(segment)), offset, bytes);
      const json = decodeRecord(line.subarray(0, -1));
      if (json === undefined) throw new Error(`The answer at byte ${offset} of answers/${segmentName(segment)} is damaged.`);
      return answerOf(json);
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** Segments whose answers are all gone; they leave `state()` now and the disk in `removeOthers`. */
  retire(oldestCommit: number | undefined): void {
    const last = this.segments.at(-1);
    this.segments = this.segments.filter(
      (segment) => segment === last || (oldestCommit !== undefined && segment.lastCommit >= oldestCommit),
    );
  }

  /** Unlinks segments that no checkpoint names any more. Call after a checkpoint is durable. */
  async removeOthers(present: number[] = numbersIn(this.fs, this.dir)): Promise<void> {
    const named = new Set(this.segments.map((segment) => segment.number));
    for (const number of present) {
      if (!named.has(number)) await this.fs.unlink(join(this.dir, segmentName(number)));
    }
  }

  async close(): Promise<void> {
    await this.file?.close();
  }

  /** A new one after every start and every failure: an old end is never appended to. */
  private async writable(): Promise<AppendFile> {
    const { file } = this;
    if (file !== undefined && !file.failed && file.durableBytes < this.limits.answerSegmentBytesMax) return file;
    await file?.close();
    this.file = undefined;
    this.highest += 1;
    const path = join(this.dir, segmentName(this.highest));
    const created = await AppendFile.create(this.fs, path);
    try {
      await this.fs.syncDir(this.dir);
    } catch (error) {
      // Not in `segments`, so nothing may be written to it; what stays of it goes with the next checkpoint.
      await created.close().catch(() => undefined);
      throw error;
    }
    this.segments.push({ number: this.highest, bytes: 0, lastCommit: 0 });
    return (this.file = created);
  }
}

/** In order; what is no file is not ours. */
function numbersIn(fs: StorageFs, dir: string): number[] {
  const files = fs.readDirSync(dir).filter(({ kind }) => kind === 'file');
  return files.flatMap(({ name }) => segmentNumber(name) ?? []).sort((a, b) => a - b);
}

/** Empty when it is gone or unreadable: its answers are lost, and told by whoever knows how many bytes there were. */
function readIfPossible(fs: StorageFs, path: string): Buffer {
  try {
    return fs.readSync(path);
  } catch (error) {
    if (isShortage(error)) throw error;
    return Buffer.alloc(0);
  }
}
