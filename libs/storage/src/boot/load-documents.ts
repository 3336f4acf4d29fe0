import { join } from 'node:path';
import { NOT_DOCUMENTS, type Collections, type DocumentName } from '../collections.js';
import { readDocument } from '../fs/read-document.js';
import { reasonOf } from '../fs/storage-error.js';
import { isShortage, type DirectoryEntry, type StorageFs } from '../fs/storage-fs.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { DOCUMENT_DEPTH_MAX } from '../limits.js';
import { documentKey, type OpaqueDocument } from '../projection/document-files.js';
import type { ChangedFile } from './hand-edits.js';
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
  /** Files that were put there or written after the checkpoint. */
  changed: ChangedFile[];
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
  const found: LoadedFiles = { damaged: [], duplicates: [], temporaries: [], changed: [], notes: [] };
  const paths = new Map<string, string>();
  for (const path of documentPaths(fs, root, '', 0, found)) {
    // Not `join`: there are tens of thousands of them, and a start waits.
    const file = `${root}/${path}`;
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
      if (changedAt > checkpointAt) found.changed.push({ name, path });
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

function* documentPaths(
  fs: StorageFs,
  root: string,
  below: string,
  depth: number,
  found: LoadedFiles,
): Generator<string> {
  for (const { name, kind } of entriesOf(fs, join(root, below), below, found)) {
    const path = below === '' ? name : `${below}/${name}`;
    if (depth === 0 && NOT_DOCUMENTS.has(name)) continue;
    const named = name.endsWith('.json') && !name.startsWith('.');
    if (kind === 'file') {
      if (TEMPORARY_NAME.test(name)) found.temporaries.push(join(root, path));
      else if (named) yield path;
    } else if (named) {
      found.damaged.push({ path, reason: `a ${kind}, no file`, foreign: true });
    } else if (kind === 'link') {
      found.notes.push({ path, reason: 'a link; not followed' });
    } else if (kind === 'directory' && depth < DOCUMENT_DEPTH_MAX) {
      yield* documentPaths(fs, root, path, depth + 1, found);
    }
  }
}

function entriesOf(fs: StorageFs, dir: string, path: string, found: LoadedFiles): DirectoryEntry[] {
  try {
    return fs.readDirSync(dir);
  } catch (error) {
    if (path === '' || isShortage(error)) throw error;
    found.notes.push({ path, reason: `unreadable: ${reasonOf(error)}` });
    return [];
  }
}
