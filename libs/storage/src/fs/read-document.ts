import { reasonOf } from './storage-error.js';
import { isShortage, type StorageFs } from './storage-fs.js';

/** What a document's file holds, or why it holds none. */
export type ReadDocument = { reason: string } | { schemaVersion: number | undefined; doc: object; changedAt: number | undefined };

/** @throws what the process or the machine is short of: it says nothing about the file */
export function readDocument(fs: StorageFs, path: string, bytesMax: number): ReadDocument {
  let content: unknown;
  let changedAt: number | undefined;
  try {
    const read = fs.readDatedSync(path, bytesMax + 1);
    if (read.bytes.length > bytesMax) return { reason: `larger than ${bytesMax} bytes` };
    content = JSON.parse(read.bytes.toString());
    changedAt = read.changedAt;
  } catch (error) {
    // Said about us, not about the file: taking every document for damaged would empty the store.
    if (isShortage(error)) throw error;
    return { reason: `unreadable: ${reasonOf(error)}` };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return { reason: 'not a document' };
  const { schemaVersion, ...doc } = content as { schemaVersion?: unknown };
  return { schemaVersion: typeof schemaVersion === 'number' ? schemaVersion : undefined, doc, changedAt };
}
