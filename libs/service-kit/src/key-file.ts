import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '@orbitmesh/domain';
import { writeFileAtomic } from '@orbitmesh/storage';

/** Of every key that we make: as many as SHA-256 gives. */
const KEY_BYTES = 32;

/**
 * Reads a key of 32 random bytes, or makes it: what is computed with it need not be stored anywhere (ADR-0004, ADR-0010). The caller holds
 * the lock of the file's directory.
 *
 * @param loss what removing it costs, for the sentence that the owner reads
 * @throws CONFIG_INVALID when the file is damaged: a new key would silently make worthless what the old one has signed.
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
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
