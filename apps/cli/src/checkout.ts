import { fileURLToPath } from 'node:url';
import { CliError, EXIT } from './exit-code.js';

/** The launcher that holds a home: pid and start time name one process for good. */
export interface Holder { pid: number; startTime: string; checkout?: string }
type Say = (about: string, what: string) => void;

/** What this CLI needs of the launcher's own code, which lives in the same checkout. */
export interface LauncherTools {
  homeLock(home: string): { readonly holder: Holder | null };
  isAlive(known: { pid: number | null; startTime?: string | null }): boolean;
  /** By SIGSTOP; false too where nobody can tell. */
  isSuspended(pid: number): boolean;
  /** null: there is no such process. */
  startTimeOf(pid: number): string | null;
  /** Runs that a runner has not closed, and those of them whose agent lives. */
  countRuns(home: string, slot: string): { open: number; living: number };
  readSettings(env: NodeJS.ProcessEnv): object;
  /** What whoever starts it must know of who can reach it then; null: this machine alone. */
  opennessOf(settings: object): string[] | null;
  /** What a launcher of this home that was killed left at work, by name. */
  leftoversOf(home: string): Record<string, { pid: number }>;
  Stack: new (options: { root: string; settings: object; say: Say }) => { open(): Promise<void>; stop(options: { keepAgents: boolean }): Promise<boolean> };
  RUNNER: string;
}

const ROOT = new URL('../../../', import.meta.url);
/** Of the checkout that this CLI is part of. */
export const CHECKOUT = fileURLToPath(ROOT);
export const START_SCRIPT = fileURLToPath(new URL('tools/start.mjs', ROOT));
const MODULES = ['owner-lock', 'process-info', 'open-runs', 'leftovers', 'settings', 'stack', 'services'];

interface PlaceTools { isCopied(dir: string, record: object | null): boolean }
let placeTools: Promise<PlaceTools> | undefined;

/** Says a record that it was written in another directory than the one it lies in? Where there is no checkout there are no launchers that write any. */
export async function isCopied(dir: string, record: object | null): Promise<boolean> {
  try {
    placeTools ??= import(new URL('tools/lib/place.mjs', ROOT).href) as Promise<PlaceTools>;
    return (await placeTools).isCopied(dir, record);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return false;
  }
}

/** @throws CliError where there is a CLI without its checkout, as in an image */
export async function launcherTools(): Promise<LauncherTools> {
  try {
    const tools = {};
    for (const name of MODULES) Object.assign(tools, await import(new URL(`tools/lib/${name}.mjs`, ROOT).href));
    return tools as LauncherTools;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CliError(EXIT.failure, 'This orbitmesh is not part of a checkout: it can talk to a stack, but not start or stop one.');
  }
}
