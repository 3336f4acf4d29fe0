import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asRefusalToWrite, readIfThere, readJsonIfThere, replaceFile } from './files.mjs';
import { FAILED_STEP_LINES_MAX, LOCK_POLL_MS } from './limits.mjs';
import { OwnerLock } from './owner-lock.mjs';
import { Refusal, say, seconds } from './say.mjs';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const CACHE = join(ROOT, '.cache');
const LOGS = join(CACHE, 'logs');
const PROJECT_DIRS = ['apps', 'libs'];

/**
 * Everything a start or a test needs: dependencies, the build, nats-server. One set-up at a time in a checkout; safe to
 * repeat, and only looks the second time. Node's own modules only until the dependencies are there.
 * @param {{ nats?: boolean }} options nats: false when the user brings a NATS of their own
 * @returns {Promise<{ natsServer: string | null }>} the binary
 * @throws Refusal when a step fails (the log has its noise), or nobody can write to the checkout
 */
export async function setUp(options = {}) {
  try {
    return await setUpAlone(options);
  } catch (error) {
    throw asRefusalToWrite(error, ROOT, 'or use a checkout elsewhere');
  }
}

async function setUpAlone({ nats = true }) {
  mkdirSync(LOGS, { recursive: true });
  const lock = await takeCheckout();
  try {
    await installDependencies();
    await build();
    const natsServer = nats ? await findNats() : null;
    if (natsServer) say('nats-server', natsServer);
    return { natsServer };
  } finally {
    lock.release();
  }
}

async function takeCheckout() {
  const lock = new OwnerLock(join(CACHE, 'set-up.lock'));
  let told = false;
  for (;;) {
    const holder = lock.tryAcquire();
    if (!holder) return lock;
    if (!told) say('set-up', `another one is at work in this checkout (pid ${holder.pid}); waiting for it`);
    told = true;
    await new Promise((done) => { setTimeout(done, LOCK_POLL_MS); });
  }
}

async function installDependencies() {
  const stampFile = join(ROOT, 'node_modules', '.orbitmesh-lock-hash');
  const hash = sha256(readFileSync(join(ROOT, 'package-lock.json')));
  if (readIfThere(stampFile)?.trim() === hash) return say('dependencies', 'there');
  if (installedMatchesLock()) say('dependencies', 'there');
  else {
    const since = performance.now();
    say('dependencies', 'installing (a minute or two, once)');
    // No install scripts: none of our dependencies needs one, and none gets to run.
    await step('npm ci', npm(), ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']);
    say('dependencies', `installed in ${seconds(since)}`);
  }
  replaceFile(stampFile, `${hash}\n`);
}

/** What npm itself says it installed: so a tree made by `npm install` is taken as it is, and a half-made one is not. */
function installedMatchesLock() {
  const wanted = readJsonIfThere(join(ROOT, 'package-lock.json'))?.packages;
  const installed = readJsonIfThere(join(ROOT, 'node_modules', '.package-lock.json'))?.packages;
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    if (path === '' || (!found && optional)) return true;
    return found && found.version === version && found.integrity === integrity;
  });
}

async function build() {
  const stampFile = join(CACHE, 'build-hash');
  const hash = hashOfSources();
  const missing = projects().filter((project) => !existsSync(join(project, 'dist')));
  if (missing.length === 0 && readIfThere(stampFile)?.trim() === hash) {
    await bundleAll();
    return say('build', 'up to date');
  }
  // Without its output a project's build record would only claim that it was built.
  for (const project of missing) rmSync(join(project, 'tsconfig.tsbuildinfo'), { force: true });
  const since = performance.now();
  say('build', 'at work (a minute or two, where it is the first)');
  const compile = (...options) => step('build', process.execPath, [join(ROOT, 'node_modules', 'typescript7', 'bin', 'tsc'), '-b', ...options]);
  // What the compiler remembers of the last build may be older than what it just made: after an update it then finds errors that are none.
  await compile().catch(() => compile('--force'));
  await bundleAll();
  replaceFile(stampFile, `${hash}\n`);
  say('build', `done in ${seconds(since)}`);
}

/** One file is only quicker to start: without it, everything works. */
async function bundleAll() {
  const { makeBundles } = await import('./bundle.mjs');
  await makeBundles(ROOT).catch((error) => say('build', `everything starts from many files: ${error.message.split('\n')[0]}`));
}

/** @returns {Promise<string>} the binary; fetched when it is not there */
export async function findNats() {
  const { ensureNatsServer } = await import('../nats-server.mjs');
  try {
    return await ensureNatsServer(undefined, { log: (line) => say('nats-server', line.replace('nats-server: ', '')) });
  } catch (error) {
    throw new Refusal(error.message);
  }
}

/** What a compiler would read: contents, not times, because a checkout of another branch and back is no change. */
function hashOfSources() {
  const hash = createHash('sha256');
  const read = (path) => hash.update(path).update(readFileSync(join(ROOT, path)));
  for (const path of readdirSync(ROOT).filter((name) => /^tsconfig.*\.json$/.test(name)).sort()) read(path);
  for (const project of [...projects(), join(ROOT, 'e2e')].sort()) {
    const relative = project.slice(ROOT.length + 1);
    for (const name of ['package.json', 'tsconfig.json']) read(join(relative, name));
    const sources = readdirSync(join(project, 'src'), { recursive: true }).filter((name) => name.endsWith('.ts')).sort();
    for (const name of sources) read(join(relative, 'src', name));
  }
  hash.update(readFileSync(join(ROOT, 'package-lock.json')));
  return hash.digest('hex');
}

function projects() {
  return PROJECT_DIRS.flatMap((dir) => readdirSync(join(ROOT, dir)).map((name) => join(ROOT, dir, name)))
    .filter((project) => existsSync(join(project, 'tsconfig.json')));
}

/** The npm that runs us, where one does; else the one on PATH. */
function npm() {
  const path = process.env.npm_execpath;
  return path?.endsWith('npm-cli.js') ? [process.execPath, path] : ['npm'];
}

/** Runs one step with its noise in the log; a failure shows the end of it. */
async function step(name, command, args) {
  const [program, ...first] = [command].flat();
  const logFile = join(LOGS, `${name.replaceAll(' ', '-')}.log`);
  const log = openSync(logFile, 'w', 0o600);
  const code = await new Promise((done, failed) => {
    const child = spawn(program, [...first, ...args], { cwd: ROOT, stdio: ['ignore', log, log] });
    // The lock is ours only while we live: a step must not go on behind it.
    const endWithUs = () => child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('error', failed);
    child.once('exit', (exitCode, signal) => {
      process.off('exit', endWithUs);
      done(signal ?? exitCode);
    });
  }).finally(() => closeSync(log));
  if (code === 0) return;
  const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-FAILED_STEP_LINES_MAX).join('\n');
  throw new Refusal(`${tail}\n\n${name} failed (${code}). All of its output: ${logFile}`);
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
