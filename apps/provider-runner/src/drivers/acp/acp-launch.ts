import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { acpOptionsOf } from './acp-options.js';
import type { Launch, LaunchPlan } from '../driver.js';
import { fields } from '../wire/fields.js';
import { keepOnly } from '../wire/state-files.js';

/**
 * The entry's command, with the agent's own files in the session's state directory: unless the entry or
 * the session sets HOME or one of the variables that lead there, which is how somebody lets an agent use
 * his own login and settings.
 */
export function launchAcpAgent(plan: LaunchPlan): Launch {
  const { entry, manifest, stateDir } = plan;
  const { state, keeps, files, login, env } = acpOptionsOf(entry);
  const configured = { ...entry.env, ...entry.secrets, ...manifest.environment, ...manifest.secrets };
  const shared = ['HOME', ...Object.keys(state)].some((variable) => Object.hasOwn(configured, variable));
  if (shared) return { command: entry.command, environment: env };
  if (keeps) keepOnly(stateDir, keeps);
  const chosen = Object.keys(login).find((variable) => Object.hasOwn(plan.environment, variable));
  for (const [path, content] of Object.entries(files)) writeOnce(join(stateDir, path), textOf(content, chosen === undefined ? undefined : login[chosen]));
  const places = Object.entries(state).map(([variable, path]) => [variable, join(stateDir, path)]);
  return { command: entry.command, environment: { ...env, ...Object.fromEntries(places) } };
}

function textOf(content: string | object, login: string | undefined): string {
  if (typeof content === 'string') return content;
  const { security, ...others } = fields(content);
  const chosen = login === undefined ? security : { ...fields(security), auth: { selectedType: login } };
  return `${JSON.stringify({ ...others, ...(chosen === undefined ? {} : { security: chosen }) }, null, 2)}\n`;
}

/** What is there already the agent may have changed, in an earlier run of the conversation. */
function writeOnce(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
