import type { EventEnvelope } from '@orbitmesh/domain';
import type { IdempotentAnswer } from '../commit.js';

/** The version of segments and records that we write; a newer one is refused untouched. */
export const LOG_FORMAT = 1;

/** The first record of a segment. */
export interface SegmentHeader {
  format: number;
  segment: number;
  logId: string;
  /** The numbers that its first commit and first event will have. */
  firstCommit: number;
  firstSeq: number;
  /** The segment before it and how many of its bytes count: what is beyond was never acknowledged. */
  previous: { segment: number; bytes: number } | null;
  /** What tells this file from a copy of it, where the file system can tell. */
  file?: string;
}

export interface LoggedPut {
  collection: string;
  id: string;
  schemaVersion: number;
  doc: object;
  /** It was not there before; so a start can tell how many documents there were. */
  created?: true;
}

export interface LoggedAnswer extends IdempotentAnswer {
  /** When it was committed, in ms of the store's time in service. */
  at: number;
}

export interface SessionTrim {
  id: string;
  seq: number;
}

/** One commit in the log. `commit` and `seq` come first, so that an index needs no JSON.parse. */
export interface LogRecord {
  commit: number;
  /** The number of its first event, or of the next one if it has none. */
  seq: number;
  puts?: LoggedPut[];
  deletes?: { collection: string; id: string }[];
  /** Sessions that end to exist with this commit: their events files go. */
  forgets?: string[];
  /** Sessions whose events up to `seq` leave their files with this commit. */
  trims?: SessionTrim[];
  events?: EventEnvelope[];
  answer?: LoggedAnswer;
}

/** An event with its JSON, which is made once: for the log, the session's file and the size of a page. */
export interface StoredEvent {
  envelope: EventEnvelope;
  json: string;
  bytes: number;
}

const NUMBERS = /^\{"commit":(\d+),"seq":(\d+)/;

/** The JSON of a record around the events' own. */
export function recordJson(record: Omit<LogRecord, 'events'>, events: StoredEvent[]): string {
  const json = JSON.stringify(record);
  if (events.length === 0) return json;
  return `${json.slice(0, -1)},"events":[${events.map((event) => event.json).join(',')}]}`;
}

/** The numbers of a record's line without parsing the rest; undefined for a segment's header. */
export function recordNumbers(json: Buffer): { commit: number; seq: number } | undefined {
  const match = NUMBERS.exec(json.toString('latin1', 0, 64));
  return match === null ? undefined : { commit: Number(match[1]), seq: Number(match[2]) };
}

export function parseRecord(json: Buffer): LogRecord {
  return JSON.parse(json.toString()) as LogRecord;
}

export function storedEvent(envelope: EventEnvelope): StoredEvent {
  const json = JSON.stringify(envelope);
  return { envelope, json, bytes: Buffer.byteLength(json) };
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.ndjson`;
}

const SEGMENT_NAME = /^(\d{8,})\.ndjson$/;

export function segmentNumber(name: string): number | undefined {
  const match = SEGMENT_NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}
