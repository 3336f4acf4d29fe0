// Finds nats-server, or fetches it into the checkout's cache without installing anything (design §10). Node built-ins only: this
// runs before dependencies are there. `node tools/nats-server.mjs` prints the path.
import { access, chmod, constants, rename } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { downloadPackages, inWorkDirectory, isDebianLike, run, unpackAll } from './lib/debian.mjs';

/** @typedef {{ log?: (line: string) => void, searchPath?: string, places?: string[], platform?: NodeJS.Platform }} Options */

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
export const DEFAULT_CACHE_DIR = join(CHECKOUT, '.cache', 'nats-server');
/** Debian puts it where an ordinary user's PATH does not look. */
const USUAL_PLACES = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/bin'];

/**
 * The path of a nats-server that runs here. Safe to be called by several processes at once: each works in a directory of its own, and
 * the finished binary is renamed into place.
 * @param {string} [cacheDir]
 * @param {Options} [options]
 * @returns {Promise<string>}
 * @throws when there is none and it cannot be fetched; the message says exactly what to do.
 */
export async function ensureNatsServer(cacheDir = DEFAULT_CACHE_DIR, options = {}) {
  const { log = () => undefined, searchPath = process.env.PATH ?? '', places = USUAL_PLACES, platform = process.platform } = options;
  const cached = join(resolve(cacheDir), 'nats-server');
  const found = await firstThatRuns([...searchPath.split(delimiter).filter(Boolean), ...places].map((dir) => join(dir, 'nats-server')));
  if (found) return found;
  if (await runs(cached)) return cached;
  if (platform === 'darwin') return installWithBrew(log);
  return fetchFromDebian(cached, resolve(cacheDir), log);
}

async function installWithBrew(log) {
  log('nats-server: brew install nats-server');
  const done = await run('brew', ['install', 'nats-server']);
  const found = await firstThatRuns(USUAL_PLACES.map((dir) => join(dir, 'nats-server')));
  if (!found) throw new Error(instructions(done.ok ? 'brew installed it, but not in a usual place.' : `brew install nats-server failed:\n${done.noise}`));
  return found;
}

/** Never `apt-get install`: the package starts an unauthenticated server for good. */
async function fetchFromDebian(cached, cacheDir, log) {
  if (!await isDebianLike()) throw new Error(instructions('This is no Debian-like system (apt-get and dpkg-deb are not both here).'));
  return inWorkDirectory(cacheDir, async (work) => {
    log('nats-server: downloading the Debian package');
    const download = await downloadPackages(work, async () => ['nats-server'], () => log('nats-server: the package lists are missing or old; fetching new ones (not installing anything)'));
    if (!download.ok) throw new Error(instructions(`apt-get download nats-server failed:\n${download.noise}`));
    const { into, ok, noise } = await unpackAll(work);
    const binary = join(into, 'usr', 'sbin', 'nats-server');
    if (!ok || !(await runs(binary))) throw new Error(instructions(`The package holds no nats-server that runs here.\n${noise}`));
    // The umask of whoever sets this up must not decide who can use the checkout's cache.
    await chmod(binary, 0o755);
    await rename(binary, cached);
    return cached;
  });
}

async function firstThatRuns(paths) {
  for (const path of new Set(paths)) if (await runs(path)) return path;
  return null;
}

async function runs(path) {
  try {
    await access(path, constants.X_OK);
  } catch {
    return false; // Not there, or not for us: the next place is tried.
  }
  return (await run(path, ['--version'])).ok;
}

function instructions(reason) {
  return [
    `nats-server is not on this machine and could not be fetched. ${reason.trim()}`,
    '',
    'Do one of these, then start again:',
    '  Debian, Ubuntu:  sudo apt-get update && apt-get download nats-server && dpkg-deb -x nats-server_*.deb /tmp/nats && sudo cp /tmp/nats/usr/sbin/nats-server /usr/local/bin/',
    '  macOS:           brew install nats-server',
    '  elsewhere:       put the nats-server binary (2.9 or newer, https://nats.io/download/) on your PATH',
    '  or use a NATS server you already run: ORBITMESH_NATS_URL=nats://user:password@host:4222',
  ].join('\n');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureNatsServer(undefined, { log: (line) => process.stderr.write(`${line}\n`) }).then(
    (path) => process.stdout.write(`${path}\n`),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
