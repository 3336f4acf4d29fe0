import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@orbitmesh/domain';
import type { Store } from '../store.js';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { newEvent, putSession, TestStores } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

async function commitEvents(store: Store, count: number, sessionOf: (n: number) => string | undefined = () => undefined): Promise<void> {
  for (let n = 0; n < count; n += 1) await store.commit({ events: [newEvent('output', sessionOf(n), { n, text: 'x'.repeat(100) })] });
}

/** Another home, which its lock does not stand for. */
function copyOf(dir: string): string {
  const copy = stores.dir();
  cpSync(dir, copy, { recursive: true, filter: (path) => !/\.sock$/.test(path) });
  return copy;
}

async function allPages(store: Store, limit: number, after?: string): Promise<EventEnvelope[]> {
  const all: EventEnvelope[] = [];
  for (let cursor = after; ; ) {
    const { items, nextCursor } = await store.readEvents({ ...(cursor === undefined ? {} : { after: cursor }), limit });
    if (items.length === 0) return all;
    all.push(...items);
    cursor = nextCursor;
  }
}

describe('a page of the feed', () => {
  it.each([
    ['memory', {}],
    ['the log, over many segments', { tailBytesMax: 1, segmentBytesMax: 2_000, indexStrideBytes: 500 }],
  ])('read from %s goes on exactly where the one before ended', async (_, limits) => {
    const store = await stores.open(stores.dir(), { limits });
    await commitEvents(store, 60);

    expect((await allPages(store, 7)).map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (__, n) => n + 1));
    expect((await allPages(store, 7, 'inst-1.55')).map(({ seq }) => seq)).toEqual([56, 57, 58, 59, 60]);
    expect(await store.readEvents({ after: 'inst-1.60', limit: 7 })).toEqual({ items: [], nextCursor: 'inst-1.60' });
    expect((await store.readEvents({ after: 59, limit: 7 })).items).toHaveLength(1);
  });

  it('is the same after a restart, wherever it is read from', async () => {
    const dir = stores.dir();
    const first = await stores.open(dir, { limits: { segmentBytesMax: 2_000 } });
    await commitEvents(first, 40);
    const before = await allPages(first, 9);
    await first.close();

    const store = await stores.open(dir);
    await commitEvents(store, 3);

    const after = await allPages(store, 9);
    expect(after.slice(0, 40)).toEqual(before);
    expect(after.map(({ seq }) => seq)).toEqual(Array.from({ length: 43 }, (_, n) => n + 1));
  });

  it.each([
    ['memory', {}],
    ['the log', { tailBytesMax: 1 }],
  ])('read from %s stays within its bytes, and one event always fits', async (_, limits) => {
    const store = await stores.open(stores.dir(), { limits });
    await store.commit({ events: Array.from({ length: 6 }, () => newEvent('output', undefined, 'é'.repeat(50_000))) });
    await commitEvents(store, 1);

    const page = await store.readEvents({ limit: 200 });
    const small = await store.readEvents({ limit: 200, bytesMax: 10 });

    expect(page.items).toHaveLength(5);
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThanOrEqual(512 * 1024);
    expect(small.items).toHaveLength(1);
  });

  it.each(['inst-2.1', 'inst-1.99', 'inst-1.-1', 'inst-1.', 'nonsense', ''])('after %j is gone, and the error says what there is', async (after) => {
    const store = await stores.open(stores.dir());
    await commitEvents(store, 3);

    await expect(store.readEvents({ after, limit: 1 })).rejects.toMatchObject({
      code: 'CURSOR_GONE',
      details: { oldest: 'inst-1.1', newest: 'inst-1.3' },
    });
  });

  it('never shows what is not on the disk yet', async () => {
    const store = await stores.open(stores.dir());
    const committing = store.commit({ events: [newEvent('a', 'sess_1')] });

    expect((await store.readEvents({ limit: 10 })).items).toEqual([]);
    await expect(store.readEvents({ after: 1, limit: 10 })).rejects.toMatchObject({ code: 'CURSOR_GONE' });

    await committing;
    expect((await store.readEvents({ limit: 10 })).items).toHaveLength(1);
  });
});

