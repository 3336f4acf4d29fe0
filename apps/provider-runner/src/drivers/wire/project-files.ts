import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The working directory and those above it, up to the repository's root; itself alone where there is no repository. */
export function projectDirectories(workingDir: string): string[] {
  const directories = [workingDir];
  while (!isThere(join(directories.at(-1)!, '.git'))) {
    const parent = dirname(directories.at(-1)!);
    if (parent === directories.at(-1)) return [workingDir];
    directories.push(parent);
  }
  return directories;
}

/** The project has one of these, be it a link to nowhere; an empty one brings nothing (codex' sandbox leaves an empty `.codex` behind when it is killed). */
export function brings(workingDir: string, names: readonly string[]): boolean {
  return projectDirectories(workingDir).some((directory) => names.some((name) => !isNothing(join(directory, name))));
}

function isNothing(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found === undefined || (found.isFile() && found.size === 0);
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
