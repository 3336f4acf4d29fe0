import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { auditStore, installationOfStore, SESSION_STORE, Store, type StoreAudit } from '@orbitmesh/storage';
import { launcherTools } from '../checkout.js';
import { stackOf, type StackFile } from '../connection.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { homeOf } from '../home.js';
import { MENDING_PASSES_MAX } from '../limits.js';
import { homeEnv } from '../start-stack.js';
import { cliNameOf } from '../terminal.js';
import { adopt } from './adopt.js';
import { isAdoptable } from './adoptions.js';
import { checkDamages } from './check-damages.js';
import { checkDisk, checkFiles } from './check-files.js';
import { checkIdentity } from './check-identity.js';
import { checkRunners } from './check-runners.js';
import { checkStack } from './check-stack.js';
import { checkStores } from './check-stores.js';
import { doctorText } from './doctor-text.js';
import { FAILED, problem, reasonText, type Check, type Finding, type Patient } from './finding.js';

export interface DoctorOptions { fix?: boolean; adopt?: string; restored?: boolean }

/** As it is printed with `--json`. */
export interface DoctorResult {
  home: string;
  /** The launcher's pid; null: it does not run. */
  running: number | null;
  /** What is there, by where. */
  summary: Record<string, string>;
  /** What `--fix` did. */
  mended: { file: string | null; text: string; done: string }[];
  findings: { file: string | null; level: Finding['level']; text: string; advice: readonly string[]; fixable: boolean }[];
}

/** In the order of what has to be right first. */
const CHECKS: readonly Check[] = [checkFiles, checkIdentity, checkStack, checkStores, checkDamages, checkRunners, checkDisk];

/** @throws CliError */
export async function doctor(context: Context, options: DoctorOptions): Promise<void> {
  const env = homeEnv(context.terminal.env, 'A home is for a person to look after.');
  const home = homeOf(env);
  if (!existsSync(home)) throw new CliError(EXIT.notFound, `There is no home at ${home}.`, { hint: 'The first start makes it: % up' });
  if (options.adopt !== undefined) return adopt(context, env, options.adopt);
  if (options.restored) return restored(context, home);
  const patient: Patient = { home, env, fix: options.fix === true, whole: context.printer.json, ...(await standing(env, home)), summary: new Map(), told: new Set() };
  context.printer.progress.show('looking at everything');
  let findings = await look(patient);
  const mended: DoctorResult['mended'] = [];
  // What is mended may show what could not be seen before.
  for (let pass = 1; options.fix && pass <= MENDING_PASSES_MAX && findings.some(({ mend }) => mend); pass += 1) {
    context.printer.progress.show('mending');
    for (const { file, text, mend } of findings) if (mend) mended.push({ file, text, done: await mend().catch((error: Error) => `${FAILED}: ${reasonText(error)}`) });
    Object.assign(patient, await standing(env, home));
    findings = await look(patient);
    if (mended.at(-1)!.done.startsWith(FAILED)) break;
  }
  context.printer.progress.stop();
  if (findings.some(({ level }) => level === 'problem')) context.exitCode = EXIT.failure;
  const result: DoctorResult = {
    home, running: patient.launcher?.pid ?? null, summary: Object.fromEntries(patient.summary), mended,
    findings: findings.map(({ file, level, text, advice = [], mend }) => ({ file, level, text, advice: advice.map((line) => line.replaceAll('%', () => cliNameOf(env))), fixable: mend !== undefined })),
  };
  context.printer.result(result, () => doctorText(context, result));
}

async function standing(env: NodeJS.ProcessEnv, home: string): Promise<Pick<Patient, 'launcher' | 'stack' | 'tools'>> {
  const tools = await launcherTools().catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
    return null;
  });
  // A damaged one is told as missing, with what to do about it.
  const stack = await stackOf(env).catch((error: unknown): StackFile | null => {
    if (!(error instanceof CliError)) throw error;
    return null;
  });
  return { tools, stack, launcher: tools?.homeLock(home).holder ?? null };
}

async function look(patient: Patient): Promise<Finding[]> {
  const found: Finding[] = [];
  patient.told.clear();
  for (const check of CHECKS) {
    // One that fails hides nothing of the others.
    found.push(...await check(patient).catch((error: Error) => [problem(null, `Not everything could be looked at: ${reasonText(error)}`)]));
  }
  // Problems first, each as it was found.
  return [...found.filter(({ level }) => level === 'problem'), ...found.filter(({ level }) => level === 'note')];
}

/** What is in quarantine, by its name there. */
const keptIn = (home: string): StoreAudit['kept'] => auditStore({ home, layout: SESSION_STORE }).kept;

/** @throws CliError when the service runs: it would go on under the name that its clients know */
async function restored({ printer, terminal: { env } }: Context, home: string): Promise<void> {
  const installationId = installationOfStore({ home, layout: SESSION_STORE });
  if (installationId === undefined) throw new CliError(EXIT.notFound, `There is no log in ${join(home, SESSION_STORE.dir)}.`);
  const before = new Set(keptIn(home).keys());
  try {
    const store = await Store.open({ ...SESSION_STORE, dir: join(home, SESSION_STORE.dir), installationId, restored: true });
    const { cursor } = store.head();
    await store.close();
    // A start keeps to the log: what a file says otherwise is put aside, and is somebody's work.
    const putAside = [...keptIn(home)].filter(([name]) => !before.has(name)).map(([name, { file, reason }]) => ({ file: join(SESSION_STORE.dir, file), reason, kept: join(SESSION_STORE.dir, 'quarantine', name) }));
    printer.result({ home, restored: true, cursor, putAside }, () => [
      `The feed of ${home} goes on from ${cursor}: clients that have seen more than this are told.`,
      ...putAside.map(({ file, reason, kept }) => `${file} ${reason}: put aside as ${kept}${isAdoptable(SESSION_STORE, relative(SESSION_STORE.dir, file)) ? `\n  → Take it in: ${cliNameOf(env)} up, and then ${cliNameOf(env)} doctor --adopt ${kept}` : ''}`),
    ].join('\n'));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_LOCKED') throw error;
    throw new CliError(EXIT.conflict, error.message, { code: error.code, hint: 'Stop it first: % down' });
  }
}
