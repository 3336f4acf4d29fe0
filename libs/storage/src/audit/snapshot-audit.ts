import type { StorageFs } from '../fs/storage-fs.js';
import { recordAt } from '../log/record-lines.js';
import { documentKey } from '../projection/document-files.js';
import { openSnapshot, type Snapshot } from '../snapshot.js';

/** Why a start cannot use the snapshot; undefined: it can, or there is none. @param logId of its store's log, when that is known */
export function snapshotFault(fs: StorageFs, root: string, logId: string | undefined): string | undefined {
  const snapshot = openSnapshot(fs, root);
  if (snapshot === undefined) return undefined;
  const fault = snapshot === 'damaged' ? 'is damaged' : closing(snapshot, () => faultIn(snapshot, logId));
  return fault && `${fault}; the next start reads every document's file instead, and nothing is lost`;
}

function closing<T>({ file }: Snapshot, work: () => T): T {
  try {
    return work();
  } finally {
    file.close();
  }
}

function faultIn({ header, file }: Snapshot, logId: string | undefined): string | undefined {
  if (logId !== undefined && header.logId !== logId) return `is of another log (${header.logId})`;
  const keys = new Set<string>();
  let [lines, documents] = [0, 0];
  for (const { bytes, whole } of file.lines()) {
    lines += 1;
    if (!whole) return 'is damaged: it ends within a line';
    if (recordAt(bytes, 0, bytes.length) === undefined) return `is damaged in line ${lines}`;
    const found = lines === 1 ? [] : keysIn(bytes);
    documents += found.length;
    for (const key of found) keys.add(key);
  }
  if (documents !== header.documents) return `is damaged: it has ${documents} documents, and says ${header.documents}`;
  return keys.size === documents ? undefined : 'is damaged: it has a document twice';
}

function keysIn(line: Buffer): string[] {
  const { collection, id, unread = [id] } = JSON.parse(line.toString('utf8', recordAt(line, 0, line.length)!.jsonAt)) as { collection: string; id: string; unread?: string[] };
  return unread.map((one) => documentKey({ collection, id: one }));
}
