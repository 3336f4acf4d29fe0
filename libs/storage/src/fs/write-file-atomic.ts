import { randomInt } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { nodeFs } from './node-fs.js';
import { ShortWriteError } from './storage-error.js';
import type { StorageFile, StorageFs } from './storage-fs.js';

/** A process with the same number may have left some behind: in a container they all have the same. */
const before = randomInt(2 ** 40);
let temporaries = before;

/** Names of our temporary files, and of nobody else's: only these are swept at boot. */
export const TEMPORARY_NAME = /^\..+\.(\d+)\.(\d+)\.om-tmp$/;

/** A name that nobody has used. */
export function temporaryName(name: string): string {
  temporaries += 1;
  return `.${name}.${process.pid}.${temporaries}.om-tmp`;
}

/** One of this process, which may be at work on it. */
export function isOwnTemporary(name: string): boolean {
  const [, pid, number] = TEMPORARY_NAME.exec(name) ?? [];
  return Number(pid) === process.pid && Number(number) > before && Number(number) <= temporaries;
}

/** Writes every byte at the end of the file: one write may take fewer. */
export async function appendAll(file: StorageFile, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const written = await file.append(bytes.subarray(offset));
    if (written <= 0) throw new Error('The write took no bytes.');
    offset += written;
  }
}

/**
 * Replaces a file as a whole, all but the last step of design §3: unique temporary file in the same
 * directory (exclusive, 0600) → all bytes → size check → fsync → rename. It is durable only after an
 * fsync of the directory, which the caller may share among several files.
 */
export async function replaceFile(fs: StorageFs, path: string, bytes: Buffer, mode?: number): Promise<void> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  const file = await fs.open(temporary, 'create', mode);
  try {
    try {
      await appendAll(file, bytes);
      const size = file.size();
      if (size !== bytes.length) throw new ShortWriteError(path, bytes.length, size);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    // Best effort: what stays behind is swept at the next boot, and the first error is the one that counts.
    await fs.unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/**
 * Replaces a file durably: after the promise resolves the new content survives a power cut; before,
 * the old or the new content is there, never a mixture. `mode` is 0600 unless told.
 * @throws the error of the file system; the old file is then untouched and no temporary file is left.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Buffer,
  options: { mode?: number; fs?: StorageFs } = {},
): Promise<void> {
  const fs = options.fs ?? nodeFs;
  await replaceFile(fs, path, Buffer.from(data as string), options.mode);
  await fs.syncDir(dirname(path));
}
