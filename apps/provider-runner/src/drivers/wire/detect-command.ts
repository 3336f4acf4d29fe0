import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { ProviderEntry } from '@orbitmesh/domain';
import { VERSION_BYTES_MAX, VERSION_CHARACTERS_MAX, VERSION_DETAIL_CHARACTERS_MAX, VERSION_TIMEOUT_MS } from '../../limits.js';
import type { Detection } from '../driver.js';

/** The program is named absolutely; this is for what it starts itself. Nothing of our own environment is handed on. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * Is the entry's command there, are the scripts it names, and which version does it say it is? The
 * version is the line of what `program …versionArgs` says that looks like one (copilot adds advice), else the last; null:
 * nobody asks for it. Never throws.
 */
export async function detectCommand(entry: ProviderEntry, versionArgs: readonly string[] | null, timeoutMs: number = VERSION_TIMEOUT_MS): Promise<Detection> {
  const [program, ...args] = entry.command;
  try {
    if (!program || !isAbsolute(program)) throw new Error('the command is not an absolute path');
    await access(program, constants.X_OK);
    for (const path of args.filter((arg) => isAbsolute(arg))) await access(path, constants.R_OK);
  } catch (error) {
    return { installed: false, version: null, detail: (error as Error).message };
  }
  if (!versionArgs) return { installed: true, version: null, detail: null };
  try {
    const lines = (await wordsOf(program, versionArgs, { PATH, ...entry.env }, timeoutMs)).trim().split('\n');
    const version = lines.find((line) => /\d\.\d/.test(line)) ?? lines.at(-1);
    return { installed: true, version: version?.trim().slice(0, VERSION_CHARACTERS_MAX) || null, detail: null };
  } catch (error) {
    return { installed: true, version: null, detail: `the version is unknown: ${(error as Error).message.split('\n')[0].slice(0, VERSION_DETAIL_CHARACTERS_MAX)}` };
  }
}

/**
 * What a program says on stdout. It is ended with all that it started: when it has ended itself, when it takes too long or says
 * too much, and when we leave. It is asked again and again, so whatever it left behind would become more each time.
 * @throws Error that says what it did instead
 */
async function wordsOf(program: string, args: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number): Promise<string> {
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const said: Buffer[] = [];
  let bytes = 0;
  let problem: string | undefined;
  const end = (): void => endGroup(child.pid);
  const giveUp = (why: string): void => {
    problem ??= why;
    end();
    child.stdout.destroy();
  };
  const late = setTimeout(giveUp, timeoutMs, 'it did not say it in time');
  process.once('exit', end);
  child.once('exit', end);
  child.stdout.on('data', (chunk: Buffer) => {
    said.push(chunk);
    bytes += chunk.length;
    if (bytes > VERSION_BYTES_MAX) giveUp('it says too much');
  });
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (problem === undefined && code !== 0) problem = `it ended with ${signal ?? `exit code ${code}`}`;
  } finally {
    clearTimeout(late);
    process.off('exit', end);
  }
  if (problem !== undefined) throw new Error(problem);
  return Buffer.concat(said).toString();
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // Nothing of it is left; on macOS it may be that only what has ended is.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
