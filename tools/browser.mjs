// Finds a Chromium that runs without a display, or fetches Debian's into the checkout's cache without installing anything.
// `node tools/browser.mjs` prints the path.
import { access, chmod, constants, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { downloadPackages, inWorkDirectory, isDebianLike, run, unpackAll } from './lib/debian.mjs';

const CACHE_DIR = fileURLToPath(new URL('../.cache/browser', import.meta.url));
const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const PACKAGE = 'chromium-headless-shell';

/**
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<string>} the path of a program that takes Chromium's arguments
 * @throws when there is none and it cannot be fetched
 */
export async function ensureBrowser({ log = () => undefined } = {}) {
  const dirs = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const path of dirs.flatMap((dir) => NAMES.map((name) => join(dir, name)))) if (await runs(path)) return path;
  const cached = join(CACHE_DIR, PACKAGE);
  return await runs(cached) ? cached : fetchFromDebian(cached, log);
}

async function fetchFromDebian(cached, log) {
  if (!await isDebianLike()) throw new Error('There is no Chromium on PATH, and this is no Debian-like system to fetch one from.');
  return inWorkDirectory(CACHE_DIR, async (work) => {
    log(`browser: downloading ${PACKAGE} and what it needs (90 MB and more)`);
    const download = await downloadPackages(work, missingPackages, () => log('browser: the package lists are missing or old; fetching new ones (not installing anything)'));
    if (!download.ok) throw new Error(`apt-get download ${PACKAGE} failed:\n${download.noise}`);
    const { into, ok, noise } = await unpackAll(work);
    if (!ok) throw new Error(`The packages could not be unpacked.\n${noise}`);
    const kept = join(CACHE_DIR, 'root');
    await rm(kept, { recursive: true, force: true });
    await rename(into, kept);
    const libraries = (await librariesOf(kept)).join(':');
    // Its own script looks for everything in /usr.
    await writeFile(cached, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec '${kept}/usr/lib/chromium/chromium-headless-shell' "$@"\n`);
    await chmod(cached, 0o755);
    if (!await runs(cached)) throw new Error(`The packages hold no Chromium that runs here.\n${(await run(cached, ['--version'])).noise}`);
    return cached;
  });
}

/** Every directory that holds one: some programs expect theirs below the usual one. */
async function librariesOf(root) {
  const entries = await readdir(join(root, 'usr', 'lib'), { recursive: true, withFileTypes: true });
  return [...new Set(entries.filter(({ name }) => /\.so(?:\.|$)/.test(name)).map(({ parentPath }) => parentPath))];
}

/** The package, and what of its dependencies is not on this machine. */
async function missingPackages(apt) {
  const { ok, out } = await run('apt-get', [...apt, '-y', '-qq', '--no-install-recommends', '--print-uris', 'install', PACKAGE]);
  return ok ? [...out.matchAll(/^'[^']+' ([^_\s]+)_/gm)].map(([, name]) => name) : [];
}

async function runs(path) {
  try {
    await access(path, constants.X_OK);
  } catch {
    return false; // Not there, or not for us.
  }
  return (await run(path, ['--version'])).ok;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureBrowser({ log: (line) => process.stderr.write(`${line}\n`) }).then(
    (path) => process.stdout.write(`${path}\n`),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
