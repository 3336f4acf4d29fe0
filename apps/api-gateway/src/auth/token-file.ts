import { randomBytes } from 'node:crypto';
import { constants, lstatSync } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { TOKEN_FILE_BYTES_MAX } from '../limits.js';

/** What of a file changes with its content, its place and its mode. */
export interface Seen { text: string; version: string; mode: number }

const OTHERS = 0o077;

/** null: there is none. A link is not followed; what is larger than ours can be is not read. @throws UNAVAILABLE when the disk does not say */
export async function readTokenFile(file: string): Promise<Seen | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { ino, ctimeNs, size, mode } = await handle.stat({ bigint: true });
      const text = size > TOKEN_FILE_BYTES_MAX ? '' : (await handle.readFile('utf8')).trim();
      return { text, version: `${ino}.${ctimeNs}`, mode: Number(mode) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ELOOP') return { text: '', version: 'link', mode: 0 };
    return noneOr(error);
  }
}

/**
 * As `readTokenFile` says it, without reading. Synchronous: each request asks it, the kernel answers from memory in some µs, and by way
 * of the thread pool it was an eighth of what a read costs a gateway. @throws UNAVAILABLE
 */
export function versionOf(file: string): string | null {
  try {
    const stats = lstatSync(file, { bigint: true });
    return stats.isSymbolicLink() ? 'link' : `${stats.ino}.${stats.ctimeNs}`;
  } catch (error) {
    return noneOr(error);
  }
}

/** The mode as people write it, when it lets others read, write or look; else null. */
export function openTo({ mode }: Seen): string | null {
  return (mode & OTHERS) === 0 ? null : (mode & 0o777).toString(8);
}

/**
 * A whole file, 0600 and durable, or none. `new`: of several that make it one wins, and the others keep what is there.
 * @throws STORAGE_FULL, STORAGE_WRITE
 */
export async function placeTokenFile(file: string, text: string, how: 'new' | 'replace'): Promise<'placed' | 'there'> {
  const temp = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  return durably(dirname(file), async () => {
    try {
      await writeWhole(temp, text);
      await (how === 'new' ? link(temp, file) : rename(temp, file));
      return 'placed';
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'there';
      throw error;
    } finally {
      await unlink(temp).catch(() => undefined);
    }
  });
}

/** One step: the old name is worth nothing, and the new one everything. False: the old one is gone already. @throws STORAGE_WRITE */
export function renameTokenFile(from: string, to: string): Promise<boolean> {
  return durably(dirname(to), () => ifThere(rename(from, to)));
}

/** False: it is gone already. @throws STORAGE_WRITE */
export function removeTokenFile(file: string): Promise<boolean> {
  return durably(dirname(file), () => ifThere(unlink(file)));
}

async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function durably<T>(directory: string, change: () => Promise<T>): Promise<T> {
  try {
    const result = await change();
    const handle = await open(directory, 'r');
    await handle.sync().finally(() => handle.close());
    return result;
  } catch (error) {
    throw new AppError(['ENOSPC', 'EDQUOT'].includes(codeOf(error)) ? 'STORAGE_FULL' : 'STORAGE_WRITE', undefined, {}, { cause: error });
  }
}

async function ifThere(change: Promise<void>): Promise<boolean> {
  try {
    await change;
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function noneOr(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw new AppError('UNAVAILABLE', undefined, {}, { cause: error });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
