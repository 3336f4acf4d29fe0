import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForSpecs } from './bundle-for-specs.mjs';
import { readJsonIfThere } from './files.mjs';
import { AGENT_TESTS_MS_MAX, FAULT_TESTS_MS_MAX, LONG_FAULT_TESTS_MS_MAX, TEST_WORKERS, TESTS_MS_MAX } from './limits.mjs';
import { say, sayLines, seconds } from './say.mjs';
import { ROOT } from './set-up.mjs';

const RESULTS = join(ROOT, '.cache', 'jest-results.json');
const END_WITH_PARENT = join(ROOT, 'tools', 'lib', 'end-with-parent.mjs');
const bin = (...path) => join(ROOT, 'node_modules', ...path);

/**
 * Without arguments: lint and the check of generated files, each counted as one test, and beside them every spec. With
 * arguments: jest alone, with these.
 * @param {string[]} jestArgs
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runTests(jestArgs) {
  const [checks, totals] = await Promise.all([jestArgs.length === 0 ? runChecks() : [], runJest(jestArgs)]);
  for (const ok of checks) totals[ok ? 'passed' : 'failed'] += 1;
  return totals;
}

/** One after the other: each of them needs a core of its own for a minute. */
async function runChecks() {
  return [await check('generated files', () => run([join(ROOT, 'tools', 'gen.mjs'), '--check'])), await check('lint', lint)];
}

async function check(name, what) {
  const since = performance.now();
  const ok = await what();
  say(name, `${ok ? 'ok' : 'FAILED'} (${seconds(since)})`);
  return ok;
}

/** The boundary rule needs Nx's project graph on disk, and skips itself without a word where it is missing. */
export async function lint() {
  const graph = await run([bin('nx', 'dist', 'bin', 'nx.js'), 'show', 'projects'], { stdout: 'ignore' });
  return graph && run([bin('eslint', 'bin', 'eslint.js'), '.']);
}

async function runJest(jestArgs) {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  rmSync(RESULTS, { force: true });
  // Without it, only slower.
  await bundleForSpecs().catch((error) => say('specs', `load everything from many files: ${error.message.split('\n')[0]}`));
  const ok = await run([
    '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', END_WITH_PARENT, bin('jest', 'bin', 'jest.js'),
    `--maxWorkers=${TEST_WORKERS}`, '--json', `--outputFile=${RESULTS}`, ...jestArgs,
  ], { stdout: 'ignore' });
  const results = readJsonIfThere(RESULTS);
  if (!results) {
    sayLines('jest ended without a result.');
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A file that does not even load has no failed test of its own.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return {
    passed: results.numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** @returns {Promise<boolean>} whether it ended with 0 */
function run(args, { stdout = 'inherit' } = {}) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT, stdio: ['ignore', stdout, 'inherit', 'ipc'], env: { ...process.env, NX_DAEMON: 'false' }, detached: true,
  });
  // To its whole group: jest's workers would go on without it.
  const pass = (signal) => { if (child.pid && child.exitCode === null) process.kill(-child.pid, signal); };
  const { ORBITMESH_TEST_FAULTS: faults, ORBITMESH_FAULT_SOAK_MINUTES: soak, ORBITMESH_FAULT_ROUNDS: rounds, ORBITMESH_TEST_AGENTS: agents } = process.env;
  const limitMs = soak || rounds ? LONG_FAULT_TESTS_MS_MAX : faults === '1' ? FAULT_TESTS_MS_MAX : agents === '1' ? AGENT_TESTS_MS_MAX : TESTS_MS_MAX;
  const late = setTimeout(() => {
    sayLines(`Not finished after ${limitMs / 60_000} minutes; killed.`);
    pass('SIGKILL');
  }, limitMs);
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, pass);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => {
      clearTimeout(late);
      for (const name of ['SIGINT', 'SIGTERM']) process.off(name, pass);
      done(code === 0);
    });
  });
}
