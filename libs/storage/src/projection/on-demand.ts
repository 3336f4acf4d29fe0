import { join } from 'node:path';
import type { StateParts } from '../durable-state.js';
import { readDocument } from '../fs/read-document.js';
import { toReadError } from '../fs/storage-error.js';
import { deepFreeze } from '../view/deep-freeze.js';

/**
 * Reads documents that boot left closed. One that is not what it has to be is not there for anybody, and is told.
 * @throws STORAGE_READ when nothing can be read now
 */
export function readerOnDemand({ fs, root, collections, limits, onDamage }: StateParts): (collection: string, id: string) => object | undefined {
  return (collection, id) => {
    const path = collections.path(collection, id, {});
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
