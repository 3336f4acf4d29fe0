import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export function homeOf(env: NodeJS.ProcessEnv): string {
  return env['ORBITMESH_HOME'] ? resolve(env['ORBITMESH_HOME']) : defaultHome(env);
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
