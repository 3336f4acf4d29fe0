/** `npm run bench`: every number beside the bare library's, in one run. Writes `bench/results/<date>.json`. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setUp } from '../tools/lib/set-up.mjs';
import { machine } from './measure.mjs';

await setUp();
const [{ logBench }, { httpBench, withBareServer }, { workBench }, { startBench }, { agentsBench }] = await Promise.all([
  import('./log.bench.mjs'), import('./http.bench.mjs'), import('./work.bench.mjs'), import('./start.bench.mjs'), import('./agents.bench.mjs'),
]);
const only = process.argv[2];
const rows = [];
if (!only || only === 'log') rows.push(...await logBench());
/** A stack of its own, with an agent that does nothing and room for one, so that what is spawned waits. */
async function withStack(measure) {
  const { startStack } = await import('@orbitmesh/testing');
  const workingDir = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-work-'));
  const home = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-home-'));
  await writeFile(join(home, 'providers.json'), JSON.stringify({ idle: { driver: 'process', command: ['/bin/sleep', '3600'] } }), { mode: 0o600 });
  const stack = await startStack({ home, env: { ORBITMESH_RUNNER_CAPACITY: '1' } });
  try {
    return await measure({ url: stack.url, token: stack.token, workingDir });
  } finally {
    await stack.stop().catch((error) => console.error('the stack did not stop cleanly:', error.message.split('\n')[0]));
    for (const path of [workingDir, home]) await rm(path, { recursive: true, force: true });
  }
}
if (!only || only === 'http') rows.push(...await withStack((stack) => httpBench({ stack })));
if (!only || only === 'work') rows.push(...await withBareServer((bareUrl) => withStack((stack) => workBench({ stack, bareUrl }))));
if (!only || only === 'start') rows.push(...await startBench());
if (!only || only === 'agents') rows.push(...await agentsBench());
console.table(Object.fromEntries(rows.map(({ what, ...r }) => [what, r])));
const commit = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD']).then((r) => r.stdout.trim(), () => 'unknown');
const dir = fileURLToPath(new URL('./results/', import.meta.url));
await mkdir(dir, { recursive: true });
const file = join(dir, `${new Date().toISOString().slice(0, 10)}.json`);
if (!only) { await writeFile(file, JSON.stringify({ at: new Date().toISOString(), commit, machine: machine(), rows }, null, 2) + '\n'); console.log(`written to ${file}`); }
