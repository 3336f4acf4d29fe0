import { afterEach, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownSecretsIn } from './own-secrets.js';

const onLinux = process.platform === 'linux' ? it : it.skip;
const GIVEN = { ORBITMESH_RUN_ID: 'run_1', ORBITMESH_REDACT: 'MY_KEY,ORBITMESH_TOKEN', MY_KEY: 'my "key" 4711', ORBITMESH_TOKEN: 'oma_mine' };
let wrapper: ChildProcess | undefined;
let dir: string | undefined;
afterEach(() => {
  wrapper?.kill('SIGKILL');
  if (dir) rmSync(dir, { recursive: true });
});

it('takes out what the session was given as secrets, in whatever form, its token, and what looks like a key', () => {
  expect(ownSecretsIn(GIVEN).deep({ message: `I used ${GIVEN.MY_KEY}, ${encodeURIComponent(GIVEN.MY_KEY)} and ghp_${'a'.repeat(36)}`, list: ['oma_mine', 4711] }))
    .toEqual({ message: 'I used [redacted], [redacted] and [redacted]', list: ['[redacted]', 4711] });
  expect(ownSecretsIn({ ORBITMESH_TOKEN: 'oma_mine' }).text('oma_mine')).toBe('[redacted]');
  // Its tasks would have no ids any more.
  expect(ownSecretsIn({ ORBITMESH_REDACT: 'WEAK', WEAK: 'task' }).deep({ taskId: 'task_1' })).toEqual({ taskId: 'task_1' });
});

onLinux('knows them of its run where its agent started it with hardly any of its environment', async () => {
  dir = mkdtempSync(join(tmpdir(), 'om-own-'));
  wrapper = spawn('/bin/sleep', ['60'], { env: GIVEN, stdio: 'ignore' });
  await once(wrapper, 'spawn');
  writeFileSync(join(dir, 'wrapper'), `${wrapper.pid}\n`);
  const left = { ORBITMESH_MANIFEST: join(dir, 'manifest.json'), ORBITMESH_TOKEN: 'oma_mine' };
  expect(ownSecretsIn({ ...left, ORBITMESH_RUN_ID: 'run_1' }).text(GIVEN.MY_KEY)).toBe('[redacted]');
  // Somebody else has that number now.
  expect(ownSecretsIn({ ...left, ORBITMESH_RUN_ID: 'run_2' }).text(`${GIVEN.MY_KEY} oma_mine`)).toBe(`${GIVEN.MY_KEY} [redacted]`);
});
