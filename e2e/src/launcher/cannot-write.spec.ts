import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, processesNaming, startStack } from '@orbitmesh/testing';
import { journal, StubCheckout } from './stub-checkout.js';

describe('a home that cannot be written', () => {
  let checkout: StubCheckout;
  let home: string;

  beforeAll(async () => { checkout = await StubCheckout.make(); });
  afterAll(() => checkout.remove());
  beforeEach(async () => { home = await checkout.home(); });

  /** With room for so many blocks of 512 bytes a file: as on a full disk, a file can be made and takes no more. */
  function startWithin(blocks: number, at = home): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', 'ulimit -f "$1" && exec "$2" "$3"', 'sh', String(blocks), process.execPath, checkout.launcher], {
      encoding: 'utf8', env: { ...process.env, ORBITMESH_HOME: at, ORBITMESH_PORT: '0' },
    });
    return { status, output: stdout + stderr };
  }

  it('is told in one sentence, and no file is left in it', async () => {
    const { status, output } = startWithin(0);
    expect(output).toBe(`Cannot write to ${home}: the limit on the size of a file is too low. Raise it (ulimit -f), or set ORBITMESH_HOME to another directory.\n`);
    expect(status).toBe(1);
    expect(await readdir(join(home, 'run'))).toEqual(['logs']);
  });

  it('is told in one sentence when its path leads through a file', async () => {
    await writeFile(join(home, 'file'), '');
    const { status, output } = startWithin(100, join(home, 'file', 'home'));
    expect(output).toContain('a part of that path is a file');
    expect(output).not.toContain('    at ');
    expect(status).toBe(1);
  });

  it('while it runs: services are started again, it is said once, and stack.json is right as soon as that is possible', async () => {
    const stack = await startStack({ home, launcher: checkout.launcher });
    const file = join(home, 'run', 'stack.json');
    const { notifier, 'session-service': sessions } = await stack.pids();
    // Nothing can take the place of a directory.
    await rm(file);
    await mkdir(file);
    for (const pid of [notifier!, sessions!]) process.kill(pid, 'SIGKILL');
    const startsOf = async (app: string): Promise<number> => (await journal(home)).filter((entry) => entry.app === app && entry.what === 'start').length;
    await eventually(async () => (await startsOf('notifier')) === 2 && (await startsOf('session-service')) === 2, { what: 'services that are started again' });
    await eventually(() => stack.output.match(/ready \(pid/g)?.length === 7, { what: 'both ready' });
    await rmdir(file);
    await stack.waitReady();
    expect((await stack.file()).services).toMatchObject({ notifier: { restarts: 1 }, 'session-service': { restarts: 1 }, 'api-gateway': { restarts: 0 } });
    expect(stack.output.match(/could not be written/g)).toHaveLength(1);
    expect((await readdir(join(home, 'run'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await stack.stop();
    expect(await processesNaming(home)).toEqual([]);
  });
});
