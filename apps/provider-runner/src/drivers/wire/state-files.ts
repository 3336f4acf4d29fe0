import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Files that a driver writes into a state directory, where the agent of an earlier run may have put
 * anything: a link in their place is replaced, never followed.
 */
export function ownDirectory(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isDirectory()) rmSync(path, { force: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Takes away all but the directories of these names: links to such, too. */
export function keepOnly(path: string, names: readonly string[]): void {
  for (const left of readdirSync(path, { withFileTypes: true })) {
    if (!left.isDirectory() || !names.includes(left.name)) rmSync(join(path, left.name), { recursive: true, force: true });
  }
}

/** Made anew at every start, for its owner alone. */
export function ownFile(path: string, text: string): void {
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
}
