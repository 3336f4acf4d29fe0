import type { StorageFs } from '../fs/storage-fs.js';
import { decodeRecord } from '../log/record-lines.js';
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
  const bad = lines.findIndex((line) => decodeRecord(line)?.start !== 0);
  if (bad !== -1) return `is damaged in line ${bad + 1}`;
  if (bytes.at(-1) !== LINE_FEED) return 'is damaged: it ends within a line';
  const count = lines.slice(1).reduce((sum, line) => sum + documentsIn(line), 0);
  return count === header.documents ? undefined : `is damaged: it has ${count} documents, and says ${header.documents}`;
}

function documentsIn(line: Buffer): number {
  const { unread } = JSON.parse(decodeRecord(line)!.json.toString()) as { unread?: string[] };
  return unread?.length ?? 1;
}
