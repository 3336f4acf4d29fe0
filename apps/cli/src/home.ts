import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { CliError, EXIT } from './exit-code.js';

/** @throws CliError for a relative one, as the launcher does: it would be another home in each directory. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  const { ORBITMESH_HOME: home } = env;
  if (home && !isAbsolute(home)) throw new CliError(EXIT.usage, `ORBITMESH_HOME must be an absolute path; it is "${home}".`);
  return home ? resolve(home) : defaultHome(env);
}

/** What goes before a proposed command that is about this home: without it, the command would act on the default one. */
export function ofHome(env: NodeJS.ProcessEnv): string {
  const home = homeOf(env);
  return home === defaultHome(env) ? '' : `ORBITMESH_HOME=${shellWord(home)} `;
}

function defaultHome(env: NodeJS.ProcessEnv): string {
  return join(env['HOME'] || homedir(), '.orbitmesh');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
