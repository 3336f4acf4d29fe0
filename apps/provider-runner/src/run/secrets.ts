import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { SECRET_FILE_BYTES_MAX } from '../limits.js';

/**
 * References become values here and nowhere else; values are handed to the agent's environment and to
 * the redactor, and are written to no file (design §4.3). A trailing line end of a file is not part of
 * its secret.
 * @throws CONFIG_INVALID naming the secret, never a value
 */
export function resolveSecrets(references: Record<string, string>, processEnv: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(references).map(([name, reference]) => [name, resolveSecret(name, reference, processEnv)]));
}

function resolveSecret(name: string, reference: string, processEnv: NodeJS.ProcessEnv): string {
  if (reference.startsWith('env:')) {
    const value = processEnv[reference.slice(4)];
    if (value === undefined || value === '') throw unresolved(name, `the runner's environment has no ${reference.slice(4)}`);
    return value;
  }
  if (reference.startsWith('file:') && isAbsolute(reference.slice(5))) return readSecret(name, reference.slice(5));
  throw unresolved(name, 'a reference is env:NAME or file:/absolute/path');
}

function readSecret(name: string, path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw unresolved(name, `its file cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > SECRET_FILE_BYTES_MAX) throw unresolved(name, 'its file is no regular file of at most 64 KiB');
    const bytes = Buffer.alloc(SECRET_FILE_BYTES_MAX);
    const value = bytes.subarray(0, readSync(fd, bytes)).toString().replace(/\r?\n$/, '');
    if (value === '' || value.includes('\0')) throw unresolved(name, 'its file is empty or binary');
    return value;
  } finally {
    closeSync(fd);
  }
}

function unresolved(name: string, why: string): AppError {
  return new AppError('CONFIG_INVALID', `The secret ${name} cannot be resolved: ${why}.`, { secret: name });
}
