import { basename, dirname, join } from 'node:path';
import { acpOptionsOf, trustsProject } from './acp-options.js';
import type { Launch, LaunchPlan } from '../driver.js';
import { fields } from '../wire/fields.js';
import { brings } from '../wire/project-files.js';
import { keepOnly, ownDirectory, ownFile } from '../wire/state-files.js';

/**
 * The entry's command, with the agent's own files in the session's state directory: unless the entry or
 * the session sets HOME or one of the variables that lead there, which is how somebody lets an agent use
 * his own login and settings. What the project brings for the agent is not read, unless its project or the entry trusts it.
 */
export function launchAcpAgent(plan: LaunchPlan): Launch {
  const { entry, manifest, stateDir } = plan;
  const options = acpOptionsOf(entry);
  const { state, keeps, files, login, env: always, untrusted } = options;
  const env = { ...always, ...(untrusted && !trustsProject(options, manifest) && brings(plan.workingDir, untrusted.when) ? untrusted.env : {}) };
  const configured = { ...entry.env, ...entry.secrets, ...manifest.environment, ...manifest.secrets };
  const shared = ['HOME', ...Object.keys(state)].some((variable) => Object.hasOwn(configured, variable));
  if (shared) return { command: entry.command, environment: env };
  if (keeps) keepOnly(stateDir, keeps);
  const chosen = Object.keys(login).find((variable) => Object.hasOwn(plan.environment, variable));
  for (const [path, content] of Object.entries(files)) writeAnew(stateDir, path, textOf(content, chosen === undefined ? undefined : login[chosen]));
  const places = Object.entries(state).map(([variable, path]) => [variable, join(stateDir, path)]);
  return { command: entry.command, environment: { ...env, ...Object.fromEntries(places) } };
}

function textOf(content: string | object, login: string | undefined): string {
  if (typeof content === 'string') return content;
  const { security, ...others } = fields(content);
  const chosen = login === undefined ? security : { ...fields(security), auth: { selectedType: login } };
  return `${JSON.stringify({ ...others, ...(chosen === undefined ? {} : { security: chosen }) }, null, 2)}\n`;
}

/** At each start: the agent may have changed it in an earlier run of the conversation, or put a link anywhere on the way to it. */
function writeAnew(stateDir: string, path: string, text: string): void {
  const directories = dirname(path).split('/').filter((name) => name !== '.' && name !== '');
  ownFile(join(directories.reduce((parent, name) => ownDirectory(join(parent, name)), stateDir), basename(path)), text);
}
