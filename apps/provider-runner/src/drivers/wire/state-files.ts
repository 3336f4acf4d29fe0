import { lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

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

/** Made anew at every start, for its owner alone. */
export function ownFile(path: string, text: string): void {
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
}
