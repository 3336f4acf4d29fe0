import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, providerEntriesOf, PROVIDERS_FILE_BYTES_MAX, type ProviderEntry } from '@orbitmesh/domain';
import { CliError, EXIT } from './exit-code.js';
import { homeOf } from './home.js';
import { PROVIDERS_LOCK_MS_MAX, STACK_POLL_MS } from './limits.js';

/** Where the entries of this home are. Agents do not decide which agents there are, and another machine's file is not here. @throws CliError */
export function providersFileOf(env: NodeJS.ProcessEnv): string {
  if (env['ORBITMESH_SESSION_ID']) throw new CliError(EXIT.refused, 'Which agents may be started is not for an agent to say: ask a person.');
  if (env['ORBITMESH_API_URL']) throw new CliError(EXIT.refused, 'providers.json is in the home of the OrbitMesh at ORBITMESH_API_URL: change it there, or unset ORBITMESH_API_URL.');
  return join(homeOf(env), 'providers.json');
}

/** In the order of the file; none where there is no file. @throws CliError when the file is broken: nothing of it is used, and nothing is put into it */
export async function readProviders(file: string): Promise<Map<string, ProviderEntry>> {
  try {
    const found = await stat(file);
    if (!found.isFile() || found.size > PROVIDERS_FILE_BYTES_MAX) throw broken(file, 'it is no regular file of at most 1 MiB');
    return new Map(providerEntriesOf(JSON.parse(await readFile(file, 'utf8'))));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    if (error instanceof SyntaxError) throw broken(file, `it is not JSON (${error.message})`);
    if (error instanceof AppError) throw broken(file, error.message.replace(/^providers\.json: |\.$/g, ''));
    throw error;
  }
}

/** One change at a time: of two that read the same file, the second would take back what the first put in. @throws CliError, what `change` throws: then nothing is written */
export async function changeProviders(file: string, change: (entries: Map<string, ProviderEntry>) => Promise<void> | void): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const lock = await lockOf(dirname(file));
  try {
    const entries = await readProviders(file);
    await change(entries);
    // A link is followed: where the file really is, is somebody's choice.
    await writeProviders(await realpath(file).catch(() => file), entries);
  } finally {
    await lock.release();
  }
}

/** @throws CliError when another one holds it for too long */
async function lockOf(dir: string): Promise<{ release(): Promise<void> }> {
  const { nodeFs } = await import('@orbitmesh/storage');
  for (const until = performance.now() + PROVIDERS_LOCK_MS_MAX; ;) {
    try {
      return await nodeFs.lock(dir);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORAGE_LOCKED') throw error;
      if (performance.now() > until) throw new CliError(EXIT.conflict, `Somebody else changes the providers of ${dir}: ${error.message}`, { code: error.code, hint: 'Try again in a moment.' });
      await delay(STACK_POLL_MS);
    }
  }
}

/** For its owner alone, and whole or not at all: services read it whenever it changes. */
async function writeProviders(file: string, entries: ReadonlyMap<string, ProviderEntry>): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function broken(file: string, why: string): CliError {
  return new CliError(EXIT.failure, `${file} cannot be used: ${why}.`, { code: 'CONFIG_INVALID', hint: 'Mend it, or move it away. What was good before is still in force where OrbitMesh runs.' });
}
