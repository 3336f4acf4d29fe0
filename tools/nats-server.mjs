// Finds nats-server, or fetches it into the checkout's cache without installing anything (design §10). Node built-ins only: this
// runs before dependencies are there. `node tools/nats-server.mjs` prints the path.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, constants, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ log?: (line: string) => void, searchPath?: string, places?: string[], platform?: NodeJS.Platform }} Options */

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
export const DEFAULT_CACHE_DIR = join(CHECKOUT, '.cache', 'nats-server');
/** Debian puts it where an ordinary user's PATH does not look. */
const USUAL_PLACES = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/bin'];
/** One step of a set-up on a slow line; past it the step fails and says so. */
const STEP_TIMEOUT_MS = 180_000;
/** Of a failed step's noise, what goes into the error. */
const NOISE_CHARS_MAX = 1_500;

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

/**
 * `apt-get download` and `dpkg-deb -x`, as any user. Never `apt-get install`: the package starts an unauthenticated server for good.
 * The system's package lists are tried first; when they are missing or name a file that is gone, lists of our own are fetched.
 */
async function fetchFromDebian(cached, cacheDir, log) {
  if (!(await run('apt-get', ['--version'])).ok || !(await run('dpkg-deb', ['--version'])).ok) throw new Error(instructions('This is no Debian-like system (apt-get and dpkg-deb are not both here).'));
  await mkdir(cacheDir, { recursive: true });
  await sweep(cacheDir);
  const work = join(cacheDir, `tmp-${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(work);
  try {
    log('nats-server: downloading the Debian package');
    const conf = await aptConfiguration(work);
    let download = await aptDownload(work, conf, []);
    if (!download.ok) {
      log('nats-server: the package lists are missing or old; fetching new ones (not installing anything)');
      const lists = await ownLists(work);
      // A third-party source that fails makes `update` fail while Debian's own lists are there: the download decides.
      const update = await run('apt-get', ['-q', '-c', conf, ...lists, 'update']);
      download = await aptDownload(work, conf, lists);
      if (!download.ok) throw new Error(instructions(`apt-get download nats-server failed:\n${download.noise}\n${update.ok ? '' : update.noise}`));
    }
    await extract(work, cached);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return cached;
}

async function extract(work, cached) {
  const deb = (await readdir(work)).find((name) => name.endsWith('.deb'));
  if (!deb) throw new Error(instructions('apt-get download left no package.'));
  const unpacked = await run('dpkg-deb', ['-x', join(work, deb), join(work, 'unpacked')]);
  const binary = join(work, 'unpacked', 'usr', 'sbin', 'nats-server');
  if (!unpacked.ok || !(await runs(binary))) throw new Error(instructions(`The package holds no nats-server that runs here.\n${unpacked.noise}`));
  // The umask of whoever sets this up must not decide who can use the checkout's cache.
  await chmod(binary, 0o755);
  await rename(binary, cached);
}

/** Own cache (an ordinary user cannot write the system's) and none of the system's hooks, which want root. */
async function aptConfiguration(work) {
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  const file = join(work, 'apt.conf');
  await writeFile(file, [
    '#clear APT::Update::Pre-Invoke;', '#clear APT::Update::Post-Invoke;', '#clear APT::Update::Post-Invoke-Success;', '#clear DPkg::Post-Invoke;',
    `Dir::Cache "${join(work, 'cache')}";`,
    // As root apt would drop to the user _apt, who cannot write here.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";', 'Acquire::Retries "2";', '',
  ].join('\n'));
  return file;
}

async function ownLists(work) {
  await mkdir(join(work, 'lists', 'partial'), { recursive: true });
  return ['-o', `Dir::State::Lists=${join(work, 'lists')}`];
}

async function aptDownload(work, conf, lists) {
  const done = await run('apt-get', ['-q', '-c', conf, ...lists, 'download', 'nats-server'], { cwd: work });
  const there = (await readdir(work)).some((name) => name.endsWith('.deb'));
  return { ...done, ok: done.ok && there };
}

/** Work directories of set-ups that were killed. */
async function sweep(cacheDir) {
  for (const name of await readdir(cacheDir)) {
    const pid = Number(/^tmp-(\d+)-/.exec(name)?.[1]);
    if (pid && !alive(pid)) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
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

function run(command, args, { cwd } = {}) {
  return new Promise((done) => {
    execFile(command, args, { cwd, timeout: STEP_TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 8 * 1024 * 1024 }, (error, stdout, stderr) => {
      const noise = `${stdout}\n${stderr}\n${error && !('code' in error && typeof error.code === 'number') ? error.message : ''}`.trim();
      done({ ok: !error, noise: noise.slice(-NOISE_CHARS_MAX) });
    });
  });
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
