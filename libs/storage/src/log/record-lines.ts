import { crc32 } from 'node:zlib';

/**
 * The line of a record: `<crc32> <synced> <json>\n`. `synced` is how many bytes of this file were
 * durable when the line was written. It tells a tear from damage: a bad line that lies below the
 * `synced` of any good line had been durable, so something damaged it; any other bad line belongs to
 * the last batch, which was never acknowledged (a file system may keep the end of a batch and lose
 * its beginning, so good lines of the same batch may follow).
 */
const LINE_FEED = 0x0a;
const CRC_DIGITS = 8;
const PREFIX = /^([0-9a-f]{8}) (\d{1,16}) /;
const PREFIX_BYTES_MAX = CRC_DIGITS + 16 + 2;
const EMPTY = Buffer.alloc(0);

export interface RecordLine {
  offset: number;
  /** Where the next line begins. */
  end: number;
  json: Buffer;
}

export interface DamagedLine {
  offset: number;
  end: number;
}

export interface LineScan {
  lines: RecordLine[];
  damaged: DamagedLine[];
  /** Everything from here on is torn: never acknowledged, to be cut. */
  goodBytes: number;
  /** The largest `synced` that a good line states. */
  syncedBytes: number;
}

export function encodeRecord(json: Buffer, syncedBytes: number): Buffer {
  const prefix = Buffer.from(`${syncedBytes} `, 'latin1');
  const crc = crc32(json, crc32(prefix)).toString(16).padStart(CRC_DIGITS, '0');
  return Buffer.concat([Buffer.from(`${crc} ${syncedBytes} `, 'latin1'), json, Buffer.of(LINE_FEED)]);
}

/** Reads all lines. `durableBytes`: what is known from elsewhere to have been durable. */
export function scanRecords(bytes: Buffer, durableBytes = 0): LineScan {
  const all: (RecordLine & { good: boolean })[] = [];
  let syncedBytes = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const feed = bytes.indexOf(LINE_FEED, offset);
    const end = feed === -1 ? bytes.length : feed + 1;
    const decoded = feed === -1 ? undefined : decodeRecord(bytes.subarray(offset, feed));
    const start = offset + (decoded?.start ?? end - offset);
    if (start > offset) all.push({ offset, end: start, json: EMPTY, good: false });
    if (decoded !== undefined) {
      syncedBytes = Math.max(syncedBytes, decoded.synced);
      all.push({ offset: start, end, json: decoded.json, good: true });
    }
    offset = end;
  }
  const trusted = Math.max(durableBytes, syncedBytes);
  const torn = all.find((line) => !line.good && line.offset >= trusted);
  const goodBytes = torn?.offset ?? bytes.length;
  const kept = all.filter((line) => line.offset < goodBytes);
  return {
    lines: kept.filter((line) => line.good),
    damaged: kept.filter((line) => !line.good).map(({ offset, end }) => ({ offset, end })),
    goodBytes,
    syncedBytes,
  };
}

interface DecodedRecord {
  /** Where the record begins in the line: not at 0 when the line feed before it is damaged. */
  start: number;
  synced: number;
  json: Buffer;
}

/** The record of a line (without its line feed); undefined when it is damaged. */
export function decodeRecord(line: Buffer): DecodedRecord | undefined {
  const whole = decodeFrom(line, 0);
  if (whole !== undefined) return whole;
  for (const { index } of line.toString('latin1').matchAll(/(?=[0-9a-f]{8} \d{1,16} \{)/g)) {
    const rest = decodeFrom(line, index);
    if (rest !== undefined) return rest;
  }
  return undefined;
}

function decodeFrom(line: Buffer, start: number): DecodedRecord | undefined {
  const prefix = PREFIX.exec(line.toString('latin1', start, start + PREFIX_BYTES_MAX));
  if (prefix === null) return undefined;
  const [{ length }, crc, synced] = prefix;
  if (crc32(line.subarray(start + CRC_DIGITS + 1)) !== Number.parseInt(crc, 16)) return undefined;
  return { start, synced: Number(synced), json: line.subarray(start + length) };
}
