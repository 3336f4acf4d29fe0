// Programs from Debian's packages, fetched without installing anything. Node built-ins only: this runs before dependencies are there.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One step of a set-up on a slow line; past it the step fails and says so. */
const STEP_TIMEOUT_MS = 180_000;
/** Of a failed step's noise, what goes into the error. */
const NOISE_CHARS_MAX = 1_500;

export async function isDebianLike() {
  return (await run('apt-get', ['--version'])).ok && (await run('dpkg-deb', ['--version'])).ok;
}

/**
 * A directory under `cacheDir` to work in, which is gone afterwards; several processes may do so at once.
 * @template T @param {string} cacheDir @param {(work: string) => Promise<T>} use @returns {Promise<T>}
 */
export async function inWorkDirectory(cacheDir, use) {
  await mkdir(cacheDir, { recursive: true });
  await sweep(cacheDir);
  const work = join(cacheDir, `tmp-${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(work);
  try {
    return await use(work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * `apt-get download`, as any user, into `work`. The system's package lists are tried first; when they are missing or name a file
 * that is gone, lists of our own are fetched.
 * @param {string} work
 * @param {(apt: string[]) => Promise<string[]>} packagesOf which, given the arguments that every apt-get here takes
 * @param {(line: string) => void} onStale said before the lists are fetched
 * @returns {Promise<{ ok: boolean, noise: string }>}
 */
export async function downloadPackages(work, packagesOf, onStale) {
  const conf = await aptConfiguration(work);
  const download = await aptDownload(work, ['-q', '-c', conf], packagesOf);
  if (download.ok) return download;
  onStale();
  const lists = await ownLists(work);
  // A third-party source that fails makes `update` fail while Debian's own lists are there: the download decides.
  const update = await run('apt-get', ['-q', '-c', conf, ...lists, 'update']);
  const again = await aptDownload(work, ['-q', '-c', conf, ...lists], packagesOf);
  return { ok: again.ok, noise: `${again.noise}\n${update.ok ? '' : update.noise}` };
}

/** Unpacks what is there into `work/unpacked`. */
export async function unpackAll(work) {
  const into = join(work, 'unpacked');
  const results = [];
  for (const deb of (await readdir(work)).filter((name) => name.endsWith('.deb'))) results.push(await run('dpkg-deb', ['-x', join(work, deb), into]));
  return { into, ok: results.length > 0 && results.every(({ ok }) => ok), noise: results.map(({ noise }) => noise).join('\n').trim() };
}

async function aptDownload(work, apt, packagesOf) {
  const packages = await packagesOf(apt);
  if (packages.length === 0) return { ok: false, noise: 'No package of that name is known.' };
  const done = await run('apt-get', [...apt, 'download', ...packages], { cwd: work });
  const there = (await readdir(work)).some((name) => name.endsWith('.deb'));
  return { ...done, ok: done.ok && there };
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

/** @returns {Promise<{ ok: boolean, out: string, noise: string }>} */
export function run(command, args, { cwd } = {}) {
  return new Promise((done) => {
    execFile(command, args, { cwd, timeout: STEP_TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 8 * 1024 * 1024 }, (error, stdout, stderr) => {
      const noise = `${stdout}\n${stderr}\n${error && !('code' in error && typeof error.code === 'number') ? error.message : ''}`.trim();
      done({ ok: !error, out: stdout, noise: noise.slice(-NOISE_CHARS_MAX) });
    });
  });
}
