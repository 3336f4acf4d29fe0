import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Child } from './testing/child.js';
import { LONG } from './testing/faults.js';
import { eventually, newEvent, putTask, TestStores } from './testing/test-store.js';

const stores = new TestStores();
const children: Child[] = [];
const mounts: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  const dirs = mounts.splice(0);
  await stores.closeAll();
  for (const dir of dirs) spawnSync('umount', ['-l', dir]);
  await stores.clean();
});

const there = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

function mountSmallDisk(dir: string, size: string): boolean {
  if (process.platform !== 'linux' || !there('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir)) return false;
  mounts.push(dir);
  return true;
}

const MOUNTABLE = ((): boolean => {
  const dir = stores.dir();
  const mounted = mountSmallDisk(dir, '256k');
  for (const each of mounts.splice(0)) spawnSync('umount', [each]);
  rmSync(dir, { recursive: true });
  return mounted;
})();
const STRACE = there('strace', '-qq', '-e', 'inject=fsync:error=EIO:when=1', 'true');
const PRLIMIT = there('prlimit', '--fsize=1000000', 'true');

/** Eight writers in a process of their own, under a tool that makes its disk a bad one. */
function writers(dir: string, ...under: string[]): Child {
  const child = Child.startUnder(under, 'commits', dir);
  children.push(child);
  return child;
}

/** The last revision that each writer was told is there, of the child's lines. */
async function assertAcknowledged(dir: string, lines: string[]): Promise<void> {
  const store = await stores.open(dir);
  const last = new Map(lines.filter((line) => /^\d/.test(line)).map((line) => line.split(' ').slice(1) as [string, string]));
  for (const [writer, revision] of last) {
    expect(store.durable.get<{ revision: number }>('tasks', `task_${writer}`)?.revision).toBeGreaterThanOrEqual(Number(revision));
  }
  expect(last.size).toBe(8);
  expect(store.health().quarantined).toEqual([]);
}

(MOUNTABLE ? describe : describe.skip)('a small disk', () => {
  it('that is full: commits are refused as STORAGE_FULL, reads and a restart go on, and it goes on by itself once there is room', async () => {
    const dir = stores.dir();
    mountSmallDisk(dir, '1m');
    let store = await stores.open(dir, { limits: { retryDelayMs: 20 } });
    await store.commit({ puts: [putTask('task_1', { title: 'there' })], events: [newEvent('a', 'sess_1')] });
    await store.flush();
    writeFileSync(join(dir, 'ballast'), '');
    for (let size = 2 ** 16; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeFileSync(join(dir, 'ballast'), Buffer.alloc(size), { flag: 'a' });
      } catch {
        // Full for this size.
      }
    }
    const big = { puts: [putTask('task_2', { title: 'x'.repeat(100_000) })] };

    await expect(store.commit(big)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(store.durable.get('tasks', 'task_1')).toMatchObject({ title: 'there' });
    expect((await store.readEvents({ limit: 10 })).items).toHaveLength(1);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(1);
    expect(store.health()).toMatchObject({ writable: false, lastError: expect.stringContaining('ENOSPC') });
    await store.close();

    store = await stores.open(dir, { limits: { retryDelayMs: 20 } });
    expect(store.durable.get('tasks', 'task_1')).toMatchObject({ title: 'there' });
    await expect(store.commit(big)).rejects.toMatchObject({ code: 'STORAGE_FULL' });

    truncateSync(join(dir, 'ballast'), 0);
    await eventually(() => store.health().writable);
    await store.commit(big);
    await store.flush();
    expect(store.health().lastError).toBeUndefined();
    expect(readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('om-tmp'))).toEqual([]);
  });
});

(PRLIMIT ? describe : describe.skip)('a limit for the size of a file (EFBIG)', () => {
  it('refuses what goes beyond it, and loses nothing that was acknowledged', async () => {
    const dir = stores.dir();
    const child = writers(dir, 'prlimit', '--fsize=8000');
    await child.printed(200);
    await child.kill();

    // Writes were cut there.
    expect(readdirSync(join(dir, 'log')).map((name) => statSync(join(dir, 'log', name)).size)).toContain(8_000);
    await assertAcknowledged(dir, child.lines);
  });
});

(STRACE && LONG ? describe : describe.skip)('a disk whose syncs are made bad by injection', () => {
  it.each([
    ['fail with EIO, now and then', 'inject=fsync,fdatasync:error=EIO:when=8+9', 300, 'INJECTED'],
    ['take 2 s', 'inject=fsync,fdatasync:delay_exit=2000000', 16, 'DELAYED'],
  ])('%s: everything acknowledged is there', async (_, inject, lines, mark) => {
    const dir = stores.dir();
    const child = writers(dir, 'strace', '-f', '-qq', '-o', join(dir, 'trace.log'), '-e', 'trace=fsync,fdatasync', '-e', inject);
    await child.printed(lines);
    await child.kill();

    expect(readFileSync(join(dir, 'trace.log'), 'utf8').includes(mark)).toBe(true);
    expect(statSync(join(dir, 'log')).isDirectory()).toBe(true);
    await assertAcknowledged(dir, child.lines);
  }, 120_000);
});
