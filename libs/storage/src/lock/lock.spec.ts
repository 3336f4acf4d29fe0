import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import { Child } from '../testing/child.js';
import { FaultyFs } from '../testing/faulty-fs.js';
import { putTask, TestStores } from '../testing/test-store.js';
import { DirectoryLock } from './directory.lock.js';

const stores = new TestStores();
const children: Child[] = [];
const locks: DirectoryLock[] = [];
afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release();
  for (const child of children.splice(0)) await child.kill();
  await stores.clean();
});

async function acquire(dir: string): Promise<DirectoryLock> {
  const lock = await DirectoryLock.acquire(dir);
  locks.push(lock);
  return lock;
}

async function child(dir: string): Promise<Child> {
  const started = Child.start('lock', dir);
  children.push(started);
  await started.printed(1);
  return started;
}

describe('the lock of a directory', () => {
  it('says who holds it without taking it, and that nobody does', async () => {
    const dir = stores.dir();
    expect(await DirectoryLock.holderOf(dir)).toBeNull();
    const holder = await child(dir);
    const before = readdirSync(dir);

    expect(await DirectoryLock.holderOf(dir)).toMatchObject({ pid: holder.pid, since: expect.stringMatching(/^\d{4}-/) });
    process.kill(holder.pid, 'SIGSTOP');
    expect(await DirectoryLock.holderOf(dir)).toBe('silent');
    process.kill(holder.pid, 'SIGCONT');
    expect(readdirSync(dir)).toEqual(before);
    await holder.kill();
    expect(await DirectoryLock.holderOf(dir)).toBeNull();
  });

  it('refuses a second process and says who holds it', async () => {
    const dir = stores.dir();
    const holder = await child(dir);

    expect(holder.lines).toEqual(['held']);
    await expect(acquire(dir)).rejects.toMatchObject({
      code: 'STORAGE_LOCKED',
      details: { dir, pid: holder.pid, since: expect.stringMatching(/^\d{4}-/) },
      message: expect.stringContaining(`process ${holder.pid}`),
    });
  });

  it('refuses even while its holder is stopped', async () => {
    const dir = stores.dir();
    const holder = await child(dir);
    process.kill(holder.pid, 'SIGSTOP');

    await expect(acquire(dir)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });
  });

  it('is free when its holder was killed, and again after that', async () => {
    const dir = stores.dir();
    for (let round = 0; round < 3; round += 1) {
      const holder = await child(dir);
      expect(holder.lines).toEqual(['held']);
      await holder.kill();
    }

    await expect(acquire(dir)).resolves.toBeDefined();
    expect(readdirSync(dir)).toEqual(['.lock.4.sock']);
  });

  it('goes to exactly one of many that find a dead one at the same moment', async () => {
    const dir = stores.dir();
    await (await child(dir)).kill();

    const starters = await Promise.all(Array.from({ length: 6 }, () => child(dir)));

    const holders = starters.filter(({ lines }) => lines[0] === 'held');
    expect(holders).toHaveLength(1);
    for (const { lines } of starters) {
      if (lines[0] !== 'held') expect(lines).toEqual([`refused STORAGE_LOCKED ${holders[0].pid}`]);
    }
  });

  it('goes to exactly one of many in one process, over and over', async () => {
    const dir = stores.dir();
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => DirectoryLock.acquire(dir)));
      const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect((outcome.reason as AppError).code).toBe('STORAGE_LOCKED');
      }
      expect(held).toHaveLength(1);
      await held[0].release();
    }
    expect(readdirSync(dir)).toHaveLength(1);
  });

  it('can be taken again after a release', async () => {
    const dir = stores.dir();
    await (await DirectoryLock.acquire(dir)).release();

    await expect(acquire(dir)).resolves.toBeDefined();
  });

  it('works where the path is longer than a socket address', async () => {
    const dir = join(stores.dir(), 'x'.repeat(120), 'y'.repeat(120));
    mkdirSync(dir, { recursive: true });

    await acquire(dir);

    await expect(acquire(dir)).rejects.toMatchObject({ code: 'STORAGE_LOCKED', details: { pid: process.pid } });
    expect((statSync(join(dir, '.lock.1.sock')).mode & 0o777).toString(8)).toBe('600');
  });

  it('keeps a second store from opening, and is given back when opening fails', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);

    await expect(stores.open(dir)).rejects.toMatchObject({ code: 'STORAGE_LOCKED', details: { pid: process.pid } });

    await store.commit({});
    await store.close();
    await expect(stores.open(dir, { installationId: 'other' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(stores.open(dir)).resolves.toBeDefined();
  });

  it('whose file was taken away: a store acknowledges and writes nothing more, and another one may have the directory', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits: { retryDelayMs: 1 } });
    await store.commit({ puts: [putTask('task_1')] });
    await store.flush();
    rmSync(join(dir, '.lock.1.sock'));
    const other = await stores.open(dir);
    await other.commit({ puts: [putTask('task_2')] });
    await other.flush();
    const before = readdirSync(dir, { recursive: true });

    for (const id of ['task_3', 'task_4']) await expect(store.commit({ puts: [putTask(id)] })).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });

    expect(store.health()).toMatchObject({ writable: false, lastError: expect.stringContaining('started again') });
    expect([...store.pending.list('tasks')]).toHaveLength(1);
    expect(readdirSync(dir, { recursive: true })).toEqual(before);
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });
    await other.commit({ puts: [putTask('task_5')] });
    await store.close();
    await other.close();
    expect((await stores.open(dir)).durable.count('tasks')).toBe(3);
  });

  it('whose file was taken away while a batch was on its way: it is not acknowledged', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    const store = await stores.open(dir, { fs });
    fs.fault = (operation, path) => {
      if (operation === 'sync' && path.includes('/log/')) rmSync(join(dir, '.lock.1.sock'), { force: true });
    };

    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_LOCKED' });
  });
});
