import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@orbitmesh/domain';
import type { DurableState } from './durable-state.js';
import { isShortage, type StorageFs } from './fs/storage-fs.js';
import { SHARED_TEXTS_MAX, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_SYNC_BYTES, UNREAD_OF_LINE_MAX } from './limits.js';
import type { LoggedPut } from './log/log-record.js';
import { decodeRecord, encodeRecord, recordAt } from './log/record-lines.js';
import { appendAll } from './fs/write-file-atomic.js';
import { LINE_FEED, SNAPSHOT_FILE, SnapshotFile } from './snapshot-file.js';
import { KeptDocument, type LinePlace } from './view/kept-document.js';
import type { NamedDocument } from './view/view.js';

/** One that is being written, or that no checkpoint covers yet. */
export const NEXT_SNAPSHOT_FILE = 'snapshot.next.ndjson';
const SNAPSHOT_FORMAT = 1;
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

/** A snapshot that was opened, and not taken over yet. */
export interface Snapshot {
  header: SnapshotHeader;
  file: SnapshotFile;
}

/** A document whose line was written. */
export interface WrittenLine extends NamedDocument {
  doc: object | KeptDocument;
  place: LinePlace;
  /** Where its collection has one. */
  summary: object | undefined;
}

/**
 * Writes all documents into one file, a turn of the event loop for every few of them. It is durable when the promise resolves, but
 * not its name.
 * @param stopped asked now and then; the file is then as it is
 * @returns its bytes, and where in it is what
 */
export async function writeSnapshot(
  fs: StorageFs, path: string, header: Omit<SnapshotHeader, 'format'>, documents: readonly NamedDocument[], stopped: () => boolean, state: DocumentSource,
): Promise<{ bytes: number; lines: WrittenLine[] }> {
  const file = await fs.open(path, 'create');
  const lines: WrittenLine[] = [];
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
    for (const { record, of } of linesOf({ format: SNAPSHOT_FORMAT, ...header }, documents, state)) {
      if (of) lines.push({ ...of, place: placeOf(record, written + waiting) });
      waiting += record.length;
      chunk.push(record);
      if (waiting < SNAPSHOT_CHUNK_BYTES) continue;
      await flush();
      await turn();
      if (stopped()) return { bytes: written, lines };
    }
    await flush();
    await file.sync();
    return { bytes: written, lines };
  } finally {
    await file.close();
  }
}

/** What knows a document that the last snapshot should have and has not, and what is in a summary. */
type DocumentSource = Pick<DurableState, 'summaryOf'> & { documents: Pick<DurableState['documents'], 'known'> };

interface RecordToWrite {
  record: Buffer;
  of?: Omit<WrittenLine, 'place'>;
}

const encoded = (line: SnapshotHeader | DocumentLine | UnreadLine): Buffer => encodeRecord(Buffer.from(JSON.stringify(line)), 0);

function* linesOf(header: SnapshotHeader, documents: readonly NamedDocument[], state: DocumentSource): Generator<RecordToWrite> {
  yield { record: encoded(header) };
  let names: UnreadLine | undefined;
  for (const named of documents) {
    const { doc, collection, id } = named;
    if (doc === undefined && names?.collection === collection && names.unread.length < UNREAD_OF_LINE_MAX) {
      names.unread.push(id);
      continue;
    }
    if (names) yield { record: encoded(names) };
    names = doc === undefined ? { collection, unread: [id] } : undefined;
    if (doc) yield documentLine({ ...named, doc }, state);
  }
  if (names) yield { record: encoded(names) };
}

