import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ApiClient, ApiError, UnreachableError, type Readiness } from '@orbitmesh/api-client';
import { connectionOf } from '../connection.js';
import { CHECKOUT, type LauncherTools } from '../checkout.js';
import { noticesOf } from '../status-picture.js';
import { note, problem, type Check, type Finding, type Patient } from './finding.js';

const FILE = 'run/stack.json';

/** What runs of it, against what `run/stack.json` says. */
export const checkStack: Check = async (patient) => {
  const { home, launcher, stack, tools } = patient;
  if (tools === null) return [];
  if (launcher === null) return existsSync(join(home, FILE)) ? [leftStack(patient, tools)] : [];
  if (tools.isSuspended(launcher.pid)) return [problem(null, `The launcher (pid ${launcher.pid}) is suspended: nothing that dies is started again.`, { advice: [`kill -CONT ${launcher.pid} lets it go on.`] })];
  if (stack === null) return [problem(FILE, `is missing or damaged, though OrbitMesh runs (pid ${launcher.pid})`, { advice: ['It is written again with the next change of any service; % down and % up does it now.'] })];
  const dead = Object.entries(stack.services ?? {}).filter(([, one]) => one.state === 'ready' && one.pid !== null && !tools.isAlive(one)).map(([name]) => name);
  return [
    ...(dead.length > 0 ? [problem(FILE, `says that ${dead.join(', ')} runs, which does not`, { advice: ['Its launcher starts it again; if this stays so: % down and % up.'] })] : []),
    ...(await readiness(patient)),
  ];
};

async function readiness({ stack, env }: Patient): Promise<Finding[]> {
  if (!stack?.ready) return [note(FILE, 'says that OrbitMesh is not ready yet', { advice: ['% status shows what is missing.'] })];
  try {
    const notices = noticesOf(await new ApiClient(await connectionOf(env)).ready());
    // What they send people to the doctor for is told by name elsewhere.
    return notices.filter((text) => !text.includes('doctor')).map((text) => note(null, `${text}.`));
  } catch (error) {
    if (!(error instanceof ApiError) && !(error instanceof UnreachableError)) throw error;
    const checks = error instanceof ApiError ? (error.problem['checks'] ?? {}) as Partial<Readiness['checks']> : {};
    const said = error instanceof ApiError ? (error.problem['problems'] ?? {}) as Record<string, string> : {};
    const missing = Object.entries(checks).filter(([, good]) => !good).map(([name]) => (said[name] === undefined ? name : `${name} says: ${said[name]}`));
    return [problem(null, `OrbitMesh runs and cannot serve${missing.length > 0 ? `: ${missing.join(', ')}` : ` (${error.message})`}.`, { advice: ['The logs say why: run/logs/ in the home.'] })];
  }
}

/** Of a launcher that was killed. What it left at work is ended as the next start would. */
function leftStack({ home, stack, env }: Patient, tools: LauncherTools): Finding {
  const alive = Object.keys(tools.leftoversOf(home));
  return problem(FILE, `is ${stack === null ? 'damaged, or was copied here from another home' : 'of a launcher that is gone'}${alive.length > 0 ? `; ${alive.join(', ')} still runs` : ''}`, {
    mend: async () => {
      const left = new tools.Stack({ root: CHECKOUT, settings: tools.readSettings(env), say: () => undefined });
      await left.open();
      await left.stop({ keepAgents: true });
      return alive.length > 0 ? `removed, and ${alive.join(', ')} ended` : 'removed';
    },
  });
}
