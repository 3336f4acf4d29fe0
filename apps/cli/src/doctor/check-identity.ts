import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isId } from '@orbitmesh/domain';
import { installationOfStore, SESSION_STORE, writeFileAtomic } from '@orbitmesh/storage';
import { readProviders } from '../providers-file.js';
import { CliError } from '../exit-code.js';
import { problem, type Check, type Finding, type Patient } from './finding.js';

const ADMIN_TOKEN = /^omd_[A-Za-z0-9_-]{43}$/;
/** Keys of 32 random bytes that something was signed with, and what their loss costs. */
const KEYS = [['session-service/agent-token.key', 'agents that run lose their access'], ['notifier/webhook.key', 'every webhook gets another secret']] as const;
const KEY_BYTES = 32;

/** The few files that make a home this home: without them, or with others, nothing in it can be used. */
export const checkIdentity: Check = async (patient) => [
  ...await installation(patient), ...await adminToken(patient), ...(await Promise.all(KEYS.map(([file, loss]) => key(patient, file, loss)))).flat(), ...await providers(patient),
];

async function installation({ home }: Patient): Promise<Finding[]> {
  const file = 'installation.json';
  const logged = installationOfStore({ home, layout: SESSION_STORE });
  const text = await textOf(join(home, file));
  const id = text === null ? undefined : idIn(text);
  if (text === null && logged === undefined) return [];
  if (id !== undefined && (logged === undefined || id === logged)) return [];
  if (logged === undefined) return [problem(file, 'is damaged', { advice: ['Restore it from a backup; where nothing else is in this home, remove it.'] })];
  const what = text === null ? 'is missing' : id === undefined ? 'is damaged' : `is of another home (${id}; the log is of ${logged})`;
  return [problem(file, what, {
    mend: async () => {
      if (text !== null) await rename(join(home, file), join(home, `${file}.replaced`));
      await writeFileAtomic(join(home, file), `${JSON.stringify({ installationId: logged, createdAt: new Date().toISOString() }, null, 2)}\n`);
      return `made again for ${logged}, which the log is of${text === null ? '' : `; what was there is ${file}.replaced`}`;
    },
  })];
}

function idIn(text: string): string | undefined {
  try {
    const id = (JSON.parse(text) as { installationId?: unknown } | null)?.installationId;
    return isId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

async function adminToken({ home }: Patient): Promise<Finding[]> {
  const file = 'api-gateway/admin.token';
  const text = await textOf(join(home, file));
  if (text === null || ADMIN_TOKEN.test(text.trim())) return [];
  return [problem(file, 'is damaged: nobody can use it, and the gateway does not start with it', { advice: [`Remove it: the next start makes a new one, and whoever has the old one is locked out. rm ${join(home, file)}`] })];
}

async function key({ home }: Patient, file: string, loss: string): Promise<Finding[]> {
  const found = await stat(join(home, file)).catch(ifThere);
  if (!found || found.size === KEY_BYTES) return [];
  return [problem(file, 'is damaged: its service does not start with it', { advice: [`Restore it from a backup, or remove it to get a new one (${loss}).`] })];
}

async function providers({ home }: Patient): Promise<Finding[]> {
  try {
    await readProviders(join(home, 'providers.json'));
    return [];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [problem('providers.json', error.message.replace(/^.*?providers\.json /, ''), { advice: error.hint === undefined ? [] : [error.hint] })];
  }
}

async function textOf(path: string): Promise<string | null> {
  return (await readFile(path, 'utf8').catch(ifThere)) ?? null;
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
