#!/usr/bin/env node
// Lays out what the image holds, from a checkout that is built: packages with their dist, production dependencies.
//   node tools/prepare-image.mjs [directory, default .cache/image]
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './lib/set-up.mjs';

const target = resolve(process.argv[2] ?? join(ROOT, '.cache', 'image'));
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const name of ['package.json', 'package-lock.json']) cpSync(join(ROOT, name), join(target, name));
/** Every workspace of the lock file must be there for npm; these have nothing to run. */
const TESTS_ONLY = ['e2e', join('libs', 'testing')];
for (const path of [...packagesIn('apps'), ...packagesIn('libs'), 'e2e']) {
  cpSync(join(ROOT, path, 'package.json'), join(target, path, 'package.json'));
  const dist = join(ROOT, path, 'dist');
  if (!TESTS_ONLY.includes(path) && existsSync(dist)) cpSync(dist, join(target, path, 'dist'), { recursive: true, filter: isNeeded });
}
const { status } = spawnSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: target, stdio: 'inherit' });
if (status !== 0) process.exit(1);
process.stdout.write(`${target} is ready.\n`);

function packagesIn(dir) {
  return readdirSync(join(ROOT, dir)).filter((name) => existsSync(join(ROOT, dir, name, 'package.json'))).map((name) => join(dir, name));
}

function isNeeded(path) {
  return !/\.(spec\.[a-z.]+|d\.ts|map)$/.test(path);
}
