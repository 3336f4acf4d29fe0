import { join } from 'node:path';
import { NOT_DOCUMENTS } from '../collections.js';
import { reasonOf } from '../fs/storage-error.js';
import { isShortage, type DirectoryEntry, type EntryKind, type StorageFs } from '../fs/storage-fs.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { DOCUMENT_DEPTH_MAX } from '../limits.js';

/** What has the name of a document's file, or of a temporary one of ours; links to something else, which are not followed; directories that were not looked into. */
export interface Walked {
  what: 'document' | 'temporary' | 'link' | 'passed';
  /** Relative. */
  path: string;
  name: string;
  kind: EntryKind;
}

interface Walk {
  fs: StorageFs;
  root: string;
  /** A directory that cannot be read hurts only what is in it. */
  unreadable(path: string, reason: string): void;
  /** @returns whether to look into a directory, which is so many below the root */
  enters?(path: string, depth: number): boolean;
}

/** Everything in a store's directory that may be a document's file. */
export function* walkDocuments(walk: Walk, below = '', depth = 0): Generator<Walked> {
  for (const { name, kind } of entriesOf(walk, below)) {
    // Not `join`: there are tens of thousands of them, and a start waits.
    const path = below === '' ? name : `${below}/${name}`;
    if (depth === 0 && NOT_DOCUMENTS.has(name)) continue;
    if (kind === 'file' && TEMPORARY_NAME.test(name)) yield { what: 'temporary', path, name, kind };
    else if (name.endsWith('.json') && !name.startsWith('.')) yield { what: 'document', path, name, kind };
    else if (kind === 'link') yield { what: 'link', path, name, kind };
    else if (kind !== 'directory' || depth >= DOCUMENT_DEPTH_MAX) continue;
    else if (walk.enters?.(path, depth) === false) yield { what: 'passed', path, name, kind };
    else yield* walkDocuments(walk, path, depth + 1);
  }
}

function entriesOf({ fs, root, unreadable }: Walk, below: string): DirectoryEntry[] {
  try {
    return fs.readDirSync(join(root, below));
  } catch (error) {
    if (below === '' || isShortage(error)) throw error;
    unreadable(below, `unreadable: ${reasonOf(error)}`);
    return [];
  }
}
