import { execFile } from 'node:child_process';
import { access, constants, open } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { CliError, EXIT } from './exit-code.js';
import { PROGRAM_VERSION_MS_MAX } from './limits.js';

const run = promisify(execFile);
/** Enough for a first line that names an interpreter. */
const FIRST_LINE_BYTES = 256;
const NODE_SCRIPT = /^#!\s*(\S*\/env\s+(-S\s+)?)?(\S*\/)?node(js)?(\s|$)/;

/** Absolute, as PATH has it (a link stays one); null: it is not there. */
export async function findOnPath(program: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(directory, program);
    if (await isExecutable(path)) return path;
  }
  return null;
}

/**
 * What starts a program without asking PATH for anything: an agent's PATH is not the one of who added it.
 * A script of Node's is started by the Node we run on.
 * @throws CliError when it cannot be started
 */
export async function commandOf(path: string): Promise<string[]> {
  if (!isAbsolute(path)) throw new CliError(EXIT.usage, `${path} is no absolute path.`);
  if (!(await isExecutable(path))) throw new CliError(EXIT.notFound, `${path} is no program that can be started.`);
  return NODE_SCRIPT.test(await firstLineOf(path)) ? [process.execPath, path] : [path];
}

/** The line of what it says that looks like a version, else the last; null where it says nothing in time. */
export async function versionOf(command: readonly string[], env: NodeJS.ProcessEnv): Promise<string | null> {
  const [program, ...args] = command;
  const { PATH, HOME } = env;
  try {
    // GEMINI_CLI_NO_RELAUNCH: it starts itself a second time else, which takes as long again.
    const { stdout } = await run(program, [...args, '--version'], { timeout: PROGRAM_VERSION_MS_MAX, killSignal: 'SIGKILL', env: { PATH, HOME, GEMINI_CLI_NO_RELAUNCH: 'true' } });
    const lines = stdout.trim().split('\n');
    return (lines.find((line) => /\d\.\d/.test(line)) ?? lines.at(-1))?.trim().slice(0, 100) || null;
  } catch {
    return null;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return (await handle.stat()).isFile();
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

async function firstLineOf(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString('latin1').split('\n')[0];
  } finally {
    await handle.close();
  }
}
