import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FaultyFs, fileSystemError, type FaultyOperation } from './testing/faulty-fs.js';
import { eventually, newEvent, putSession, putTask, TestStores } from './testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

/** Fails one kind of operation on some paths until it is told to stop. */
function failing(fs: FaultyFs, operation: FaultyOperation, path: RegExp, code: 'ENOSPC' | 'EIO' | 'EDQUOT'): () => void {
  fs.fault = (done, at) => {
    if (done === operation && path.test(at)) throw fileSystemError(code);
  };
  return () => (fs.fault = () => undefined);
}

const LOG = /\/log\//;

describe('a log that cannot be written', () => {
  it.each([
    ['append', 'ENOSPC', 'STORAGE_FULL'],
    ['append', 'EDQUOT', 'STORAGE_FULL'],
    ['append', 'EIO', 'STORAGE_WRITE'],
    ['sync', 'EIO', 'STORAGE_WRITE'],
    ['sync', 'ENOSPC', 'STORAGE_FULL'],
  ] as const)('%s failing with %s rejects with %s, sets pending back, and goes on by itself', async (operation, errno, code) => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 60_000 } });
    await store.commit({ puts: [putTask('task_1')], events: [newEvent('a', 'sess_1')] });
    const heal = failing(fs, operation, LOG, errno);

    const first = store.commit({ puts: [putTask('task_2')], events: [newEvent('b', 'sess_1')] });
    const second = store.commit({ puts: [putTask('task_1', { revision: 2 })], deletes: [{ collection: 'tasks', id: 'task_2' }] });
    const outcomes = await Promise.allSettled([first, second]);

    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code, cause: { code: errno } } });
    }
    expect([...store.pending.list('tasks')]).toEqual([{ id: 'task_1', projectId: 'proj_1', revision: 1 }]);
    expect(store.pendingHead().seq).toBe(1);
    expect(store.durable.count('tasks')).toBe(1);
    expect(store.health()).toMatchObject({ writable: false, lastError: expect.stringContaining(errno) });
    expect((await store.readEvents({ limit: 10 })).items).toHaveLength(1);

    heal();
    const { events } = await store.commit({ puts: [putTask('task_3')], events: [newEvent('c', 'sess_1')] });
    expect(events[0]).toMatchObject({ seq: 2, sessionSeq: 2 });
    expect(store.health().writable).toBe(true);
    await store.close();

    const next = await stores.open(dir);
    expect([...next.durable.list<{ id: string }>('tasks')].map(({ id }) => id)).toEqual(['task_1', 'task_3']);
    expect((await next.readEvents({ limit: 10 })).items.map(({ type }) => type)).toEqual(['a', 'c']);
    expect(next.health().quarantined).toEqual([]);
  });

  it('is never appended to again after a failed sync: the next segment says how much of it counts', async () => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs });
    await store.commit({ events: [newEvent('a')] });
    const counted = readFileSync(join(dir, 'log/00000001.ndjson')).length;
    const heal = failing(fs, 'sync', /0001\.ndjson$/, 'EIO');
    await expect(store.commit({ events: [newEvent('lost')] })).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    heal();

    await store.commit({ events: [newEvent('b')] });

    const [header] = readFileSync(join(dir, 'log/00000002.ndjson'), 'utf8').split('\n');
    expect(JSON.parse(header.split(' ').slice(2).join(' '))).toMatchObject({ previous: { segment: 1, bytes: counted } });
    expect(readFileSync(join(dir, 'log/00000001.ndjson')).length).toBeGreaterThan(counted);
    expect((await store.readEvents({ limit: 10 })).items.map(({ type }) => type)).toEqual(['a', 'b']);
  });

  it('becomes writable again without being asked to commit', async () => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { retryDelayMs: 5 } });
    await store.commit({});
    const heal = failing(fs, 'append', LOG, 'ENOSPC');
    await expect(store.commit({})).rejects.toMatchObject({ code: 'STORAGE_FULL' });

    expect(store.health().writable).toBe(false);
    heal();

    await eventually(() => store.health().writable);
    expect(store.health().lastError).toBeUndefined();
  });

  it('leaves no trace of segments that could not be begun', async () => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 60_000 } });
    await store.commit({});
    const heal = failing(fs, 'syncDir', /\/log$/, 'EIO');
    fs.fault = ((fault) => (operation: FaultyOperation, path: string) => {
      if (operation === 'sync' && /0001\.ndjson$/.test(path)) throw fileSystemError('EIO');
      return fault(operation, path);
    })(fs.fault);
    for (let attempt = 0; attempt < 3; attempt += 1) await expect(store.commit({})).rejects.toThrow();

    expect(readdirSync(join(dir, 'log'))).toEqual(['00000001.ndjson']);
    heal();
    await expect(store.commit({})).resolves.toMatchObject({ commitSeq: 2 });
  });
});

describe('session events that cannot be synced', () => {
  it('and fill their memory make commits fail with the reason, until they can', async () => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { unsyncedEventBytesMax: 1_000, retryDelayMs: 1 } });
    const heal = failing(fs, 'sync', /events\.ndjson$/, 'ENOSPC');
    const big = { events: [newEvent('output', 'sess_1', 'x'.repeat(2_000))] };
    await store.commit(big);

    await expect(store.commit(big)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    heal();

    await eventually(() => store.commit(big).then(() => true, () => false));
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items.map(({ sessionSeq }) => sessionSeq)).toEqual([1, 2]);
  });
});

