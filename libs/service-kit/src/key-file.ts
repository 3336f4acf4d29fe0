import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '@orbitmesh/domain';
import { writeFileAtomic } from '@orbitmesh/storage';

const OTHERS = 0o077;
/** Of every key that we make: as many as SHA-256 gives. */
const KEY_BYTES = 32;

/**
 * Reads a key of 32 random bytes, or makes it: what is computed with it need not be stored anywhere (ADR-0004, ADR-0010). The caller holds
 * the lock of the file's directory.
 *
 * @param loss what removing it costs, for the sentence that the owner reads
 * @throws CONFIG_INVALID when the file is damaged: a new key would silently make worthless what the old one has signed; when it is a
 * link, which is somebody's choice of a key, or others can read it.
 */
export async function loadKeyFile(file: string, loss: string): Promise<Buffer> {
  let key = await readIfThere(file);
  if (!key) {
    await writeFileAtomic(file, randomBytes(KEY_BYTES), { mode: 0o600 });
    key = await readIfThere(file);
  }
  if (key?.length !== KEY_BYTES) throw new AppError('CONFIG_INVALID', `${file} is damaged; remove it to make a new one (${loss}).`);
  return key;
}

async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { mode } = await handle.stat();
      if ((mode & OTHERS) !== 0) throw new AppError('CONFIG_INVALID', `${file} is open to other users (mode ${(mode & 0o777).toString(8)}). Nobody has read it? chmod 600 it; else remove it to make a new one.`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new AppError('CONFIG_INVALID', `${file} is a link, which is not followed; put the file itself in its place.`);
    throw error;
  }
}
