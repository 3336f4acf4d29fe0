import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '@orbitmesh/domain';
import { GIT_CONFIG_BYTES_MAX, GIT_CONFIG_TIMEOUT_MS } from '../limits.js';
import { isInside, realPathOf } from './working-dir.js';

const run = promisify(execFile);

/** In force in every repository that the agent comes to (submodules and nested ones too), unless its user says otherwise in his own configuration. */
const ALWAYS: readonly (readonly [key: string, value: string])[] = [
  ['core.hooksPath', '/dev/null'], ['core.fsmonitor', 'false'], ['protocol.ext.allow', 'never'], ['safe.bareRepository', 'explicit'],
];

/** Programs that git does as well without: what is used in their place, where the user names none. */
const REPLACED: readonly (readonly [key: RegExp, value: string])[] = [
  [/^core\.sshcommand$/, 'ssh'], [/^(core|sequence)\.editor$/, ':'], [/^core\.pager$|^pager\./, 'cat'], [/^core\.askpass$/, ''],
  [/^gpg(\.openpgp)?\.program$/, 'gpg'], [/^gpg\.x509\.program$/, 'gpgsm'], [/^gpg\.ssh\.program$/, 'ssh-keygen'],
];

/** Programs that nothing can stand for: without its filter a file is committed as it must not be, and of some keys git takes the first value, not the last. */
const REFUSED = new RegExp(`^(${[
  'filter\\..+\\.(clean|smudge|process)', 'diff\\.external', 'diff\\..+\\.(command|textconv)', 'merge\\..+\\.driver', 'remote\\..+\\.(uploadpack|receivepack|vcs)',
  'credential\\..+\\.helper', 'core\\.(gitproxy|alternaterefscommand)', 'interactive\\.difffilter', 'gpg\\.ssh\\.defaultkeycommand',
  'trailer\\..+\\.(command|cmd)', 'tar\\..+\\.command', '(diff|merge)tool\\..+\\.(cmd|path)', 'lfs\\.(customtransfer|extension)\\..+\\.(path|clean|smudge)',
].join('|')})$`);

/** Git LFS as `git lfs install --local` writes it; the program is found on PATH. */
const WELL_KNOWN = new Set(['git-lfs clean -- %f', 'git-lfs smudge -- %f', 'git-lfs filter-process', 'git-lfs smudge --skip -- %f', 'git-lfs filter-process --skip']);

interface Setting { isRepositorys: boolean; file: string; key: string; value: string }

/**
 * Keeps git from running what a repository names: its hooks, and the programs in its configuration, which git runs by itself
 * at a status, a diff or a commit. What the user's own configuration names stays in force.
 *
 * @param variables the agent's environment so far
 * @returns the variables to add to it (https://git-scm.com/docs/git-config, GIT_CONFIG_COUNT; git 2.31 or newer)
 * @throws CONFIG_INVALID when the repository names a program that can only be trusted, or refused
 */
export async function gitGuard(workingDir: string, variables: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const settings = await settingsIn(workingDir, variables);
  const users = new Map(settings.filter(({ isRepositorys }) => !isRepositorys).map(({ key, value }) => [key, value]));
  const repositorys = settings.filter(({ isRepositorys }) => isRepositorys);
  for (const setting of repositorys) assertHarmless(setting, users, workingDir);
  const always = ALWAYS.map(([key, value]): [string, string] => [key, usersOwn(key, users) ?? value]);
  const replaced = [...new Set(repositorys.map(({ key }) => key))].flatMap((key): [string, string][] => {
    const rule = REPLACED.find(([pattern]) => pattern.test(key));
    return rule ? [[key, users.get(key) ?? rule[1]]] : [];
  });
  return asVariables([...always, ...replaced, ...credentialHelpers(settings)], variables);
}

/** As git itself reads them there. None where there is no git, or where it cannot read them: then it does nothing else there either. */
async function settingsIn(workingDir: string, variables: Readonly<Record<string, string>>): Promise<Setting[]> {
  try {
    const { stdout } = await run('git', ['config', '--list', '--null', '--show-scope', '--show-origin'], {
      cwd: workingDir, env: { ...variables, LC_ALL: 'C' }, timeout: GIT_CONFIG_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: GIT_CONFIG_BYTES_MAX,
    });
    const words = stdout.split('\0');
    return Array.from({ length: Math.floor(words.length / 3) }, (_, n) => settingOf(words.slice(n * 3, n * 3 + 3)));
  } catch (error) {
    const { killed, code } = error as { killed?: boolean; code?: string | number };
    if (killed || code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') throw refused('its git configuration is too large, or cannot be read to its end');
    return [];
  }
}

/** Git gives names in lower case, but for the part that is somebody's own name. */
function settingOf([scope, origin, pair]: string[]): Setting {
  const at = pair.indexOf('\n');
  const [key, value] = at < 0 ? [pair, 'true'] : [pair.slice(0, at), pair.slice(at + 1)];
  return { isRepositorys: scope === 'local' || scope === 'worktree', file: origin.replace(/^file:/, ''), key, value };
}

/** @throws CONFIG_INVALID */
function assertHarmless({ key, value, file }: Setting, users: ReadonlyMap<string, string>, workingDir: string): void {
  if (key === 'core.worktree') {
    // Else a checkout there would write into whatever directory it names.
    const top = realPathOf(resolve(workingDir, dirname(file), value));
    if (top === undefined || !isInside(workingDir, top)) throw refused('its core.worktree is another directory');
  }
  const isProgram = REFUSED.test(key) || (/^submodule\..+\.update$/.test(key) && value.startsWith('!'));
  if (isProgram && users.get(key) !== value && !WELL_KNOWN.has(value)) throw refused(`its git configuration names a program that git would run (${key.slice(0, 100)})`);
}

/** The user's own hooks too, where they are not the repository's again: a relative path is looked up in it. */
function usersOwn(key: string, users: ReadonlyMap<string, string>): string | undefined {
  const value = users.get(key.toLowerCase());
  return key === 'core.hooksPath' && value !== undefined && !/^[/~]/.test(value) ? undefined : value;
}

/** They add up: an empty one forgets those before it, and then the user's are named again. */
function credentialHelpers(settings: readonly Setting[]): [string, string][] {
  const helpers = settings.filter(({ key }) => key === 'credential.helper');
  if (!helpers.some(({ isRepositorys }) => isRepositorys)) return [];
  return [['credential.helper', ''], ...helpers.filter(({ isRepositorys }) => !isRepositorys).map(({ key, value }): [string, string] => [key, value])];
}

/** After what is configured in this way already. */
function asVariables(pairs: readonly (readonly [string, string])[], before: Readonly<Record<string, string>>): Record<string, string> {
  const first = Number(before.GIT_CONFIG_COUNT) || 0;
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(first + pairs.length)],
    ...pairs.flatMap(([key, value], n) => [[`GIT_CONFIG_KEY_${first + n}`, key], [`GIT_CONFIG_VALUE_${first + n}`, value]]),
  ]) as Record<string, string>;
}

function refused(why: string): AppError {
  return new AppError('CONFIG_INVALID', `The repository in the working directory is not trusted, and ${why}. Take that out of it, or trust it: orbitmesh project update PROJECT --trust-repository yes.`);
}
