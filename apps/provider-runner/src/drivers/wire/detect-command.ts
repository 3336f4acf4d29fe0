import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import type { ProviderEntry } from '@orbitmesh/domain';
import type { Detection } from '../driver.js';

/** Node programs take seconds to start on a busy machine; past it the version is unknown, the agent still counts as installed. */
const VERSION_TIMEOUT_MS = 8_000;
const VERSION_BYTES_MAX = 64 * 1024;
const VERSION_CHARACTERS_MAX = 100;
/** The program is named absolutely; this is for what it starts itself. Nothing of our own environment is handed on. */
const PATH = '/usr/local/bin:/usr/bin:/bin';
const run = promisify(execFile);

/**
 * Is the entry's command there, are the scripts it names, and which version does it say it is? The
 * version is the line of what `program …versionArgs` says that looks like one (copilot adds advice), else the last; null:
 * nobody asks for it. Never throws.
 */
export async function detectCommand(entry: ProviderEntry, versionArgs: readonly string[] | null): Promise<Detection> {
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
    const { stdout } = await run(program, versionArgs, { timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: VERSION_BYTES_MAX, env: { PATH, ...entry.env } });
    const lines = stdout.trim().split('\n');
    const version = lines.find((line) => /\d\.\d/.test(line)) ?? lines.at(-1);
    return { installed: true, version: version?.trim().slice(0, VERSION_CHARACTERS_MAX) || null, detail: null };
  } catch (error) {
    return { installed: true, version: null, detail: `the version is unknown: ${(error as Error).message.split('\n')[0].slice(0, 300)}` };
  }
}
