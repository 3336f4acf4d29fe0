import { setTimeout as delay } from 'node:timers/promises';
import { CHECKOUT, launcherTools, type Holder, type LauncherTools } from './checkout.js';
import { stackOf } from './connection.js';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { homeOf } from './home.js';
import { DOWN_MS_MAX, STACK_POLL_MS } from './limits.js';
import { homeEnv } from './start-stack.js';

export interface DownOptions { keepAgents?: boolean }
export interface DownResult { home: string; stopped: boolean; pid: number | null }

/** Stops the stack of this home, whoever started it; does nothing when none runs. */
export async function stopStack(context: Context, options: DownOptions): Promise<void> {
  const { printer, terminal } = context;
  const env = homeEnv(terminal.env);
  const home = homeOf(env);
  const tools = await launcherTools();
  const { holder } = tools.homeLock(home);
  printer.progress.show('stopping OrbitMesh');
  if (holder) await stop(context, tools, holder, env, options);
  const leftovers = !holder && await endLeftovers(context, tools, env);
  const unended = options.keepAgents ? 0 : tools.countRuns(home, tools.RUNNER).living;
  printer.progress.stop();
  const result: DownResult = { home, stopped: holder !== null || leftovers, pid: holder?.pid ?? null };
  printer.result(result, () => (result.stopped ? `OrbitMesh in ${home} has stopped${options.keepAgents ? '; its agents go on, and the next start goes on with them' : ''}.` : `OrbitMesh does not run in ${home}.`));
  if (result.stopped && unended > 0) {
    printer.note(`${unended === 1 ? 'An agent still runs' : `${unended} agents still run`}; the next start goes on with ${unended === 1 ? 'it' : 'them'}, and stopping that one ends ${unended === 1 ? 'it' : 'them'}.`);
    context.exitCode = EXIT.failure;
  }
}

/** @throws CliError when it does not end in time */
async function stop({ printer, terminal }: Context, tools: LauncherTools, holder: Holder, env: NodeJS.ProcessEnv, { keepAgents }: DownOptions): Promise<void> {
  if (keepAgents && (await stackOf(env))?.launcher?.pid !== holder.pid) {
    throw new CliError(EXIT.refused, 'It was started by a version that cannot be told to keep its agents.', { hint: 'Stop it without --keep-agents.' });
  }
  // Right before: the lock names a process by its start time, so a stranger that has its pid by now gets nothing.
  if (tools.isAlive(holder)) {
    const suspended = tools.isSuspended(holder.pid);
    process.kill(holder.pid, keepAgents ? 'SIGUSR2' : 'SIGTERM');
    // It cannot stop anything before it goes on.
    if (suspended) process.kill(holder.pid, 'SIGCONT');
    if (suspended) printer.note(`The launcher (pid ${holder.pid}) was suspended; it goes on, to stop.`);
  }
  const until = performance.now() + DOWN_MS_MAX;
  while (tools.isAlive(holder)) {
    if (performance.now() > until) throw new CliError(EXIT.failure, `The launcher (pid ${holder.pid}) did not end in ${DOWN_MS_MAX / 1_000} s.`, { code: 'WAIT_TIMEOUT', hint: 'Try again; a second time it ends at once.' });
    await delay(STACK_POLL_MS, undefined, { signal: terminal.signal });
  }
}

/** Of a launcher of this home that was killed: its nats-server goes on without it, and run/stack.json says so. */
async function endLeftovers({ printer }: Context, tools: LauncherTools, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (Object.keys(tools.leftoversOf(homeOf(env))).length === 0) return false;
  const stack = new tools.Stack({ root: CHECKOUT, settings: tools.readSettings(env), say: (about, what) => printer.note(`${about}: ${what}`) });
  await stack.open();
  await stack.stop({ keepAgents: true });
  return true;
}
