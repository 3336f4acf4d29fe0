import { join } from 'node:path';
import type { StateParts } from '../durable-state.js';
import { readDocument } from '../fs/read-document.js';
import { toReadError } from '../fs/storage-error.js';
import { SNAPSHOT_FILE } from '../snapshot-file.js';
import { deepFreeze } from '../view/deep-freeze.js';

/** @param summary of one that the snapshot should have; else its path follows from its id */
export type ReadOnDemand = (collection: string, id: string, summary?: object) => object | undefined;

/**
 * Reads documents that boot left closed, and those of which the snapshot is damaged. One that is not what it has to be is not
 * there for anybody, and is told.
 * @throws STORAGE_READ when nothing can be read now
 */
export function readerOnDemand({ fs, root, collections, limits, onDamage }: StateParts): ReadOnDemand {
  return (collection, id, summary) => {
    const path = collections.path(collection, id, summary ?? {});
    if (summary !== undefined) onDamage(SNAPSHOT_FILE, `is damaged; ${path} was read in its place`);
    const read = attempt(() => readDocument(fs, join(root, path), limits.documentFileBytesMax));
    const fault = 'reason' in read ? read : collections.faultOf({ collection, id }, read);
    if (fault === undefined && 'doc' in read) return deepFreeze(read.doc);
    onDamage(path, (fault as { reason: string }).reason);
    return undefined;
  };
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toReadError(error);
  }
}
