import { launcherTools, type Holder } from './checkout.js';
import { CliError } from './exit-code.js';
import { homeOf } from './home.js';
import { RESTART_MS_MAX, RESTART_TOLD_MS } from './limits.js';
import type { Printer } from './printer.js';
import type { Terminal } from './terminal.js';

/** Who runs the stack that we speak with, and starts again what dies; null: nobody that we know of. */
export async function launcherOf(env: NodeJS.ProcessEnv): Promise<Holder | null> {
  if (env['ORBITMESH_SESSION_ID'] || env['ORBITMESH_API_URL']) return null;
  try {
    return (await launcherTools()).homeLock(homeOf(env)).holder;
  } catch (error) {
    // In an image there are no launchers.
    if (error instanceof CliError) return null;
    throw error;
  }
}

/**
 * Is a stack that does not answer about to? Where its launcher lives, whatever died is started again; and who runs in a session
 * was started by one. For so long as a start takes, that is: said once, when it is long for somebody who waits.
 */
export function restartAwaited({ env }: Terminal, printer: Printer): (triedMs: number) => Promise<boolean> {
  let told = false;
  return async (triedMs) => {
    if (triedMs > RESTART_MS_MAX || (!env['ORBITMESH_SESSION_ID'] && await launcherOf(env) === null)) return false;
    if (triedMs > RESTART_TOLD_MS && !told) printer.note('(OrbitMesh does not answer; waiting for it to be back)');
    told ||= triedMs > RESTART_TOLD_MS;
    return true;
  };
}
