import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { CHECKPOINT_FILE, readCheckpoint, type Checkpoint } from '../checkpoint.js';
import { nodeFs } from '../fs/node-fs.js';
import { isMissing } from '../fs/storage-fs.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { COPY_ATTEMPTS_MAX } from '../limits.js';
import { readLog } from '../log/log-recovery.js';
import { segmentName } from '../log/log-record.js';
import { RESERVE_FILE } from '../reserve.js';
import { SNAPSHOT_FILE } from '../snapshot-file.js';
import { NEXT_SNAPSHOT_FILE } from '../snapshot.js';
import { storeRoot, type AuditOptions } from './store-audit.js';

/** At the top of a store: copied in an order of their own, or, room or made again from the rest, not at all. */
const APART: ReadonlySet<string> = new Set(['log', 'answers', CHECKPOINT_FILE, RESERVE_FILE, SNAPSHOT_FILE, NEXT_SNAPSHOT_FILE]);

/**
 * Copies a store, also one at work, so that the copy starts as after a power cut at one moment: nothing acknowledged before this
 * call is missing in it. The checkpoint goes first: what it covers is in the files, now and later. The log goes last: what the files
 * show is in it. Were segments dropped meanwhile that this needs, it begins again.
 * @param to must not hold anything that is needed: it is replaced
 * @throws UNAVAILABLE when the store compacts faster than it can be copied
 */
export async function copyStore(options: Omit<AuditOptions, 'fs'>, to: string): Promise<void> {
  const from = storeRoot(options);
  for (let attempt = 1; attempt <= COPY_ATTEMPTS_MAX; attempt += 1) {
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true, mode: 0o700 });
    const checkpoint = await copyCheckpoint(from, to);
    for (const part of ['answers', '', 'log']) await copyTree(join(from, part), join(to, part), (name) => part !== '' || !APART.has(name));
    if (isEnough(to, checkpoint)) return;
  }
  throw new AppError('UNAVAILABLE', `${from} changes faster than it can be copied.`);
}

async function copyCheckpoint(from: string, to: string): Promise<Checkpoint | undefined> {
  const text = nodeFs.sizeSync(join(from, CHECKPOINT_FILE)) === undefined ? undefined : nodeFs.readSync(join(from, CHECKPOINT_FILE));
  if (text === undefined) return undefined;
  await writeFile(join(to, CHECKPOINT_FILE), text, { mode: 0o600 });
  const checkpoint = readCheckpoint(nodeFs, to);
  return checkpoint === 'damaged' ? undefined : checkpoint;
}

/** Has the copy everything that its checkpoint does not cover? */
function isEnough(to: string, checkpoint: Checkpoint | undefined): boolean {
  if (checkpoint === undefined) return true;
  const has = (dir: string, number: number): boolean => nodeFs.sizeSync(join(to, dir, segmentName(number))) !== undefined;
  if (!checkpoint.answers.every(({ number }) => has('answers', number))) return false;
  if (checkpoint.firstSegment > 0 && !has('log', checkpoint.firstSegment)) return false;
  const { chain } = readLog(nodeFs, join(to, 'log'), checkpoint.firstSegment);
  return checkpoint.head.commit === 0 || (chain.length > 0 && chain[0].firstCommit <= checkpoint.commit + 1);
}

/**
 * Copies files, directories and links (as links); what vanishes meanwhile was not to be there. Locks and pipes stay behind, and
 * files that are only on their way to be one.
 */
export async function copyTree(from: string, to: string, wanted: (name: string, depth: number) => boolean = () => true, depth = 0): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(ifThere);
  if (entries === undefined) return;
  await mkdir(to, { recursive: true, mode: 0o700 });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const { name } = entry;
    if (!wanted(name, depth) || TEMPORARY_NAME.test(name)) continue;
    if (entry.isDirectory()) await copyTree(join(from, name), join(to, name), wanted, depth + 1);
    else if (entry.isSymbolicLink()) await symlink(await readlink(join(from, name)), join(to, name)).catch(ifThere);
    else if (entry.isFile()) await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE).catch(ifThere);
  }
}

function ifThere(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
