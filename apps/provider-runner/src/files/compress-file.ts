import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { temporaryName } from '@orbitmesh/storage';
import { COMPRESS_BYTES_MIN } from '../limits.js';

export const compressedPath = (path: string): string => `${path}.gz`;

/**
 * Puts `<file>.gz` in the place of a file that nobody writes any more. A runner that dies at any moment in here leaves the file, or
 * both: then it is done again.
 * @throws the error of the file system; the file is then as it was
 */
export async function compressFile(path: string): Promise<void> {
  const before = await stat(path).catch(ifThere);
  if (before === undefined || !before.isFile() || before.size < COMPRESS_BYTES_MIN) return;
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    // Fast: what agents write is text, and the processor is the agents'.
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    await pipeline(createReadStream(path), gzip, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
    const { size } = await stat(path);
    if (size !== before.size) return await rm(temporary, { force: true });
    await rename(temporary, compressedPath(path));
    await rm(path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
