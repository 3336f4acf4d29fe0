import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DurableState } from './durable-state.js';
import { isShortage, type StorageFs } from './fs/storage-fs.js';
import { SNAPSHOT_CHUNK_BYTES, SNAPSHOT_SYNC_BYTES, UNREAD_OF_LINE_MAX } from './limits.js';
import type { LoggedPut } from './log/log-record.js';
import { decodeRecord, encodeRecord, recordAt } from './log/record-lines.js';
import { appendAll } from './fs/write-file-atomic.js';
import { KeptDocument } from './view/kept-document.js';
import type { NamedDocument } from './view/view.js';

export const SNAPSHOT_FILE = 'snapshot.ndjson';
/** One that is being written, or that no checkpoint covers yet. */
export const NEXT_SNAPSHOT_FILE = 'snapshot.next.ndjson';
const SNAPSHOT_FORMAT = 1;
const LINE_FEED = 0x0a;
/** What stands before it in a line has no such bytes: in a string, its quotes would be escaped. */
const BEFORE_DOCUMENT = Buffer.from(',"doc":');

/** The first line. The others are puts as in the log, and names of documents that are read on demand. */
export interface SnapshotHeader {
  format: number;
  logId: string;
  /** It shows the documents as they were after this commit. */
  commit: number;
  /** Of all collections: a newer one, and a collection that is not known, is for a newer version to read. */
  schemaVersions: Record<string, number>;
  /** Of the collections that have one, its keys: a start parses no document of a collection whose summary is still that. */
  summaries?: Record<string, string[]>;
  /** How many follow: a file that was cut short has fewer. */
  documents: number;
}

/** The summary stands before the document, which need not be parsed to find it. */
type DocumentLine = Omit<LoggedPut, 'doc'> & { summary?: object; doc: object };

/** Those of a collection that are read on demand: their files have them. */
interface UnreadLine {
  collection: string;
  unread: string[];
}

/** A snapshot that was read, and not taken over yet. */
export interface Snapshot {
  header: SnapshotHeader;
  bytes: Buffer;
}

/**
 * Writes all documents into one file, a turn of the event loop for every few of them. It is durable when the promise resolves, but
 * not its name.
 * @param stopped asked now and then; the file is then as it is
 * @returns its bytes
 */
export async function writeSnapshot(
  fs: StorageFs, path: string, header: Omit<SnapshotHeader, 'format'>, documents: readonly NamedDocument[], stopped: () => boolean,
): Promise<number> {
  const file = await fs.open(path, 'create');
  let [written, unsynced, waiting] = [0, 0, 0];
  let chunk: Buffer[] = [];
  const flush = async (): Promise<void> => {
    await appendAll(file, Buffer.concat(chunk));
    written += waiting;
    unsynced += waiting;
    [chunk, waiting] = [[], 0];
    // A little at a time: one sync of everything would keep the log's own waiting.
    if (unsynced < SNAPSHOT_SYNC_BYTES) return;
    await file.datasync();
    unsynced = 0;
  };
  try {
    for (const line of linesOf({ format: SNAPSHOT_FORMAT, ...header }, documents)) {
      const record = Buffer.isBuffer(line) ? line : encodeRecord(Buffer.from(JSON.stringify(line)), 0);
      waiting += record.length;
      chunk.push(record);
      if (waiting < SNAPSHOT_CHUNK_BYTES) continue;
      await flush();
      await turn();
      if (stopped()) return written;
    }
    await flush();
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

function* linesOf(header: SnapshotHeader, documents: readonly NamedDocument[]): Generator<SnapshotHeader | DocumentLine | UnreadLine | Buffer> {
  yield header;
  let names: UnreadLine | undefined;
  for (const { doc, collection, id, schemaVersion } of documents) {
    if (doc === undefined && names?.collection === collection && names.unread.length < UNREAD_OF_LINE_MAX) {
      names.unread.push(id);
      continue;
    }
    if (names) yield names;
    names = doc === undefined ? { collection, unread: [id] } : undefined;
    if (doc instanceof KeptDocument) yield doc.line;
    else if (doc) yield { collection, id, schemaVersion, ...summaryOf(doc, header.summaries?.[collection]), doc };
  }
  if (names) yield names;
}

function summaryOf(doc: object, keys: string[] | undefined): { summary?: object } {
  const values = doc as Record<string, unknown>;
  return keys ? { summary: Object.fromEntries(keys.map((key) => [key, values[key]])) } : {};
}

/** What else has its place is left there. */
export async function removeIfThere(fs: StorageFs, path: string): Promise<void> {
  try {
    if (fs.sizeSync(path) === undefined) return;
  } catch {
    return;
  }
  await fs.unlink(path);
  await fs.syncDir(dirname(path));
}

/** undefined: there is none of ours. */
export function readSnapshot(fs: StorageFs, root: string): Snapshot | 'damaged' | undefined {
  const path = join(root, SNAPSHOT_FILE);
  try {
    if (fs.sizeSync(path) === undefined) return undefined;
    const bytes = fs.readSync(path);
    const first = decodeRecord(bytes.subarray(0, Math.max(0, bytes.indexOf(LINE_FEED))));
    if (first === undefined) return 'damaged';
    const header = JSON.parse(first.toString()) as SnapshotHeader;
    return header.format === SNAPSHOT_FORMAT ? { header, bytes } : undefined;
  } catch (error) {
    if (isShortage(error)) throw error;
    return 'damaged';
  }
}

/** @returns false when some of it is damaged: the state is of no use then */
export function takeOver({ header, bytes }: Snapshot, state: DurableState): boolean {
  const { summaries, schemaVersions } = state;
  const summarized = new Set(Object.keys(summaries).filter((name) => isDeepStrictEqual(header.summaries?.[name], summaries[name])));
  let count = 0;
  for (let offset = bytes.indexOf(LINE_FEED) + 1; offset > 0 && offset < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, offset);
    const record = end === -1 ? undefined : recordAt(bytes, offset, end);
    if (record === undefined) return false;
    const { jsonAt } = record;
    const found = bytes.subarray(0, end).indexOf(BEFORE_DOCUMENT, jsonAt);
    const head = JSON.parse(found === -1 ? bytes.toString('utf8', jsonAt, end) : `${bytes.toString('utf8', jsonAt, found)}}`) as Omit<DocumentLine, 'doc'> | UnreadLine;
    const { collection } = head;
    if (!Object.hasOwn(schemaVersions, collection)) return false;
    // A line that is there again has the place of another one.
    const again = ('unread' in head ? head.unread : [head.id]).some((id) => state.has({ collection, id }));
    if (again) return false;
    if ('unread' in head) {
      for (const id of head.unread) state.documents.setUnread(collection, id);
    } else if (head.summary !== undefined && summarized.has(collection) && head.schemaVersion <= schemaVersions[collection]) {
      // The line's last byte closes what the document is in.
      state.documents.keep(collection, head.id, new KeptDocument(bytes, { start: offset, end: end + 1 }, { start: found + BEFORE_DOCUMENT.length, end: end - 1 }, head.summary));
    } else {
      state.recall({ puts: [JSON.parse(bytes.toString('utf8', jsonAt, end)) as LoggedPut] });
    }
    count += 'unread' in head ? head.unread.length : 1;
    offset = end + 1;
  }
  return count === header.documents;
}