describe('compaction', () => {
  const limits = { segmentBytesMax: 2_000, logBytesMax: 6_000, tailBytesMax: 1 };

  it('bounds the log, moves the oldest event, and keeps everything else', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits });
    await store.commit({ puts: [putSession('sess_1')], answer: { scope: 's', key: 'k', bodyHash: 'h', status: 201, body: 1 } });
    await commitEvents(store, 60, () => 'sess_1');
    await store.flush();

    const oldest = store.oldest();
    expect(oldest.seq).toBeGreaterThan(20);
    expect(store.health().segmentBytes).toBeLessThan(9_000);
    expect(readdirSync(join(dir, 'log'))).not.toContain('00000001.ndjson');
    expect((await store.readEvents({ limit: 1 })).items[0].seq).toBe(oldest.seq);
    await expect(store.readEvents({ after: oldest.seq - 2, limit: 1 })).rejects.toMatchObject({
      code: 'CURSOR_GONE',
      details: { oldest: oldest.cursor, newest: 'inst-1.60' },
    });
    await store.close();

    const next = await stores.open(dir, { limits });
    expect(next.oldest()).toEqual(oldest);
    expect(next.idempotency.lookup('s', 'k')).toMatchObject({ body: 1 });
    expect((await next.readSessionEvents('sess_1', { limit: 200 })).items.map(({ sessionSeq }) => sessionSeq)).toEqual(
      Array.from({ length: 60 }, (_, n) => n + 1),
    );
    expect((await next.commit({ events: [newEvent('z', 'sess_1')] })).events[0]).toMatchObject({ seq: 61, sessionSeq: 61 });
  });

  it('keeps what no checkpoint covers, however long the log is', async () => {
    const store = await stores.open(stores.dir(), { limits: { ...limits, checkpointDelayMs: 60_000 } });

    await commitEvents(store, 60);

    expect(store.oldest().seq).toBe(1);
    expect(store.health().segmentBytes).toBeGreaterThan(9_000);
  });

  it('forgets the number of a deleted session only when the log has forgotten the session', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits });
    await store.commit({ puts: [putSession('sess_1')], events: [newEvent('a', 'sess_1')] });
    await store.commit({ deletes: [{ collection: 'sessions', id: 'sess_1' }], events: [newEvent('gone', 'sess_1')] });
    await store.flush();
    const states = (): Record<string, unknown> => JSON.parse(readFileSync(join(dir, 'checkpoint.json'), 'utf8')).sessions;
    const before = states();

    expect((await store.commit({ events: [newEvent('late', 'sess_1')] })).events[0].sessionSeq).toBe(3);
    await commitEvents(store, 60);
    await store.flush();
    await store.flush();

    expect(before).toEqual({ sess_1: [2, 0, 2] });
    expect(states()).toEqual({});
  });
});

