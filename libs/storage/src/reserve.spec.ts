import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Store } from './store.js';
import { FaultyFs, SmallDisk } from './testing/faulty-fs.js';
import { eventually, newEvent, putSession, putTask, TestStores } from './testing/test-store.js';

const stores = new TestStores();
const KIB = 1024;
const LIMITS = { reserveBytes: 64 * KIB, reservePortions: 4, reserveLookMs: 2, retryDelayMs: 2 };

describe('the reserve of a full disk', () => {
  let dir: string;
  let disk: SmallDisk;
  beforeEach(() => {
    dir = stores.dir();
    disk = new SmallDisk(dir, 400 * KIB);
  });
  afterEach(() => stores.clean());

  const open = (): Promise<Store> => stores.open(dir, { fs: disk.fs, limits: LIMITS });
  const reserve = (): string => join(dir, '.reserve');
  const held = (): number | undefined => statSync(reserve(), { throwIfNoEntry: false })?.size;
  const whole = (): Promise<void> => eventually(() => held() === LIMITS.reserveBytes);
  /** Nothing of what is written now has room. */
  const fill = (): void => { disk.capacity -= disk.free; };
  const room = (): void => { disk.capacity += 1_000 * KIB; };
  const file = (id: string): string => join(dir, `tasks/proj_1/${id}.json`);

  it('lets ends and removals be recorded, while all else is refused and everything is read, also after a restart, until there is room', async () => {
    let store = await open();
    await whole();
    await store.commit({ puts: [putTask('task_1'), putTask('task_2'), putSession('sess_1')], events: [newEvent('a', 'sess_1')] });
    await store.flush();
    fill();

    await expect(store.commit({ puts: [putTask('task_3')] })).rejects.toMatchObject({ code: 'STORAGE_FULL', cause: { code: 'ENOSPC' } });
    expect(store.health()).toMatchObject({ writable: false, full: true, problem: expect.stringContaining('The disk is full') });
    await expect(store.commit({ puts: [putTask('task_3')] })).rejects.toMatchObject({ code: 'STORAGE_FULL', message: expect.stringContaining('only what ends or removes') });
    expect(store.pending.has('tasks', 'task_3')).toBe(false);
    await store.commit({ puts: [putSession('sess_1', { state: 'stopped' })], deletes: [{ collection: 'tasks', id: 'task_1' }], events: [newEvent('b', 'sess_1')], essential: true });
    await eventually(() => !existsSync(file('task_1')));
    expect((await store.readEvents({ limit: 10 })).items.map(({ type }) => type)).toEqual(['a', 'b']);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items.map(({ type }) => type)).toEqual(['a', 'b']);
    await store.close();
    expect(held()).toBe(48 * KIB);

    store = await open();
    expect(store.full).toBe(true);
    expect(store.durable.get('sessions', 'sess_1')).toMatchObject({ state: 'stopped' });
    await expect(store.commit({ puts: [putTask('task_3')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await store.commit({ deletes: [{ collection: 'tasks', id: 'task_2' }], events: [newEvent('c', 'sess_1')], essential: true });
    await eventually(() => !existsSync(file('task_2')));
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items.map(({ type }) => type)).toEqual(['a', 'b', 'c']);

    room();
    await eventually(() => store.health().writable);
    expect(held()).toBe(LIMITS.reserveBytes);
    await store.commit({ puts: [putTask('task_3')] });
    await eventually(() => store.flush().then(() => true, () => false));
    expect(store.health()).toMatchObject({ full: false, dirtyDocuments: 0 });
    expect(existsSync(file('task_3'))).toBe(true);
    await store.close();
    expect((await open()).health().quarantined).toEqual([]);
  });

  it('is given back in portions: who fills the disk meanwhile does not get all of it', async () => {
    const store = await open();
    await whole();
    const end = { puts: [putSession('sess_1')], essential: true };
    const sizes: (number | undefined)[] = [];
    for (let portion = 0; portion < 5; portion += 1) {
      fill();
      await expect(store.commit(end)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
      sizes.push(held());
    }

    expect(sizes).toEqual([48 * KIB, 32 * KIB, 16 * KIB, 0, 0]);
  });

  it('is kept for the log: files that lag behind it take nothing of it', async () => {
    const store = await open();
    await whole();
    const answer = { scope: 's', key: 'k', bodyHash: 'h', status: 200, body: {} };
    await store.commit({ answer });
    await store.flush();
    const behind = [file('task_1'), ...['sessions/sess_1/events.ndjson', 'checkpoint.json', 'answers/00000001.ndjson'].map((path) => join(dir, path))];
    const sizes = (): number[] => behind.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    const before = sizes();
    fill();
    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await store.commit({ puts: [putTask('task_1', { title: 'x'.repeat(2 * KIB) })], events: [newEvent('a', 'sess_1')], answer: { ...answer, key: 'k2' }, essential: true });

    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' });

    expect(sizes()).toEqual(before);
    expect(before).toEqual([0, 0, expect.any(Number), expect.any(Number)]);
    expect(store.health().dirtyDocuments).toBeGreaterThan(0);
  });

  it('that was never held, for want of room, changes nothing: all is refused, and goes on as soon as there is any', async () => {
    disk.capacity = 100 * KIB;
    const store = await open();
    await store.commit({ puts: [putTask('task_1')] });
    fill();
    await expect(store.commit({ puts: [putTask('task_2')], essential: true })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(store.full).toBe(false);

    disk.capacity += 20 * KIB;
    await eventually(() => store.commit({ puts: [putTask('task_2')] }).then(() => true, () => false));
    expect(held()).toBeUndefined();

    room();
    await whole();
  });

  it.each([
    ['taken away', () => rmSync(reserve())],
    ['taken away, and a directory is in its place', () => { rmSync(reserve()); mkdirSync(reserve()); }],
  ])('that is %s while it is given back is looked after still: the disk is full no longer than it is', async (_what, harm) => {
    const store = await open();
    await whole();
    fill();
    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(store.full).toBe(true);
    harm();
    fill();
    await expect(store.commit({ puts: [putTask('task_1')], essential: true })).rejects.toMatchObject({ code: 'STORAGE_FULL' });

    room();
    await eventually(() => !store.full);
    await store.commit({ puts: [putTask('task_2')] });
  });

  it('that was taken away before it was needed gives nothing, and the disk is not called full for it', async () => {
    const store = await open();
    await whole();
    rmSync(reserve());
    fill();

    await expect(store.commit({ puts: [putTask('task_1')], essential: true })).rejects.toMatchObject({ code: 'STORAGE_FULL', cause: { code: 'ENOSPC' } });
    expect(store.full).toBe(false);
    room();
    await eventually(() => store.commit({ puts: [putTask('task_1')] }).then(() => true, () => false));
    await whole();
  });

  it('that is too large is cut to its size, and gives room from the first time on', async () => {
    writeFileSync(reserve(), Buffer.alloc(100 * KIB));
    const store = await open();
    await whole();
    fill();

    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(held()).toBe(48 * KIB);
  });

  it('that is no file is told, stops nothing, and is never written through a link', async () => {
    const other = join(stores.dir(), 'other');
    writeFileSync(other, 'x'.repeat(200 * KIB));
    symlinkSync(other, reserve());
    const store = await open();

    expect(store.health().quarantined).toContainEqual(expect.objectContaining({ file: '.reserve', reason: expect.stringContaining('a symbolic link') }));
    fill();
    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    room();
    await eventually(() => store.commit({ puts: [putTask('task_1')] }).then(() => true, () => false));
    expect(statSync(other).size).toBe(200 * KIB);
    rmSync(reserve());
    await whole();
  });
});

describe('a disk that is slow', () => {
  afterEach(() => stores.clean());

  it('is told in health once a commit has waited for it too long, and no more when it is over', async () => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { slowCommitMs: 20 } });
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => { release = resolve; });
    fs.fault = (operation) => (operation === 'sync' ? gate : undefined);
    const first = store.commit({ puts: [putTask('task_1')] });
    const second = store.commit({ puts: [putTask('task_2')] });
    expect(store.health()).toMatchObject({ writable: true });

    await eventually(() => !store.health().writable);
    expect(store.health()).toMatchObject({ full: false, problem: expect.stringMatching(/^Its disk is slow: a commit has waited for 0\.\d s\.$/) });
    release();
    await Promise.all([first, second]);

    expect(store.health()).toMatchObject({ writable: true, waitingMs: 0 });
  });
});
