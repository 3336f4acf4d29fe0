import { join } from 'node:path';
import { NOT_DOCUMENTS, type Collections, type DocumentName } from '../collections.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { AUDITED_FILE_BYTES_MAX, DOCUMENT_DEPTH_MAX } from '../limits.js';
import { digestOf, revisionOf } from './log-states.js';

/** What a store's directory holds, by what it is; paths are relative. */
export interface StoreFiles {
  documents: Map<string, FileState>;
  temporaries: string[];
  /** Links, and what else is no file and no directory. (Locks are meant to be there.) */
  others: Set<string>;
  /** Regular files that are nobody's: no document, nothing of a store. */
  strays: string[];
  directories: Set<string>;
}

/** A file of JSON as it was found. */
export type FileState = { problem: string } | {
  digest: string;
  schemaVersion: number | undefined;
  revision: number | undefined;
  /** Which document has this file, by its place and its content. */
  name: DocumentName | undefined;
  /** What it has to have, and has not. */
  lacks: string | undefined;
};

export function readFiles(fs: StorageFs, root: string, collections: Collections): StoreFiles {
  const found: StoreFiles = { documents: new Map(), temporaries: [], others: new Set(), strays: [], directories: new Set() };
  const walk = (below: string, depth: number): void => {
    for (const { name, kind } of fs.readDirSync(join(root, below))) {
      const path = below === '' ? name : `${below}/${name}`;
      if (NOT_DOCUMENTS.has(path)) continue;
      if (kind === 'file') takeFile(path, name);
      else if (kind !== 'directory' && !name.startsWith('.lock.')) found.others.add(path);
      else if (kind === 'directory') {
        found.directories.add(path);
        if (depth < DOCUMENT_DEPTH_MAX) walk(path, depth + 1);
      }
    }
  };
  const takeFile = (path: string, name: string): void => {
    if (TEMPORARY_NAME.test(name)) found.temporaries.push(path);
    else if (name.endsWith('.json') && !name.startsWith('.')) takeDocument(path);
    // At the top a store has files of its own, and its service keys.
    else if (path !== name) found.strays.push(path);
  };
  const takeDocument = (path: string): void => {
    const state = stateOf(fs, root, path, collections);
    if (state === undefined) return;
    found.documents.set(path, state);
    if (path.includes('/') && !('problem' in state) && state.name === undefined && state.schemaVersion === undefined) found.strays.push(path);
  };
  walk('', 0);
  return found;
}

/** undefined: it is gone by now; its store may be at work. */
function stateOf(fs: StorageFs, root: string, path: string, collections: Collections): FileState | undefined {
  const read = readContent(fs, join(root, path));
  if (read === undefined || 'problem' in read) return read;
  const { content: { schemaVersion, ...doc }, text } = read;
  const name = collections.identify(path, doc);
  return {
    digest: digestOf(text), revision: revisionOf(doc), name, lacks: name && collections.lacks(name, doc),
    schemaVersion: typeof schemaVersion === 'number' ? schemaVersion : undefined,
  };
}

/** What a person can do something about; else as the system says it. */
function reasonText(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return ': it is closed to this user';
  if (code === 'EIO') return ': its disk fails to read it';
  return `: ${error instanceof Error ? error.message : String(error)}`;
}

export type ReadContent = { problem: string } | { content: Record<string, unknown>; text: string };

/** A file with one JSON object in it; undefined when it is not there. */
export function readContent(fs: StorageFs, path: string): ReadContent | undefined {
  try {
    const size = fs.sizeSync(path);
    if (size === undefined) return undefined;
    if (size === 0) return { problem: 'is empty' };
    if (size > AUDITED_FILE_BYTES_MAX) return { problem: `has ${size} bytes, more than any document` };
    const text = fs.readSync(path).toString();
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return { content: content as Record<string, unknown>, text };
    return { problem: 'is not a document' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { problem: error instanceof SyntaxError ? `is not JSON (${error.message})` : `cannot be read${reasonText(error)}` };
  }
}
