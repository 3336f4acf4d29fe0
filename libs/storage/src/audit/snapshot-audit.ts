import type { StorageFs } from '../fs/storage-fs.js';
import { recordAt } from '../log/record-lines.js';
import { documentKey } from '../projection/document-files.js';
import { readSnapshot, type Snapshot } from '../snapshot.js';
import { linesOf } from './session-audit.js';

const LINE_FEED = 0x0a;

/** Why a start cannot use the snapshot; undefined: it can, or there is none. @param logId of its store's log, when that is known */
export function snapshotFault(fs: StorageFs, root: string, logId: string | undefined): string | undefined {
  const snapshot = readSnapshot(fs, root);
  if (snapshot === undefined) return undefined;
  const fault = snapshot === 'damaged' ? 'is damaged' : faultIn(snapshot, logId);
  return fault && `${fault}; the next start reads every document's file instead, and nothing is lost`;
}

function faultIn({ header, bytes }: Snapshot, logId: string | undefined): string | undefined {
  if (logId !== undefined && header.logId !== logId) return `is of another log (${header.logId})`;
  const lines = [...linesOf(bytes)];
  const bad = lines.findIndex((line) => recordAt(line, 0, line.length) === undefined);
  if (bad !== -1) return `is damaged in line ${bad + 1}`;
  if (bytes.at(-1) !== LINE_FEED) return 'is damaged: it ends within a line';
  const keys = lines.slice(1).flatMap(keysIn);
  if (keys.length !== header.documents) return `is damaged: it has ${keys.length} documents, and says ${header.documents}`;
  return new Set(keys).size === keys.length ? undefined : 'is damaged: it has a document twice';
}

function keysIn(line: Buffer): string[] {
  const { collection, id, unread = [id] } = JSON.parse(line.toString('utf8', recordAt(line, 0, line.length)!.jsonAt)) as { collection: string; id: string; unread?: string[] };
  return unread.map((one) => documentKey({ collection, id: one }));
}
