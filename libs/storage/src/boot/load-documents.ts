import type { Collections, DocumentName } from '../collections.js';
import { readDocument } from '../fs/read-document.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { documentKey, type OpaqueDocument } from '../projection/document-files.js';
import { walkDocuments } from './document-walk.js';
import type { ReadFile } from './hand-edits.js';
import { deepFreeze } from '../view/deep-freeze.js';
import type { DocumentTables } from '../view/view.js';

export interface DamagedFile {
  /** Relative. */
  path: string;
  reason: string;
  /** It may be a document's file, and somebody else's: then it stays where it is unless the log has a document there. */
  foreign: boolean;
}

export interface LoadedFiles {
  /** What is not what it should be. */
  damaged: DamagedFile[];
  /** Second files of a document; the one with the lower revision is listed. */
  duplicates: { name: DocumentName; path: string }[];
  /** Absolute paths of temporary files of ours. */
  temporaries: string[];
  /** Those that were read and whose documents are shown. */
  read: ReadFile[];
  /** Some were put there or written after the checkpoint. */
  changed: boolean;
  /** Files that are left alone, and why. */
  notes: { path: string; reason: string }[];
}

/**
 * Reads every document file into the tables; whatever is wrong with one file hurts only that file.
 * @param checkpointAt what was not changed after this, in ms since 1970, is as the store wrote it
 */
export function loadDocuments(
  fs: StorageFs,
  root: string,
  collections: Collections,
  tables: DocumentTables,
  opaque: Map<string, OpaqueDocument>,
  fileBytesMax: number,
  checkpointAt = Infinity,
): LoadedFiles {
  const found: LoadedFiles = { damaged: [], duplicates: [], temporaries: [], read: [], changed: false, notes: [] };
  const paths = new Map<string, string>();
  for (const { what, path, kind } of walkDocuments({ fs, root, unreadable: (dir, reason) => found.notes.push({ path: dir, reason }) })) {
    const file = `${root}/${path}`;
    if (what === 'temporary') found.temporaries.push(file);
    else if (what === 'link') found.notes.push({ path, reason: 'a link; not followed' });
    else if (kind !== 'file') found.damaged.push({ path, reason: `a ${kind}, no file`, foreign: true });
    if (what !== 'document' || kind !== 'file') continue;
    const unread = checkpointAt < Infinity ? collections.onDemandAt(path) : undefined;
    // What is not whole, or was edited, was written after the checkpoint: only that has to be looked into.
    if (unread !== undefined && (fs.changedAtSync?.(file) ?? Infinity) <= checkpointAt) {
      tables.setUnread(unread.collection, unread.id);
      continue;
    }
    const read = readDocument(fs, file, fileBytesMax);
    if ('reason' in read) {
      found.damaged.push({ path, reason: read.reason, foreign: false });
      continue;
    }
    const { schemaVersion, doc, changedAt = 0 } = read;
    const name = collections.identify(path, doc);
    if (name === undefined) {
      if (schemaVersion !== undefined) found.damaged.push({ path, reason: 'not where its content belongs', foreign: true });
      continue;
    }
    const fault = collections.faultOf(name, read);
    if (fault === undefined) {
      keepNewest(name, path, doc, tables, paths, found);
      found.read.push({ name, path });
      found.changed ||= changedAt > checkpointAt;
    } else if (fault.newer) {
      opaque.set(documentKey(name), { schemaVersion: schemaVersion as number, doc, path });
      found.notes.push({ path, reason: `${fault.reason}; left alone` });
    } else {
      found.damaged.push({ path, reason: fault.reason, foreign: false });
    }
  }
  return found;
}

function keepNewest(
  name: DocumentName,
  path: string,
  doc: object,
  tables: DocumentTables,
  paths: Map<string, string>,
  found: LoadedFiles,
): void {
  const key = documentKey(name);
  const other = tables.get<object>(name.collection, name.id);
  if (other !== undefined && revisionOf(other) >= revisionOf(doc)) {
    found.duplicates.push({ name, path });
    return;
  }
  if (other !== undefined) found.duplicates.push({ name, path: paths.get(key) as string });
  paths.set(key, path);
  tables.set(name.collection, name.id, deepFreeze(doc));
}

function revisionOf(doc: object): number {
  return (doc as { revision?: number }).revision ?? 0;
}
