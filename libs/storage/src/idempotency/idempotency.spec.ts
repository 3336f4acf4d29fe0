import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { eventually, putTask, TestStores } from '../testing/test-store.js';
import type { Commit } from '../commit.js';

const stores = new TestStores();
afterEach(async () => {
  jest.restoreAllMocks();
  await stores.clean();
});

function answer(key: string, body: unknown = { key }): Commit {
  return { answer: { scope: 'POST /tasks', key, bodyHash: `hash of ${key}`, status: 201, body } };
}

describe('an idempotent answer', () => {
  it('is found when it is durable, in its own scope only', async () => {
    const store = await stores.open(stores.dir());

    const committing = store.commit(answer('k1'));

    expect(store.idempotency.lookup('POST /tasks', 'k1')).toBeUndefined();
    await committing;
    expect(store.idempotency.lookup('POST /tasks', 'k1')).toEqual({ bodyHash: 'hash of k1', status: 201, body: { key: 'k1' } });
    expect(store.idempotency.lookup('POST /', 'tasksk1')).toBeUndefined();
    expect(store.idempotency.lookup('POST /tasksk', '1')).toBeUndefined();
  });

  it('survives restarts, with and without a checkpoint between', async () => {
    const dir = stores.dir();
    for (const key of ['k1', 'k2', 'k3']) {
      const store = await stores.open(dir);
      await store.commit(answer(key));
      await store.close();
    }

    const store = await stores.open(dir);

    for (const key of ['k1', 'k2', 'k3']) expect(store.idempotency.lookup('POST /tasks', key)).toMatchObject({ body: { key } });
  });

  it('is forgotten after its age', async () => {
    let now = 1_000;
    const dir = stores.dir();
    const store = await stores.open(dir, { clock: () => now, limits: { answerAgeMsMax: 100 } });
    await store.commit(answer('k1'));
    now += 99;
    const before = store.idempotency.lookup('POST /tasks', 'k1');
    now += 1;

    expect(before).toBeDefined();
    expect(store.idempotency.lookup('POST /tasks', 'k1')).toBeUndefined();
    expect(store.health().answersDropped).toBe(0);
    await store.close();
    const next = await stores.open(dir, { clock: () => now, limits: { answerAgeMsMax: 100 } });
    expect(next.idempotency.lookup('POST /tasks', 'k1')).toBeUndefined();
  });

  it('is not lost with a segment whose directory could not be synced', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    const store = await stores.open(dir, { fs, limits: { answerSegmentBytesMax: 1, retryDelayMs: 60_000 } });
    await store.commit(answer('k1'));
    await store.flush();
    fs.fault = (operation, path) => {
      if (operation === 'syncDir' && path.endsWith('/answers')) throw fileSystemError('EIO');
    };
    await store.commit(answer('k2'));
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    fs.fault = () => undefined;
    await store.commit(answer('k3'));
    await store.close();

    const next = await stores.open(dir);

    for (const key of ['k1', 'k2', 'k3']) expect(next.idempotency.lookup('POST /tasks', key)).toMatchObject({ body: { key } });
    expect(next.health().quarantined).toEqual([]);
  });

  it.each([
    ['count', { answersMax: 3 }, undefined],
    ['bytes', { answerBytesMax: 3_600 }, 'x'.repeat(1_000)],
  ])('is dropped, oldest first and counted, past the bound of %s', async (_, limits, body) => {
    const store = await stores.open(stores.dir(), { limits });

    for (const n of [1, 2, 3, 4, 5]) await store.commit(answer(`k${n}`, body));

    const kept = [1, 2, 3, 4, 5].filter((n) => store.idempotency.lookup('POST /tasks', `k${n}`) !== undefined);
    expect(kept).toEqual([3, 4, 5]);
    expect(store.health().answersDropped).toBe(2);
  });
});

