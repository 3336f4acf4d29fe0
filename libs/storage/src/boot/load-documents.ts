import { join } from 'node:path';
import { CHECKPOINT_FILE } from '../checkpoint.js';
import { NOT_DOCUMENTS, type Collections, type DocumentName } from '../collections.js';
import { reasonOf } from '../fs/storage-error.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { DOCUMENT_DEPTH_MAX } from '../limits.js';
import { documentKey, type OpaqueDocument } from '../projection/document-files.js';
import type { ChangedFile } from './hand-edits.js';
import { deepFreeze } from '../view/deep-freeze.js';
import type { DocumentTables } from '../view/view.js';

export interface LoadedFiles {
  /** Relative paths of files that are not what they should be. */
  damaged: { path: string; reason: string }[];
  /** Second files of a document; the one with the lower revision is listed. */
  duplicates: { name: DocumentName; path: string }[];
  /** Absolute paths of temporary files of ours. */
  temporaries: string[];
  /** Files that were written after the checkpoint. */
  changed: ChangedFile[];
  /** Files that are left alone, and why. */
  notes: { path: string; reason: string }[];
}

/** Reads every document file into the tables; whatever is wrong with one file hurts only that file. */
export function loadDocuments(
  fs: StorageFs,
  root: string,
  collections: Collections,
  tables: DocumentTables,
  opaque: Map<string, OpaqueDocument>,
): LoadedFiles {
  const found: LoadedFiles = { damaged: [], duplicates: [], temporaries: [], changed: [], notes: [] };
  const checkpointAt = fs.writtenAtSync?.(join(root, CHECKPOINT_FILE)) ?? Infinity;
  const paths = new Map<string, string>();
  for (const path of documentPaths(fs, root, '', 0, found)) {
    const read = readDocument(fs, join(root, path));
    if ('reason' in read) {
      found.damaged.push({ path, reason: read.reason });
      continue;
    }
    const { schemaVersion, doc } = read;
    const name = collections.identify(path, doc);
    if (name === undefined) {
      if (schemaVersion !== undefined) found.notes.push({ path, reason: 'not where its content belongs; left alone' });
      continue;
    }
    const spec = collections.spec(name.collection);
    if (schemaVersion === undefined && !spec.plain) {
      found.damaged.push({ path, reason: 'it has no schemaVersion' });
    } else if (schemaVersion !== undefined && schemaVersion > spec.schemaVersion) {
      opaque.set(documentKey(name), { schemaVersion, doc, path });
      found.notes.push({ path, reason: `written by a newer version (${schemaVersion}); left alone` });
    } else {
      keepNewest(name, path, doc, tables, paths, found);
      if (checkpointAt < Infinity && (fs.writtenAtSync?.(join(root, path)) ?? 0) > checkpointAt) found.changed.push({ name, path });
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
  for (const { name, kind } of fs.readDirSync(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    if (depth === 0 && NOT_DOCUMENTS.has(name)) continue;
    if (kind === 'directory' && depth < DOCUMENT_DEPTH_MAX) yield* documentPaths(fs, root, path, depth + 1, found);
    if (kind !== 'file') continue;
    if (TEMPORARY_NAME.test(name)) found.temporaries.push(join(root, path));
    else if (name.endsWith('.json') && !name.startsWith('.')) yield path;
  }
}

type ReadDocument = { reason: string } | { schemaVersion: number | undefined; doc: object };

function readDocument(fs: StorageFs, path: string): ReadDocument {
  let content: unknown;
  try {
    content = JSON.parse(fs.readSync(path).toString());
  } catch (error) {
    return { reason: `unreadable: ${reasonOf(error)}` };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return { reason: 'not a document' };
  const { schemaVersion, ...doc } = content as { schemaVersion?: unknown };
  return { schemaVersion: typeof schemaVersion === 'number' ? schemaVersion : undefined, doc };
}
