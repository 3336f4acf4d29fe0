import { basename, dirname, join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { acpOptionsOf, trustsProject, type AcpOptions } from './acp-options.js';
import type { Launch, LaunchPlan } from '../driver.js';
import { fields } from '../wire/fields.js';
import { brings } from '../wire/project-files.js';
import { keepOnly, ownDirectory, ownFile } from '../wire/state-files.js';

/**
 * The entry's command, with the agent's own files in the session's state directory: unless the entry or
 * the session sets HOME or one of the variables that lead there, which is how somebody lets an agent use
 * his own login and settings. What the project brings for the agent is not read, unless it or the entry is trusted.
 * @throws CONFIG_INVALID where the agent cannot be kept from reading it
 */
export function launchAcpAgent(plan: LaunchPlan): Launch {
  const { entry, manifest, stateDir } = plan;
  const options = acpOptionsOf(entry);
  const { state, keeps, files, login, env: always, untrusted } = options;
  const keptOut = untrusted && !trustsProject(options, manifest) ? untrusted : LET_IN;
  const held = brings(plan.workingDir, keptOut.when) ? keptOut : LET_IN;
  const env = { ...always, ...held.env };
  const configured = { ...entry.env, ...entry.secrets, ...manifest.environment, ...manifest.secrets };
  const shared = ['HOME', ...Object.keys(state)].some((variable) => Object.hasOwn(configured, variable));
  assertNotBrought(plan.workingDir, [...keptOut.refused ?? [], ...(shared && keptOut.files ? keptOut.when : [])]);
  if (shared) return { command: entry.command, environment: env };
  if (keeps) keepOnly(stateDir, keeps);
  const chosen = Object.keys(login).find((variable) => Object.hasOwn(plan.environment, variable));
  for (const [path, content] of Object.entries(over(files, held.files ?? {}))) writeAnew(stateDir, path, textOf(content, chosen === undefined ? undefined : login[chosen]));
  const places = Object.entries(state).map(([variable, path]) => [variable, join(stateDir, path)]);
  return { command: entry.command, environment: { ...env, ...Object.fromEntries(places) } };
}

/** @throws CONFIG_INVALID */
function assertNotBrought(workingDir: string, names: readonly string[]): void {
  const there = names.filter((name) => brings(workingDir, [name]));
  if (there.length === 0) return;
  throw new AppError('CONFIG_INVALID', `The repository in the working directory is not trusted, and has ${there.join(' and ')}, whose programs the agent would run. Take that out of it, or trust it: orbitmesh project update PROJECT --trust-repository yes.`);
}

const LET_IN: NonNullable<AcpOptions['untrusted']> = { when: [], env: {} };

/** What both say as JSON is one file. */
function over(files: AcpOptions['files'], more: AcpOptions['files']): AcpOptions['files'] {
  const both = Object.entries(more).map(([path, content]) => [path, typeof content === 'string' ? content : { ...fields(files[path]), ...content }]);
  return { ...files, ...Object.fromEntries(both) as AcpOptions['files'] };
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
