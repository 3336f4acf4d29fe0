import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ScriptedApi } from './testing/scripted-api.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let api: ScriptedApi;
let pipeline: ChildProcess | undefined;
beforeAll(async () => {
  api = await ScriptedApi.start();
  const event = { seq: 1, cursor: 'l.1', id: 'e1', type: 'output', timestamp: '2026-01-01T10:20:30.000Z', commitEnd: true, data: { content: 'one' } };
  api.frames = [{ type: 'subscribed', resume: 'ok', cursor: 'l.0' }, { type: 'event', event }];
});
afterEach(() => {
  // What did not end by itself would keep everybody waiting.
  if (pipeline?.pid !== undefined && pipeline.exitCode === null) process.kill(-pipeline.pid, 'SIGKILL');
});
afterAll(() => api.stop());

/** A pipeline of a real shell: what Node itself makes between processes are sockets, not pipes. */
async function shell(line: string): Promise<{ code: number | null; out: string }> {
  const child = pipeline = spawn('/bin/sh', ['-c', line, process.execPath, MAIN], {
    detached: true, stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], ORBITMESH_API_URL: api.url, ORBITMESH_TOKEN: 'omd_t' },
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
  const [code] = await once(child, 'close') as [number | null];
  return { code, out };
}

// GNU tail is what looks; elsewhere the next event ends it.
(process.platform === 'linux' ? describe : describe.skip)('a feed that is followed through a pipe', () => {
  it('ends when its reader has enough, though nothing more happens', async () => {
    const { code, out } = await shell('"$0" "$1" events -f --json | head -n 1');

    expect(code).toBe(0);
    expect(out.split('\n')[0]).toContain('"seq":1');
  }, 15_000);
});