describe("a page of a session's events", () => {
  const other = (n: number): string => (n % 3 === 0 ? 'sess_2' : 'sess_1');

  it.each([
    ['before they are in the file', false],
    ['from the file', true],
  ])('%s is contiguous in sessionSeq and has no other session', async (_, flushed) => {
    const store = await stores.open(stores.dir(), { limits: { indexStrideBytes: 300 } });
    await commitEvents(store, 90, other);
    if (flushed) await store.flush();
    await commitEvents(store, 3, other);

    const seen: (number | undefined)[] = [];
    for (let after = 0; ; ) {
      const { items, nextCursor } = await store.readSessionEvents('sess_1', { after, limit: 7 });
      if (items.length === 0) break;
      expect(new Set(items.map(({ sessionId }) => sessionId))).toEqual(new Set(['sess_1']));
      seen.push(...items.map(({ sessionSeq }) => sessionSeq));
      after = Number(nextCursor);
    }
    expect(seen).toEqual(Array.from({ length: 62 }, (__, n) => n + 1));
  });

  it('hides no other event when a disk made one number lower, wherever the page begins', async () => {
    const [dir, count] = [stores.dir(), 40];
    const store = await stores.open(dir, { limits: { indexStrideBytes: 1_500 } });
    await commitEvents(store, count, () => 'sess_1');
    await store.flush();
    const path = join(dir, 'sessions/sess_1/events.ndjson');
    const whole = readFileSync(path, 'utf8');
    for (let damaged = 12; damaged < 20; damaged += 1) {
      writeFileSync(path, whole.replace(`"sessionSeq":${damaged}}`, `"sessionSeq":${damaged - 2}}`));
      const again = await stores.open(copyOf(dir), { limits: { indexStrideBytes: 1_500 } });
      for (let after = count - 1; after >= 0; after -= 1) {
        const { items } = await again.readSessionEvents('sess_1', { after, limit: count });
        expect(items.map(({ sessionSeq }) => sessionSeq)).toEqual(Array.from({ length: count - after }, (__, n) => after + n + 1).filter((seq) => seq !== damaged));
      }
    }
  });

  it.each([[1, 3], [2, 4], [4, 6]])('leaves out a line whose number a disk changed from %d to %d, says so, and none after it', async (from, to) => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await commitEvents(store, 4, () => 'sess_1');
    await store.flush();
    const path = join(dir, 'sessions/sess_1/events.ndjson');
    writeFileSync(path, readFileSync(path, 'utf8').replace(`"sessionSeq":${from}}`, `"sessionSeq":${to}}`));
    await commitEvents(store, 3, () => 'sess_1');

    const { items } = await store.readSessionEvents('sess_1', { limit: 10 });
    const later = await store.readSessionEvents('sess_1', { limit: 10, after: 2 });

    expect(items.map(({ sessionSeq }) => sessionSeq)).toEqual([1, 2, 3, 4, 5, 6, 7].filter((seq) => seq !== from));
    expect(later.items.map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7].filter((seq) => seq !== from));
    expect(store.health().quarantined).toMatchObject([{ reason: 'a damaged line is left out of pages' }]);
  });

  it('filtered by type finds the last one of many, and says how far it looked', async () => {
    const store = await stores.open(stores.dir());
    await commitEvents(store, 50, () => 'sess_1');
    await store.commit({ events: [newEvent('timeline', 'sess_1')] });
    await store.flush();
    await commitEvents(store, 5, () => 'sess_1');

    const found = await store.readSessionEvents('sess_1', { limit: 10, types: ['timeline'] });
    const end = await store.readSessionEvents('sess_1', { limit: 10, types: ['timeline'], after: Number(found.nextCursor) });

    expect(found.items.map(({ sessionSeq }) => sessionSeq)).toEqual([51]);
    expect(found.nextCursor).toBe('56');
    expect(end).toEqual({ items: [], nextCursor: '56' });
  });

  it('of a session without events is empty, and one from the future is gone', async () => {
    const store = await stores.open(stores.dir());

    expect(await store.readSessionEvents('sess_1', { limit: 10 })).toEqual({ items: [], nextCursor: '0' });
    await expect(store.readSessionEvents('sess_1', { after: 1, limit: 10 })).rejects.toMatchObject({ code: 'CURSOR_GONE' });
  });
});

describe('a file that cannot be read while its store is at work', () => {
  it.each([
    ['a FIFO', 'is no ordinary file', (path: string) => void execFileSync('mkfifo', [path])],
    ['a directory', 'is a directory', (path: string) => mkdirSync(path)],
    ['a link', 'is a symbolic link', (path: string) => symlinkSync(`${path}.kept`, path)],
  ])("%s in the place of a session's events is refused in words, hurts nobody else, and is over when the file is back", async (_, says, put) => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await commitEvents(store, 4, (n) => `sess_${n % 2}`);
    await store.flush();
    const path = join(dir, 'sessions/sess_1/events.ndjson');
    renameSync(path, `${path}.kept`);
    put(path);

    await expect(store.readSessionEvents('sess_1', { limit: 10 })).rejects.toMatchObject({ code: 'STORAGE_READ', cause: { message: expect.stringContaining(says) } });

    expect((await store.readSessionEvents('sess_0', { limit: 10 })).items).toHaveLength(2);
    expect(store.health().quarantined).toMatchObject([{ file: 'sessions/sess_1/events.ndjson', reason: expect.stringContaining(says) }]);
    rmSync(path, { recursive: true });
    renameSync(`${path}.kept`, path);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(2);
  });

  it.each(['EIO', 'EMFILE'])('%s is STORAGE_READ, of the feed and of a session, and is over when it is', async (code) => {
    const fs = new FaultyFs();
    const store = await stores.open(stores.dir(), { fs, limits: { tailBytesMax: 1 } });
    await commitEvents(store, 3, () => 'sess_1');
    await store.flush();
    for (const operation of ['open', 'read'] as const) {
      fs.fault = (done) => { if (done === operation) throw fileSystemError(code); };

      await expect(store.readEvents({ limit: 10 })).rejects.toMatchObject({ code: 'STORAGE_READ', details: { errno: code } });
      await expect(store.readSessionEvents('sess_1', { limit: 10 })).rejects.toMatchObject({ code: 'STORAGE_READ', details: { errno: code } });
    }
    fs.fault = () => undefined;
    expect((await store.readEvents({ limit: 10 })).items).toHaveLength(3);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(3);
  });
});