describe('side segments of answers', () => {
  it.each([
    ['missing', (file: string) => rmSync(file)],
    ['cut short', (file: string) => truncateSync(file, 10)],
    ['damaged', (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('"k2"', '"kX"'))],
  ])('that are %s are told, and made again from the log, in their order', async (_, harm) => {
    const dir = stores.dir();
    const limits = { answersMax: 3 };
    const store = await stores.open(dir, { limits });
    for (const n of [1, 2, 3]) await store.commit(answer(`k${n}`));
    await store.close();
    harm(join(dir, 'answers/00000001.ndjson'));

    for (let start = 1; start <= 2; start += 1) {
      const next = await stores.open(dir, { limits });
      for (const key of ['k1', 'k2', 'k3']) expect(next.idempotency.lookup('POST /tasks', key)).toMatchObject({ body: { key } });
      expect(next.health().quarantined).toMatchObject(start > 1 ? [] : [{ file: 'answers/00000001.ndjson', reason: expect.stringContaining('made again from the log') }]);
      await next.close();
    }
    const last = await stores.open(dir, { limits });
    await last.commit(answer('k4'));
    expect(['k1', 'k2', 'k3', 'k4'].filter((key) => last.idempotency.lookup('POST /tasks', key) !== undefined)).toEqual(['k2', 'k3', 'k4']);
  });

  it('grow by the new answers only, and go when their last answer is gone', async () => {
    const dir = stores.dir();
    const limits = { answerSegmentBytesMax: 1, answersMax: 2 };
    const store = await stores.open(dir, { limits });
    const names: string[][] = [];
    for (const n of [1, 2, 3, 4]) {
      await store.commit(answer(`k${n}`));
      await store.flush();
      names.push(readdirSync(join(dir, 'answers')));
    }

    expect(names.map((found) => found.map((name) => Number(name.slice(0, 8))))).toEqual([[1], [1, 2], [2, 3], [3, 4]]);
  });

  it('are where an answer is read from once it is there; one that cannot be read is refused, not forgotten', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    for (const n of [1, 2, 3]) await store.commit(answer(`k${n}`, { n, text: 'ü'.repeat(n) }));
    await store.flush();
    const file = join(dir, 'answers/00000001.ndjson');

    for (const n of [1, 2, 3]) expect(store.idempotency.lookup('POST /tasks', `k${n}`)).toEqual({ bodyHash: `hash of k${n}`, status: 201, body: { n, text: 'ü'.repeat(n) } });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"n":2', '"n":9'));
    expect(() => store.idempotency.lookup('POST /tasks', 'k2')).toThrow(expect.objectContaining({ code: 'STORAGE_READ' }));
    expect(store.idempotency.lookup('POST /tasks', 'k3')).toMatchObject({ body: { n: 3 } });
  });

  it('count only as far as the checkpoint says', async () => {
    const dir = stores.dir();
    const first = await stores.open(dir);
    await first.commit(answer('k1'));
    await first.close();
    appendFileSync(join(dir, 'answers/00000001.ndjson'), 'torn');

    const store = await stores.open(dir);

    expect(store.idempotency.lookup('POST /tasks', 'k1')).toBeDefined();
    expect(store.health().quarantined).toEqual([]);
  });
});

const HOUR = 3_600_000;

function jumpBy(ms: number): void {
  const real = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => real() + ms);
}

describe('a wall clock that jumps', () => {
  it.each([['back an hour', -HOUR], ['on an hour', HOUR], ['on ten years', 87_660 * HOUR]])('%s ends no answer before its time', async (_, jump) => {
    const dir = stores.dir();
    let store = await stores.open(dir);
    await store.commit(answer('k1'));
    jumpBy(jump);
    await store.commit(answer('k2'));
    const before = ['k1', 'k2'].map((key) => store.idempotency.lookup('POST /tasks', key)?.body);
    await store.close();
    store = await stores.open(dir);

    expect(before).toEqual([{ key: 'k1' }, { key: 'k2' }]);
    expect(['k1', 'k2'].map((key) => store.idempotency.lookup('POST /tasks', key)?.body)).toEqual(before);
  });

  it('back an hour keeps no failed file from being tried again', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 20 } });
    let failures = 0;
    fs.fault = (operation) => {
      if (operation === 'rename' && (failures += 1) === 1) throw fileSystemError('EIO');
    };
    await store.commit({ puts: [putTask('task_1')] });
    await eventually(() => failures > 0);
    jumpBy(-HOUR);
    fs.fault = () => undefined;

    await eventually(() => store.health().dirtyDocuments === 0);
  });
});
