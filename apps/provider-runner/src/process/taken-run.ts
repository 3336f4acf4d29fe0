import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DirectoryLock, placeOf } from '@orbitmesh/storage';
import { openRunDirs } from './open-run-dirs.js';
import type { ProcessTable } from './process-table.js';

/**
 * Has a living runner of another home that run? It was called as this one is now, so its processes name this one; the files
 * that they have open are there.
 * @param runDir the run's directory here, whether it is there or not
 */
export async function isTaken(table: ProcessTable, runId: string, runDir: string): Promise<boolean> {
  const open = (await table.nextScan()).markedBy(runId).flatMap(({ pid }) => openRunDirs(pid, runId));
  const elsewhere = open.filter(({ dir, gone }) => !gone && placeOf(dir) !== placeOf(runDir));
  return (await Promise.all(elsewhere.map(({ dir }) => isHeld(dirname(dirname(dir)))))).includes(true);
}

/** Its runner knows what it has begun, whether that has a directory or not. */
export async function isHeld(slot: string): Promise<boolean> {
  return existsSync(slot) && (await DirectoryLock.holderOf(slot)) !== null;
}
