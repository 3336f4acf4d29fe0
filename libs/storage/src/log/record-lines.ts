import { crc32 } from 'node:zlib';

/**
 * The line of a record: `<crc32> <synced> <json>\n`. `synced` is how many bytes of this file were
 * durable when the line was written. It tells a tear from damage: a bad line that lies below the
 * `synced` of any good line had been durable, so something damaged it; any other bad line belongs to
 * the last batch, which was never acknowledged (a file system may keep the end of a batch and lose
 * its beginning, so good lines of the same batch may follow).
 */
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const CRC_DIGITS = 8;
const SYNCED_DIGITS_MAX = 16;

export interface DamagedLine {
  offset: number;
  /** Where the next line begins. */
  end: number;
}

/** A good line of a file: without a copy of any of its bytes, since a start reads hundreds of thousands. */
export class RecordLine implements DamagedLine {
  constructor(private readonly bytes: Buffer, readonly offset: number, readonly end: number, readonly jsonAt: number) {}

  get json(): Buffer {
    return this.bytes.subarray(this.jsonAt, this.end - 1);
  }

  /** What stands before these bytes. */
  textBefore(marker: Buffer): string {
    return this.bytes.toString('utf8', this.jsonAt, this.bytes.indexOf(marker, this.jsonAt));
  }
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
  const [good, bad]: [RecordLine[], DamagedLine[]] = [[], []];
  let syncedBytes = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const feed = bytes.indexOf(LINE_FEED, offset);
    const end = feed === -1 ? bytes.length : feed + 1;
    const found = feed === -1 ? undefined : recordIn(bytes, offset, feed);
    const start = found?.start ?? end;
    if (start > offset) bad.push({ offset, end: start });
    if (found !== undefined) {
      syncedBytes = Math.max(syncedBytes, found.synced);
      good.push(new RecordLine(bytes, start, end, found.jsonAt));
    }
    offset = end;
  }
  const trusted = Math.max(durableBytes, syncedBytes);
  const torn = bad.find((line) => line.offset >= trusted);
  const goodBytes = torn?.offset ?? bytes.length;
  const kept = ({ offset }: DamagedLine): boolean => offset < goodBytes;
  return { lines: torn ? good.filter(kept) : good, damaged: bad.filter(kept), goodBytes, syncedBytes };
}

interface FoundRecord {
  /** Where the record begins: not where its line does when the line feed before it is damaged. */
  start: number;
  synced: number;
  jsonAt: number;
}

/** The JSON of a line (without its line feed); undefined when it is damaged. */
export function decodeRecord(line: Buffer): Buffer | undefined {
  const found = recordIn(line, 0, line.length);
  return found && line.subarray(found.jsonAt);
}

/** The record in a line, which ends at `end`; undefined when it is damaged. */
function recordIn(bytes: Buffer, start: number, end: number): FoundRecord | undefined {
  const whole = recordAt(bytes, start, end);
  if (whole !== undefined) return whole;
  for (const { index } of bytes.toString('latin1', start, end).matchAll(/(?=[0-9a-f]{8} \d{1,16} \{)/g)) {
    const rest = recordAt(bytes, start + index, end);
    if (rest !== undefined) return rest;
  }
  return undefined;
}

/** The record that takes just these bytes. */
export function recordAt(bytes: Buffer, start: number, end: number): FoundRecord | undefined {
  const syncedAt = start + CRC_DIGITS + 1;
  const jsonAt = bytes.indexOf(SPACE, syncedAt) + 1;
  if (jsonAt === 0 || jsonAt > end || jsonAt - 1 === syncedAt || jsonAt - 1 - syncedAt > SYNCED_DIGITS_MAX) return undefined;
  const [crc, synced] = [numberIn(bytes, start, syncedAt - 1, 16), numberIn(bytes, syncedAt, jsonAt - 1, 10)];
  if (crc === undefined || synced === undefined || bytes[syncedAt - 1] !== SPACE) return undefined;
  return crc32(bytes.subarray(syncedAt, end)) === crc ? { start, synced, jsonAt } : undefined;
}

/** undefined where anything else than its digits is there. */
function numberIn(bytes: Buffer, start: number, end: number, radix: 10 | 16): number | undefined {
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte >= 0x30 && byte <= 0x39) number = number * radix + byte - 0x30;
    else if (radix === 16 && byte >= 0x61 && byte <= 0x66) number = number * radix + byte - 0x57;
    else return undefined;
  }
  return number;
}
