import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { CHECKOUT, launcherTools, START_SCRIPT, type LauncherTools } from './checkout.js';
import { stackOf } from './connection.js';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { LOG_TAIL_LINES, STACK_POLL_MS, UP_MS_MAX } from './limits.js';
import { oneLine } from './document-text.js';
import { homeOf } from './home.js';
import { cliNameOf } from './terminal.js';
import { withUsersUmask } from './umask.js';

export interface UpOptions { keepAgents?: boolean; foreground?: boolean }
export interface UpResult { url: string; home: string; pid: number; started: boolean; log: string | null }

/** Of the home's stack it is that is spoken here, whatever other one the environment names. */
export function homeEnv(env: NodeJS.ProcessEnv, refusal = 'A session neither starts nor stops the stack that it runs in.'): NodeJS.ProcessEnv {
  if (env['ORBITMESH_SESSION_ID']) throw new CliError(EXIT.refused, refusal);
  const { ORBITMESH_API_URL: _url, ORBITMESH_TOKEN: _token, ...rest } = env;
  return { ...rest, ORBITMESH_HOME: homeOf(env) };
}

/** Starts this checkout's stack, unless it runs already, and waits until it is ready. */
export async function startStack(context: Context, options: UpOptions): Promise<void> {
  const env = homeEnv(context.terminal.env);
  const home = homeOf(env);
  const tools = await launcherTools();
  if (options.foreground) return foreground(context, env, options);
  const running = tools.homeLock(home).holder !== null;
  const log = join(home, 'run', 'logs', 'launcher.log');
  const { launcher, saidBefore } = running ? { launcher: null, saidBefore: 0 } : launch(env, log, options);
  context.printer.progress.show(running ? 'OrbitMesh is starting' : 'starting OrbitMesh');
  const { url, pid } = await ready(context, tools, { env, home, log, saidBefore, launcher });
  const result: UpResult = { url, home, pid, started: pid === launcher?.pid, log: launcher ? log : null };
  context.printer.progress.stop();
  const name = cliNameOf(context.terminal.env);
  for (const line of (result.started && tools.opennessOf(tools.readSettings(env))) || []) context.printer.note(line);
  context.printer.result(result, () => `OrbitMesh ${result.started ? 'is ready' : 'already runs'} at ${url}\n  look   ${name} status\n  stop   ${name} down`);
}

/** In a session of its own, so that no terminal's end is its end; nothing of it is read by a shell. */
function launch(env: NodeJS.ProcessEnv, log: string, { keepAgents }: UpOptions): { launcher: ChildProcess; saidBefore: number } {
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  const output = openSync(log, 'a', 0o600);
  const saidBefore = fstatSync(output).size;
  const launcher = withUsersUmask(() => spawn(process.execPath, argumentsOf(keepAgents, `--log=${log}`), { cwd: CHECKOUT, env, detached: true, stdio: ['ignore', output, output] }));
  closeSync(output);
  launcher.unref();
  return { launcher, saidBefore };
}

function argumentsOf(keepAgents: boolean | undefined, ...more: string[]): string[] {
  return [START_SCRIPT, ...(keepAgents ? ['--keep-agents'] : []), ...more];
}

interface Starting { env: NodeJS.ProcessEnv; home: string; log: string; /** How much of the log is of earlier starts. */ saidBefore: number; launcher: ChildProcess | null }

/** @throws CliError when nobody holds the home any more, or it takes too long */
async function ready({ printer, terminal }: Context, tools: LauncherTools, { env, home, log, saidBefore, launcher }: Starting): Promise<{ url: string; pid: number }> {
  const until = performance.now() + UP_MS_MAX;
  for (;;) {
    // Ours may have lost against another one that was started at the same moment: then that one is waited for.
    const ended = launcher === null || launcher.exitCode !== null || launcher.signalCode !== null;
    const { holder } = tools.homeLock(home);
    const stack = await stackOf(env);
    if (holder && stack?.ready && stack.url) return { url: stack.url, pid: holder.pid };
    if (!holder && ended) throw new CliError(EXIT.failure, ['OrbitMesh did not start.', ...tailOf(log, saidBefore)].join('\n'), { hint: `All that it said: ${log}` });
    if (performance.now() > until) {
      throw new CliError(EXIT.unreachable, `OrbitMesh was not ready in ${UP_MS_MAX / 60_000} minutes; it goes on starting.`, { code: 'WAIT_TIMEOUT', hint: `What it says: ${log}; % down ends it.` });
    }
    if (launcher) printer.progress.show(`starting OrbitMesh: ${oneLine(tailOf(log, saidBefore).at(-1) ?? '')}`);
    await delay(STACK_POLL_MS, undefined, { signal: terminal.signal });
  }
}

function tailOf(log: string, saidBefore: number): string[] {
  try {
    const said = readFileSync(log);
    // One that is shorter was begun anew by this start.
    return said.subarray(said.length < saidBefore ? 0 : saidBefore).toString().trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  } catch {
    // What it says then is said by its end.
    return [];
  }
}

/** As npm start, with our terminal. With JSON what it says are notes, and the stack is the document once it is ready. */
async function foreground(context: Context, env: NodeJS.ProcessEnv, { keepAgents }: UpOptions): Promise<void> {
  const { printer, terminal } = context;
  const launcher = withUsersUmask(() => spawn(process.execPath, argumentsOf(keepAgents), { cwd: CHECKOUT, env, stdio: printer.json ? ['ignore', 'pipe', 'pipe'] : 'inherit' }));
  // The terminal tells it, too; it takes a signal that comes twice for one.
  terminal.signal.addEventListener('abort', () => launcher.kill('SIGINT'), { once: true });
  if (printer.json) {
    for (const stream of [launcher.stdout!, launcher.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => { if (line.trim() !== '') printer.note(line); });
    }
    launcher.stdout!.on('data', (chunk: Buffer) => { if (chunk.toString().includes('OrbitMesh is ready')) void tellReady(context, env, launcher.pid!); });
  }
  const [code] = await once(launcher, 'close') as [number | null];
  if (code !== 0) context.exitCode = EXIT.failure;
}

async function tellReady({ printer }: Context, env: NodeJS.ProcessEnv, pid: number): Promise<void> {
  const stack = await stackOf(env);
  printer.document({ url: stack?.url ?? '', home: homeOf(env), pid, started: true, log: null } satisfies UpResult);
}