function documentLine(named: NamedDocument & { doc: object | KeptDocument }, state: DocumentSource): RecordToWrite {
  const { collection, id, schemaVersion } = named;
  const line = named.doc instanceof KeptDocument ? named.doc.line() : undefined;
  if (line) return { record: Buffer.concat([line, Buffer.of(LINE_FEED)]), of: { ...named, summary: undefined } };
  const doc = named.doc instanceof KeptDocument ? state.documents.known(collection, id) : named.doc;
  if (doc === undefined) throw new AppError('STORAGE_READ', `${collection}/${id} is damaged in the last snapshot, and its file cannot be read.`);
  const summary = state.summaryOf(collection, doc);
  return { record: encoded({ collection, id, schemaVersion, ...(summary && { summary }), doc }), of: { ...named, doc, summary } };
}

/** Of a line with its line feed. */
const placeOf = (record: Buffer, start: number): LinePlace =>
  ({ start, bytes: record.length - 1, docAt: record.indexOf(BEFORE_DOCUMENT) + BEFORE_DOCUMENT.length });

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

/** undefined: there is none of ours. Who gets one closes it. */
export function openSnapshot(fs: StorageFs, root: string): Snapshot | 'damaged' | undefined {
  const path = join(root, SNAPSHOT_FILE);
  let file: SnapshotFile | undefined;
  try {
    if (fs.sizeSync(path) === undefined) return undefined;
    file = SnapshotFile.open(fs, path);
    const header = headerOf(file);
    if (header?.format === SNAPSHOT_FORMAT) return { header, file };
    file.close();
    return header && undefined;
  } catch (error) {
    file?.close();
    if (isShortage(error)) throw error;
    return 'damaged';
  }
}

/** @throws when it is damaged */
function headerOf(file: SnapshotFile): SnapshotHeader {
  const [first] = file.lines();
  const json = first?.whole ? decodeRecord(first.bytes) : undefined;
  if (json === undefined) throw new Error('The first line of the snapshot is damaged.');
  return JSON.parse(json.toString()) as SnapshotHeader;
}

/** @returns false when some of it is damaged: the state is of no use then */
export function takeOver({ header, file }: Snapshot, state: DurableState): boolean {
  const { summaries, schemaVersions } = state;
  const summarized = new Set(Object.keys(summaries).filter((name) => isDeepStrictEqual(header.summaries?.[name], summaries[name])));
  const shared = new SharedTexts();
  let count = -1;
  for (const { start, bytes, whole } of file.lines()) {
    const record = whole ? recordAt(bytes, 0, bytes.length) : undefined;
    if (record === undefined) return false;
    count += 1;
    if (count === 0) continue;
    const { jsonAt } = record;
    const found = bytes.indexOf(BEFORE_DOCUMENT, jsonAt);
    const head = JSON.parse(found === -1 ? bytes.toString('utf8', jsonAt) : `${bytes.toString('utf8', jsonAt, found)}}`) as Omit<DocumentLine, 'doc'> | UnreadLine;
    const { collection } = head;
    if (!Object.hasOwn(schemaVersions, collection)) return false;
    // A line that is there again has the place of another one.
    const again = ('unread' in head ? head.unread : [head.id]).some((id) => state.has({ collection, id }));
    if (again) return false;
    if ('unread' in head) {
      for (const id of head.unread) state.documents.setUnread(collection, id);
      count += head.unread.length - 1;
    } else if (head.summary !== undefined && summarized.has(collection) && head.schemaVersion <= schemaVersions[collection]) {
      const place = { start, bytes: bytes.length, docAt: found + BEFORE_DOCUMENT.length };
      state.documents.keep(collection, shared.text(head.id), new KeptDocument(file, place, shared.in(head.summary)));
    } else {
      state.recall({ puts: [JSON.parse(bytes.toString('utf8', jsonAt)) as LoggedPut] });
    }
  }
  return count === header.documents;
}

/** Summaries of one project's sessions all name it, and each has its document's id: one text for all of them. */
class SharedTexts {
  private readonly texts = new Map<string, string>();

  in(summary: object): object {
    const values = summary as Record<string, unknown>;
    for (const key in values) if (typeof values[key] === 'string') values[key] = this.text(values[key]);
    return summary;
  }

  text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size === SHARED_TEXTS_MAX) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}
