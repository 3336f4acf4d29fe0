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
const [{ logBench }, { httpBench }] = await Promise.all([import('./log.bench.mjs'), import('./http.bench.mjs')]);
const only = process.argv[2];
const rows = [];
if (!only || only === 'log') rows.push(...await logBench());
if (!only || only === 'http') {
  const { startStack } = await import('@orbitmesh/testing');
  const workingDir = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-work-'));
  const stack = await startStack();
  try {
    rows.push(...await httpBench({ stack: { url: stack.url, token: stack.token, workingDir } }));
  } finally {
    await stack.stop().catch((error) => console.error('the stack did not stop cleanly:', error.message.split('\n')[0]));
    await rm(workingDir, { recursive: true, force: true });
  }
}
console.table(Object.fromEntries(rows.map(({ what, ...r }) => [what, r])));
const commit = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD']).then((r) => r.stdout.trim(), () => 'unknown');
const dir = fileURLToPath(new URL('./results/', import.meta.url));
await mkdir(dir, { recursive: true });
const file = join(dir, `${new Date().toISOString().slice(0, 10)}.json`);
if (!only) { await writeFile(file, JSON.stringify({ at: new Date().toISOString(), commit, machine: machine(), rows }, null, 2) + '\n'); console.log(`written to ${file}`); }
