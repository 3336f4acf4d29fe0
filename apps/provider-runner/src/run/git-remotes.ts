import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { GitPlace } from './git-settings.js';
import { isInside, realPathOf } from './working-dir.js';

const RECEIVE_WITHOUT_HOOKS = 'git -c core.hooksPath=/dev/null -c core.fsmonitor=false receive-pack';

/**
 * A push to a path runs git anew in the repository there, without what the environment configures. Where that is this very
 * repository, or one that lies inside of it, its hooks are the repository's.
 * @returns settings that keep git from them
 */
export function withoutHooksOfRemotes(place: GitPlace, workingDir: string, home: string | undefined): [key: string, value: string][] {
  const settings = place.settings.filter(({ isRepositorys }) => isRepositorys);
  const urls = settings.flatMap(({ key, value }) => {
    const name = /^remote\.(.*)\.(?:push)?url$/.exec(key)?.[1];
    return name === undefined ? [] : [{ name, url: value }];
  });
  // A remote that is not configured is one by its path.
  const paths = settings.filter(({ key }) => /^(branch\..*\.(push)?remote|remote\.pushdefault)$/.test(key)).map(({ value }) => ({ name: value, url: value }));
  const remotes = [...urls, ...paths.filter(({ name }) => !urls.some((url) => url.name === name))];
  const inside = remotes.filter(({ url }) => isLocal(url) && liesInside(pathOf(url, home), place, workingDir)).map(({ name }) => name);
  return [...new Set(inside)].map((name) => [`remote.${name}.receivepack`, RECEIVE_WITHOUT_HOOKS]);
}

/** What makes a path of another remote's address: nobody could say then where a push goes. */
export function misleadingRemote({ settings, commonDir }: GitPlace): string | undefined {
  const rule = settings.find(({ isRepositorys, key }) => isRepositorys && isLocal(/^url\.(.*)\.(?:push)?insteadof$/.exec(key)?.[1] ?? 'none:'));
  if (rule) return `its git configuration leads remotes to a path (${rule.key.slice(0, 100)})`;
  const old = ['remotes', 'branches'].find((name) => commonDir !== undefined && filesIn(join(commonDir, name)) > 0);
  return old && `it names remotes in .git/${old}`;
}

/** As git tells a path from an address: https://git-scm.com/docs/git-clone#_git_urls */
function isLocal(url: string): boolean {
  return url.startsWith('file:') || !/^[^/]*:/.test(url);
}

function pathOf(url: string, home: string | undefined): string {
  const path = url.startsWith('file:') ? decoded(url.replace(/^file:(\/\/)?/, '')) : url;
  return home === undefined ? path : path.replace(/^~(?=\/|$)/, home);
}

function liesInside(path: string, { top = undefined, commonDir }: GitPlace, workingDir: string): boolean {
  const whole = resolve(top ?? workingDir, path);
  // What is not there yet may be there after a checkout.
  return [whole, realPathOf(whole) ?? whole].some((place) => [top ?? workingDir, commonDir].some((root) => root !== undefined && isInside(place, root)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function filesIn(path: string): number {
  try {
    return readdirSync(path).length;
  } catch {
    return 0;
  }
}
