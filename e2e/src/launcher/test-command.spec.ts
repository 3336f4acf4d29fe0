import { describe, expect, it } from '@jest/globals';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, processesNaming } from '@orbitmesh/testing';
import { TOOLS } from './stub-checkout.js';

const END_WITH_PARENT = `${TOOLS}lib/end-with-parent.mjs`;

describe('what npm test runs', () => {
  it('ends with it, worker processes included, when it is killed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'om-orphan-'));
    await writeFile(join(dir, 'worker.mjs'), 'setInterval(() => {}, 1_000);');
    await writeFile(join(dir, 'script.mjs'), `
      import { spawn } from 'node:child_process';
      spawn(process.execPath, [${JSON.stringify(join(dir, 'worker.mjs'))}]);
      setInterval(() => {}, 1_000);`);
    await writeFile(join(dir, 'parent.mjs'), `
      import { spawn } from 'node:child_process';
      spawn(process.execPath, [${JSON.stringify(END_WITH_PARENT)}, ${JSON.stringify(join(dir, 'script.mjs'))}], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });`);
    const parent = spawn(process.execPath, [join(dir, 'parent.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
    await eventually(async () => (await processesNaming(dir)).length === 3, { what: 'parent, script and worker' });
    parent.kill('SIGKILL');
    await eventually(async () => (await processesNaming(dir)).length === 0, { what: 'the end of all three' });
    await rm(dir, { recursive: true });
  });

  it('gets its own arguments, and ends by itself when it is done', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'om-orphan-'));
    await writeFile(join(dir, 'script.mjs'), 'process.exitCode = Number(process.argv[2]);');
    const child = fork(END_WITH_PARENT, [join(dir, 'script.mjs'), '7'], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    expect(await once(child, 'exit')).toEqual([7, null]);
    await rm(dir, { recursive: true });
  });
});
