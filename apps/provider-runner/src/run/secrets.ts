import { realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { readRegularFile } from '../files/regular-file.js';
import { SECRET_FILE_BYTES_MAX } from '../limits.js';
import { isWithin } from './working-dir.js';

/**
 * References become values here and nowhere else; values are handed to the agent's environment and to
 * the redactor, and are written to no file (design §4.3). A trailing line end of a file is not part of
 * its secret. What is in `$ORBITMESH_HOME` is ours (the admin's token, the key of all agents' tokens)
 * and is no agent's secret, wherever a link to it stands.
 * @throws CONFIG_INVALID naming the secret, never a value
 */
export function resolveSecrets(references: Record<string, string>, { processEnv, home }: SecretSources): Record<string, string> {
  return Object.fromEntries(Object.entries(references).map(([name, reference]) => [name, resolveSecret(name, reference, { processEnv, home })]));
}

export interface SecretSources {
  processEnv: NodeJS.ProcessEnv;
  /** `$ORBITMESH_HOME`. */
  home: string;
}

function resolveSecret(name: string, reference: string, { processEnv, home }: SecretSources): string {
  if (reference.startsWith('env:')) {
    const value = processEnv[reference.slice(4)];
    if (value === undefined || value === '') throw unresolved(name, `the runner's environment has no ${reference.slice(4)}`);
    return value;
  }
  if (reference.startsWith('file:') && isAbsolute(reference.slice(5))) return readSecret(name, reference.slice(5), home);
  throw unresolved(name, 'a reference is env:NAME or file:/absolute/path');
}

function readSecret(name: string, path: string, home: string): string {
  let bytes: Buffer | undefined;
  try {
    const real = realpathSync.native(path);
    if (isWithin(real, realpathSync.native(home))) throw unresolved(name, 'its file is inside the home of OrbitMesh');
    bytes = readRegularFile(real, SECRET_FILE_BYTES_MAX);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unresolved(name, `its file cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
  if (!bytes) throw unresolved(name, 'its file is no regular file of at most 64 KiB');
  const value = bytes.toString().replace(/\r?\n$/, '');
  if (value === '' || value.includes('\0')) throw unresolved(name, 'its file is empty or binary');
  return value;
}

function unresolved(name: string, why: string): AppError {
  return new AppError('CONFIG_INVALID', `The secret ${name} cannot be resolved: ${why}.`, { secret: name });
}
