import { isAbsolute, resolve } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { projectDirectories } from '../drivers/wire/project-files.js';
import { ALWAYS, isRefusedProgram, REPLACED } from './git-programs.js';
import { misleadingRemote, withoutHooksOfRemotes } from './git-remotes.js';
import { gitPlaceOf, type GitPlace, type GitSetting } from './git-settings.js';
import { isInside, realPathOf } from './working-dir.js';

/**
 * Keeps git from running what a repository names: its hooks, and the programs in its configuration, which git runs by itself
 * at a status, a diff, a commit or a push. What the user's own configuration names stays in force.
 *
 * @param variables the agent's environment so far
 * @returns the variables to add to it (https://git-scm.com/docs/git-config, GIT_CONFIG_COUNT; git 2.31 or newer)
 * @throws CONFIG_INVALID when the repository names a program that can only be trusted, or refused
 */
export async function gitGuard(workingDir: string, variables: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const place = await gitPlaceOf(workingDir, variables);
  if (!place) throw refused('its git configuration is too large, or cannot be read to its end');
  const users = new Map(place.settings.filter(({ isRepositorys }) => !isRepositorys).map(({ key, value }) => [key, value]));
  const repositorys = place.settings.filter(({ isRepositorys }) => isRepositorys);
  const harm = harmIn(repositorys, users, place, workingDir) ?? misleadingRemote(place);
  if (harm !== undefined) throw refused(harm);
  const always = ALWAYS.map(([key, value]): [string, string] => [key, usersOwn(key, users) ?? value]);
  const replaced = [...new Set(repositorys.map(({ key }) => key))].flatMap((key): [string, string][] => {
    const rule = REPLACED.find(([pattern]) => pattern.test(key));
    return rule ? [[key, users.get(key) ?? rule[1]]] : [];
  });
  return asVariables([...always, ...replaced, ...credentialHelpers(place.settings), ...withoutHooksOfRemotes(place, workingDir, variables.HOME)], variables);
}

/** @returns why nothing but trust would do */
function harmIn(repositorys: readonly GitSetting[], users: ReadonlyMap<string, string>, place: GitPlace, workingDir: string): string | undefined {
  const program = repositorys.find(({ key, value }) => isRefusedProgram(key, value) && users.get(key) !== value);
  if (program) return `its git configuration names a program that git would run (${program.key.slice(0, 100)})`;
  // Else a checkout there would write into whatever directory it names, above it too.
  if (repositorys.some(({ key }) => key === 'core.worktree') && (place.top === undefined || realPathOf(place.top) !== projectDirectories(workingDir).at(-1))) return 'its core.worktree is another directory';
  const include = repositorys.find((setting) => mayChange(setting, place.top ?? workingDir));
  return include && `its git configuration includes what may be another text later (${include.key.slice(0, 100)})`;
}

/** What was looked at must be what is in force later: not by the branch, nor by a file that a checkout writes. */
function mayChange({ key, value }: GitSetting, top: string): boolean {
  const condition = /^includeif\.(.*)\.path$/.exec(key)?.[1];
  if (condition === undefined && key !== 'include.path') return false;
  if (condition !== undefined && !/^gitdir(\/i)?:/.test(condition)) return true;
  if (value.startsWith('~')) return false;
  return !isAbsolute(value) || isInside(realPathOf(value) ?? resolve(value), top);
}

/** The user's own hooks too, where they are not the repository's again: a relative path is looked up in it. */
function usersOwn(key: string, users: ReadonlyMap<string, string>): string | undefined {
  const value = users.get(key.toLowerCase());
  const isPathInIt = value !== undefined && !/^[/~]/.test(value) && (key === 'core.hooksPath' || (key === 'core.fsmonitor' && value.includes('/')));
  return isPathInIt ? undefined : value;
}

/** They add up: an empty one forgets those before it, and then the user's are named again. */
function credentialHelpers(settings: readonly GitSetting[]): [string, string][] {
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
