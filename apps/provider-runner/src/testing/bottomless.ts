import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const HALF = Array.from({ length: 12 }, () => 'x'.repeat(200));

/** Puts directories there that go deeper than a path may be long: nobody who calls them by their names gets to their end, or removes them. */
export function makeBottomless(dir: string): void {
  mkdirSync(join(dir, 'rest', ...HALF), { recursive: true });
  mkdirSync(join(dir, ...HALF), { recursive: true });
  renameSync(join(dir, 'rest'), join(dir, ...HALF, 'rest'));
}

/** So that it can be removed. */
export function giveBottom(dir: string): void {
  renameSync(join(dir, ...HALF, 'rest'), join(dir, 'rest'));
}
