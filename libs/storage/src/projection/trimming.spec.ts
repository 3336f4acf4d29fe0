import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { auditStore } from '../audit/store-audit.js';
import { repairStore } from '../audit/store-repair.js';
import type { Store } from '../store.js';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { eventually, newEvent, putSession, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const eventsFile = (dir: string): string => join(dir, 'sessions/s1/events.ndjson');
const layoutIn = (dir: string) => ({ home: dir, layout: { dir: '.', collections: TEST_COLLECTIONS, sessionEvents: (id: string) => `sessions/${id}/events.ndjson` } });
const say = (store: Store, ...words: string[]) => store.commit({ puts: [putSession('s1')], events: words.map((word) => newEvent('output', 's1', { word })) });
const trim = (store: Store) => store.commit({ trims: ['s1'], events: [newEvent('trimmed', 's1')] });
const numbers = async (store: Store, after?: number) => (await store.readSessionEvents('s1', { limit: 100, ...(after !== undefined && { after }) })).items.map(({ sessionSeq }) => sessionSeq);

/** Three events, in their file; then they are trimmed. */
async function trimmed(dir: string, store: Store): Promise<void> {
  await say(store, 'one', 'two', 'three');
  await store.flush();
  expect(readFileSync(eventsFile(dir), 'utf8')).toContain('two');
  await trim(store);
}

describe('a session that is trimmed', () => {
  it('has no event from before that in its pages and its file, and its numbers go on', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await trimmed(dir, store);
    expect(await numbers(store)).toEqual([4]);
    await say(store, 'five');
    await store.flush();

    expect(readFileSync(eventsFile(dir), 'utf8').split('\n').map((line) => line && (JSON.parse(line) as { sessionSeq: number }).sessionSeq)).toEqual([4, 5, '']);
    expect(await numbers(store)).toEqual([4, 5]);
    expect(store.transcripts.extentOf('s1')).toEqual({ bytes: statSync(eventsFile(dir)).size, trimmed: 3 });
    await store.close();
    const again = await stores.open(dir);
    expect([await numbers(again), again.transcripts.extentOf('s1').trimmed, again.health().quarantined]).toEqual([[4, 5], 3, []]);
  });

  it('answers a cursor of what is gone with CURSOR_GONE, and goes on from all others', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await trimmed(dir, store);

    for (const after of [1, 2, 5]) await expect(numbers(store, after)).rejects.toMatchObject({ code: 'CURSOR_GONE', details: { oldest: '4', newest: '4' } });
    expect([await numbers(store, 0), await numbers(store, 3), await numbers(store, 4)]).toEqual([[4], [4], []]);
  });

  it.each(['with its checkpoint', 'without a checkpoint, when its file alone says where it begins'])('is so after a start %s', async (how) => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits: { segmentBytesMax: 1, logBytesMax: 1 } });
    await trimmed(dir, store);
    await store.close();
    if (how.startsWith('without')) rmSync(join(dir, 'checkpoint.json'));

    const again = await stores.open(dir);
    expect(await numbers(again)).toEqual([4]);
    expect(again.transcripts.extentOf('s1').trimmed).toBe(3);
  });

  it('gets back nothing of what is gone when its file is damaged', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await trimmed(dir, store);
    await store.close();
    writeFileSync(eventsFile(dir), '');

    expect(await numbers(await stores.open(dir))).toEqual([4]);
  });

  it('is cut again and again until the disk takes it, and read without what is gone meanwhile', async () => {
    const [dir, fs] = [stores.dir(), new FaultyFs()];
    const store = await stores.open(dir, { fs, limits: { retryDelayMs: 1 } });
    let failures = 3;
    fs.fault = (operation) => {
      if (operation === 'truncate' && failures > 0) throw (failures -= 1, fileSystemError('EIO'));
    };
    await trimmed(dir, store);

    expect(await numbers(store)).toEqual([4]);
    await eventually(() => failures === 0);
    await store.flush();
    expect(readFileSync(eventsFile(dir), 'utf8')).not.toContain('two');
  });

  it('is cut while it is being written, and loses nothing that comes after', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    for (let n = 0; n < 30; n += 1) {
      const [last] = await Promise.all([say(store, `before ${n}`), trim(store), say(store, `after ${n}`)]);
      if (n % 7 === 0) await store.flush();
      expect((await numbers(store)).at(-1)).toBe(last.events[0].sessionSeq! + 2);
    }
    await store.flush();

    const lines = readFileSync(eventsFile(dir), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { sessionSeq: number });
    expect(lines.map(({ sessionSeq }) => sessionSeq)).toEqual([89, 90]);
    expect(await numbers(store)).toEqual([89, 90]);
  });

  it('that nobody said anything of is as it was, and so is one that is not there', async () => {
    const store = await stores.open(stores.dir());
    await store.commit({ puts: [putSession('s1')], trims: ['s1', 's9'] });

    expect([await numbers(store), store.transcripts.extentOf('s9')]).toEqual([[], { bytes: 0, trimmed: 0 }]);
  });

  it('is sound for the doctor, who writes its file again from the first event that there should be', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await trimmed(dir, store);
    await say(store, 'five');
    await store.close();
    expect(auditStore(layoutIn(dir)).findings).toEqual([]);
    const whole = readFileSync(eventsFile(dir), 'utf8');
    writeFileSync(eventsFile(dir), whole.replace('five', 'FIVE'));

    expect(auditStore(layoutIn(dir)).findings).toMatchObject([{ kind: 'events', problem: 'is not what was written, in 1 of its 2 lines from line 2 on' }]);
    expect(await repairStore(layoutIn(dir))).toMatchObject([{ done: expect.stringContaining('written again from the log') }]);
    expect(readFileSync(eventsFile(dir), 'utf8')).toBe(whole);
  });
});