describe('files that cannot be written', () => {
  it('stay behind the log, are told in health, and catch up by themselves', async () => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 5 } });
    const heal = failing(fs, 'append', /\.json\..*om-tmp$/, 'ENOSPC');

    await store.commit({ puts: [putTask('task_1')] });
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    const before = store.health();
    heal();

    expect(before).toMatchObject({ writable: true, dirtyDocuments: 1, lastError: expect.stringContaining('ENOSPC') });
    await eventually(() => store.health().dirtyDocuments === 0);
    expect(existsSync(join(dir, 'tasks/proj_1/task_1.json'))).toBe(true);
    expect(readdirSync(join(dir, 'tasks/proj_1'))).toEqual(['task_1.json']);
    await store.flush();
    expect(store.health().lastError).toBeUndefined();
  });

  it('of one document do not hold up the others', async () => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 60_000 } });
    failing(fs, 'rename', /task_bad\.json$/, 'EIO');

    await store.commit({ puts: [putTask('task_bad'), putTask('task_1')] });
    await store.commit({ puts: [putTask('task_2')] });

    await eventually(() => existsSync(join(dir, 'tasks/proj_1/task_2.json')) && store.health().dirtyDocuments === 1);
    fs.fault = () => undefined;
  });

  it('that are too many make commits wait until some are written', async () => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { dirtyFilesMax: 3, writesInFlightMax: 1 } });
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    fs.fault = (operation, path) => (operation === 'rename' && path.includes('/tasks/') ? gate : undefined);
    for (const id of ['a', 'b', 'c']) await store.commit({ puts: [putTask(id)] });

    let done = false;
    const waiting = store.commit({ puts: [putTask('d')] }).then(() => (done = true));
    // It is the very next thing the log would do: a hundred turns of the event loop are ample.
    for (let turn = 0; turn < 100; turn += 1) await new Promise((next) => setImmediate(next));
    const before = { done, pending: store.pending.has('tasks', 'd'), durable: store.durable.has('tasks', 'd') };
    open();
    await waiting;

    expect(before).toEqual({ done: false, pending: true, durable: false });
    expect(store.durable.has('tasks', 'd')).toBe(true);
  });

  it('that are too many and cannot be written at all make commits fail with their reason', async () => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { dirtyFilesMax: 2, retryDelayMs: 20 } });
    const heal = failing(fs, 'append', /\/tasks\//, 'ENOSPC');
    for (const id of ['a', 'b']) await store.commit({ puts: [putTask(id)] });

    await expect(store.commit({ puts: [putTask('c')] })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    heal();

    await eventually(() => store.commit({ puts: [putTask('c')] }).then(() => true, () => false));
  });

  it.each(['append', 'sync'] as const)('%s of a session that fails leaves no event out and none twice', async (operation) => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 1 } });
    await store.commit({ puts: [putSession('sess_1')], events: [newEvent('a', 'sess_1')] });
    await store.flush();
    failing(fs, operation, /events\.ndjson$/, 'EIO');
    await store.commit({ events: [newEvent('b', 'sess_1'), newEvent('c', 'sess_1')] });
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    await store.commit({ events: [newEvent('d', 'sess_1')] });
    const during = await store.readSessionEvents('sess_1', { limit: 10 });
    fs.fault = () => undefined;

    await eventually(() => store.flush().then(() => true, () => false));

    expect(during.items.map(({ type }) => type)).toEqual(['a', 'b', 'c', 'd']);
    const lines = readFileSync(join(dir, 'sessions/sess_1/events.ndjson'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).sessionSeq)).toEqual([1, 2, 3, 4]);
  });

  it('and a checkpoint that cannot be written loses nothing when the process ends', async () => {
    const fs = new FaultyFs();
    const dir = stores.dir();
    const store = await stores.open(dir, { fs });
    failing(fs, 'rename', /checkpoint\.json$/, 'EIO');
    await store.commit({
      puts: [putTask('task_1')],
      events: [newEvent('a', 'sess_1')],
      answer: { scope: 's', key: 'k', bodyHash: 'h', status: 201, body: { ok: true } },
    });
    await store.close();

    const next = await stores.open(dir);

    expect(next.durable.has('tasks', 'task_1')).toBe(true);
    expect(next.head().seq).toBe(1);
    expect(next.idempotency.lookup('s', 'k')).toEqual({ bodyHash: 'h', status: 201, body: { ok: true } });
  });
});

describe('a file that is taken away while it is written', () => {
  it('of the log: nothing is acknowledged that would go with it, and the next commits have another', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await store.commit({ puts: [putTask('task_1')] });
    rmSync(join(dir, 'log/00000001.ndjson'));

    await expect(store.commit({ puts: [putTask('task_2')] })).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    await store.commit({ puts: [putTask('task_3')] });
    await store.close();

    const next = await stores.open(dir);
    expect(['task_1', 'task_2', 'task_3'].map((id) => next.durable.has('tasks', id))).toEqual([true, false, true]);
  });

  it('of answers: no key that is acknowledged later is forgotten by a restart', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    const answer = (key: string) => ({ answer: { scope: 's', key, bodyHash: 'h', status: 201, body: key } });
    await store.commit(answer('k1'));
    await store.flush();
    rmSync(join(dir, 'answers/00000001.ndjson'));
    await store.commit(answer('k2'));
    await store.flush().catch(() => undefined);
    await store.commit(answer('k3'));
    await store.close();

    const next = await stores.open(dir);
    for (const key of ['k1', 'k2', 'k3']) expect(next.idempotency.lookup('s', key)).toMatchObject({ body: key });
  });
});
