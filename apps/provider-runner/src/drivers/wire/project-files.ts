import { lstatSync } from 'node:fs';
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

/** The project has one of these, be it a link to nowhere. */
export function brings(workingDir: string, names: readonly string[]): boolean {
  return projectDirectories(workingDir).some((directory) => names.some((name) => isThere(join(directory, name))));
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
