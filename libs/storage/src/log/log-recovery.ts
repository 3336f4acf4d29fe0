import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { isOtherFile, type StorageFs } from '../fs/storage-fs.js';
import { LOG_HEADER_BYTES_MAX } from '../limits.js';
import type { Era } from './log-id.js';
import {
  LOG_FORMAT,
  parseRecord,
  recordNumbers,
  segmentName,
  segmentNumber,
  type LogRecord,
  type SegmentHeader,
} from './log-record.js';
import { scanRecords, type DamagedLine, type LineScan } from './record-lines.js';
import { addToIndex, type Segment } from './segments.js';

/** Something that had been durable and cannot be read. */
export interface LogDamage {
  /** Relative to the log's directory. */
  file: string;
  reason: string;
  offset?: number;
  bytes?: Buffer;
}

export interface RecoveredLog {
  /** Oldest first; each begins where the one before ends. */
  chain: Segment[];
  /** The highest segment number that was ever tried. */
  tried: number;
  logId: string | undefined;
  /** The names it has had, oldest first. */
  eras: Era[];
  /** Its last file is not the one that was written here, but a copy of it: what came after it may have been seen by somebody. */
  copied: boolean;
  /** The last commit in it. */
  lastCommit: number;
  /** Bytes of a torn end that were cut. */
  tornBytes: number;
  damages: LogDamage[];
}

interface Found extends Segment {
  logId: string | undefined;
  /** What the header says that the file is. */
  file: string | undefined;
  /** `bytes` is undefined when the header that stated it is damaged. */
  previous: { segment: number; bytes: number | undefined } | null;
}

/** A log as it lies there. */
export interface LogReading extends RecoveredLog {
  /** The last segment, whose torn end is not cut. */
  last: Segment | undefined;
  /** Of no use to anybody: dropped by a compaction that a crash cut short, or an attempt at a segment that failed. */
  strays: string[];
}

/**
 * Cuts the torn end, and makes sure that what was read is on the disk and not only in the page cache.
 * @throws STORAGE_NEWER when a segment has a newer format; nothing is touched then.
 */
export async function recoverLog(fs: StorageFs, dir: string, firstSegment: number): Promise<RecoveredLog> {
  const { last, strays, ...log } = readLog(fs, dir, firstSegment);
  for (const path of strays) await fs.unlink(path);
  if (last !== undefined) await settle(fs, last);
  await fs.syncDir(dir);
  return log;
}

/**
 * Finds the chain of segments from its end backwards. Touches nothing.
 * @throws STORAGE_NEWER when a segment has a newer format
 */
export function readLog(fs: StorageFs, dir: string, firstSegment: number): LogReading {
  const damages: LogDamage[] = [];
  const tried: number[] = [];
  const numbers: number[] = [];
  for (const { name, kind } of fs.readDirSync(dir)) {
    const number = segmentNumber(name);
    if (number === undefined) continue;
    tried.push(number);
    if (kind === 'file') numbers.push(number);
    else damages.push({ file: name, reason: `a ${kind}, no file; left alone` });
  }
  numbers.sort((a, b) => b - a);
  const present = numbers.filter((number) => number >= firstSegment);
  const last = findLast(fs, dir, present, damages);
  const chain = last === undefined ? [] : findChain(fs, dir, present, last.segment, firstSegment, damages);
  const used = new Set(chain.map((segment) => segment.number));
  const strays: string[] = [];
  for (const number of numbers.filter((other) => !used.has(other))) {
    const path = join(dir, segmentName(number));
    if (number < firstSegment || (fs.sizeSync(path) ?? 0) <= LOG_HEADER_BYTES_MAX) strays.push(path);
    else damages.push({ file: segmentName(number), reason: 'does not connect to the rest of the log; left alone' });
  }
  const logId = chain.map((segment) => segment.logId).findLast((id) => id !== undefined);
  const copied = last !== undefined && isOtherFile(last.segment.file, fs.identitySync?.(last.segment.path));
  return { chain, tried: Math.max(0, ...tried), logId, eras: erasOf(chain), copied, lastCommit: last?.lastCommit ?? 0, tornBytes: last?.tornBytes ?? 0, damages, last: last?.segment, strays };
}

/**
 * The commits after `after` that this segment has, in order; fills its index on the way. Numbers tell what a
 * checksum cannot: a record that is there again is passed over, and one that is not there is told.
 */
export function* recordsOf(
  fs: StorageFs,
  segment: Segment,
  after: number,
  strideBytes: number,
  onDamage: (damage: LogDamage) => void,
): Generator<LogRecord> {
  const bytes = fs.readSync(segment.path).subarray(0, segment.bytes);
  const scan = scanRecords(bytes, segment.bytes);
  segment.index = [];
  const file = segmentName(segment.number);
  const damage = ({ offset, end }: DamagedLine, what: string): void =>
    onDamage({ file, reason: `${what} record at byte ${offset}`, offset, bytes: bytes.subarray(offset, end) });
  for (const line of scan.damaged) damage(line, 'damaged');
  let [last, lastEnd] = [segment.firstCommit - 1, 0];
  for (const line of scan.lines) {
    const numbers = recordNumbers(line.json);
    if (numbers === undefined) continue;
    if (numbers.commit <= last) {
      damage(line, 'repeated');
      continue;
    }
    const explained = scan.damaged.some(({ offset }) => offset >= lastEnd && offset < line.offset);
    if (numbers.commit > last + 1 && !explained) onDamage({ file, reason: missingText(last + 1, numbers.commit - 1) });
    [last, lastEnd] = [numbers.commit, line.end];
    addToIndex(segment, numbers.seq, line.offset, strideBytes);
    if (numbers.commit > after) yield parseRecord(line.json);
  }
}

/** Of commits that are not where they should be. */
export function missingText(first: number, last: number): string {
  return first === last ? `commit ${first} is missing` : `commits ${first} to ${last} are missing`;
}

function findLast(
  fs: StorageFs,
  dir: string,
  numbers: number[],
  damages: LogDamage[],
): { segment: Found; lastCommit: number; tornBytes: number } | undefined {
  for (const number of numbers) {
    const path = join(dir, segmentName(number));
    const bytes = fs.readSync(path);
    const scan = scanRecords(bytes);
    // Without a durable header nothing in the segment was ever acknowledged.
    if (scan.goodBytes === 0) continue;
    const segment = segmentOf(number, path, scan, scan.goodBytes, numbers, damages);
    const lastCommit = scan.lines.reduce((newest, { json }) => Math.max(newest, recordNumbers(json)?.commit ?? 0), segment.firstCommit - 1);
    return { segment, lastCommit, tornBytes: bytes.length - scan.goodBytes };
  }
  return undefined;
}

function findChain(
  fs: StorageFs,
  dir: string,
  numbers: number[],
  last: Found,
  firstSegment: number,
  damages: LogDamage[],
): Found[] {
  const chain: Found[] = [last];
  for (let previous = last.previous; previous !== null && previous.segment >= firstSegment; ) {
    const { segment: number, bytes } = previous;
    const path = join(dir, segmentName(number));
    const size = fs.sizeSync(path);
    if (size === undefined || size < (bytes ?? 0)) {
      damages.push({ file: segmentName(number), reason: size === undefined ? 'missing' : 'shorter than it was' });
    }
    if (size === undefined) break;
    const counted = bytes === undefined ? scanRecords(fs.readSync(path)).goodBytes : countedBytes(fs, path, size, bytes, chain[0].firstCommit);
    let scan = scanRecords(fs.readSync(path, 0, Math.min(counted, LOG_HEADER_BYTES_MAX)), counted);
    if (headerOf(number, scan) === undefined) scan = scanRecords(fs.readSync(path, 0, counted), counted);
    const found = segmentOf(number, path, scan, counted, numbers, damages, chain[0]);
    chain.unshift(found);
    previous = found.previous;
  }
  return chain;
}

/**
 * As many as the next segment's header says; more when something was put in between and moved the end. What was never
 * acknowledged lies there too, and has numbers that the next segment gave again.
 */
function countedBytes(fs: StorageFs, path: string, size: number, stated: number, nextCommit: number): number {
  if (size <= stated) return size;
  const before = scanRecords(fs.readSync(path), stated).lines.findLast(({ json }) => (recordNumbers(json)?.commit ?? nextCommit) < nextCommit);
  return Math.max(stated, before?.end ?? 0);
}

function headerOf(number: number, scan: LineScan): SegmentHeader | undefined {
  const line = scan.lines[0];
  if (line?.offset !== 0) return undefined;
  const header = JSON.parse(line.json.toString()) as Partial<SegmentHeader>;
  if (header.format !== undefined && header.format > LOG_FORMAT) {
    throw new AppError('STORAGE_NEWER', undefined, { file: `log/${segmentName(number)}`, format: header.format });
  }
  return header.segment === number ? (header as SegmentHeader) : undefined;
}

/** A segment whose header is damaged is still read: its numbers come from its first good record. */
function segmentOf(
  number: number,
  path: string,
  scan: LineScan,
  bytes: number,
  numbers: number[],
  damages: LogDamage[],
  next?: Segment,
): Found {
  const header = headerOf(number, scan);
  if (header !== undefined) {
    const { firstCommit, firstSeq, logId, previous, file } = header;
    return { number, path, firstCommit, firstSeq, bytes, index: undefined, logId, file, previous };
  }
  damages.push({ file: segmentName(number), reason: 'its header is damaged' });
  const first = scan.lines.map((line) => recordNumbers(line.json)).find((found) => found !== undefined);
  const before = numbers.find((other) => other < number);
  return {
    number,
    path,
    // When nothing in it can be read, it is as an empty one, so that it hides nothing of the others.
    firstCommit: first?.commit ?? next?.firstCommit ?? 0,
    firstSeq: first?.seq ?? next?.firstSeq ?? 0,
    bytes,
    index: undefined,
    logId: undefined,
    file: undefined,
    previous: before === undefined ? null : { segment: before, bytes: undefined },
  };
}

function erasOf(chain: Found[]): Era[] {
  const eras: Era[] = [];
  for (const { logId, firstSeq } of chain) {
    if (logId !== undefined && logId !== eras.at(-1)?.logId) eras.push({ logId, firstSeq });
  }
  return eras;
}

async function settle(fs: StorageFs, segment: Segment): Promise<void> {
  if ((fs.sizeSync(segment.path) ?? 0) > segment.bytes) await fs.truncate(segment.path, segment.bytes);
  const file = await fs.open(segment.path, 'append');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
