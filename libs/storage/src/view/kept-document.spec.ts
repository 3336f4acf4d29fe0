import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectionSpec } from '../commit.js';
import type { Store } from '../store.js';
import { eventually, putTask, TestStores, TEST_COLLECTIONS } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const TITLES = ['one', 'two', 'three'];

const open = (dir: string, summary?: string[], limits = {}): Promise<Store> => {
  const [tasks, ...others]: CollectionSpec[] = TEST_COLLECTIONS;
  return stores.open(dir, { collections: [{ ...tasks, ...(summary && { summary }) }, ...others], limits: { snapshotDocumentsMin: 1, checkpointDelayMs: 5, ...limits } });
};

/** A closed store of three tasks, all of them in its snapshot. */
async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await open(dir);
  await store.commit({ puts: TITLES.map((title, n) => putTask(`task_${n}`, { title, projectId: `proj_${n}` })) });
  await store.close();
  return dir;
}

/** What the spied `JSON.parse` was given. */
async function parsedWhile<T>(work: () => Promise<T>): Promise<{ result: T; parsed: string[] }> {
  const spy = jest.spyOn(JSON, 'parse');
  try {
    const result = await work();
    return { result, parsed: spy.mock.calls.map(([text]) => String(text)) };
  } finally {
    spy.mockRestore();
  }
}

/** A commit, and a snapshot after it. */
async function nextSnapshot(store: Store, dir: string, commit: () => Promise<unknown>): Promise<void> {
  const file = join(dir, 'snapshot.ndjson');
  const before = statSync(file).ino;
  await commit();
  await eventually(async () => {
    await store.flush();
    return existsSync(file) && statSync(file).ino !== before;
  });
}

const titles = (store: Store, after?: string) => [...store.durable.list<{ title: string }>('tasks', after)].map(({ title }) => title);

describe('a document of a snapshot', () => {
  it('is parsed when it is asked for, once, and by all views', async () => {
    const dir = await filled();
    const { result: store, parsed } = await parsedWhile(() => open(dir));
    const asked = await parsedWhile(() => Promise.resolve([store.pending.get('tasks', 'task_1'), store.durable.get('tasks', 'task_1'), store.durable.get('tasks', 'task_1')]));

    expect(parsed.filter((text) => TITLES.some((title) => text.includes(title)))).toEqual([]);
    expect(asked.parsed).toHaveLength(1);
    expect(asked.result[0]).toMatchObject({ title: 'two' });
    expect(Object.isFrozen(asked.result[0])).toBe(true);
    expect(asked.result[1]).toBe(asked.result[0]);
  });

  it('is summed up without that, as is one that was parsed or written since', async () => {
    const store = await open(await filled());
    store.durable.get('tasks', 'task_0');
    await store.commit({ puts: [putTask('task_3', { projectId: 'proj_3' })] });
    const { result, parsed } = await parsedWhile(() => Promise.resolve([...store.durable.summaries<{ id: string; projectId: string }>('tasks')]));

    expect(result.map(({ id, projectId }) => [id, projectId])).toEqual([0, 1, 2, 3].map((n) => [`task_${n}`, `proj_${n}`]));
    expect(parsed).toEqual([]);
  });

  it('is in a list with all others, from the id on that is wanted, and parsed when the list comes to it', async () => {
    const store = await open(await filled());
    const list = store.durable.list<{ title: string }>('tasks')[Symbol.iterator]();
    const first = await parsedWhile(() => Promise.resolve(list.next().value));
    expect(first).toMatchObject({ result: { title: 'one' }, parsed: [expect.stringContaining('one')] });
    await store.commit({ puts: [putTask('task_1', { title: 'later', projectId: 'proj_1', revision: 2 })], deletes: [{ collection: 'tasks', id: 'task_2' }] });

    expect(list.next().value).toMatchObject({ title: 'later' });
    expect(list.next().done).toBe(true);
    expect(titles(store)).toEqual(['one', 'later']);
    expect(titles(store, 'task_0')).toEqual(['later']);
    expect(titles(store, 'task_')).toEqual(['one', 'later']);
  });

  it('is parsed again when others were asked for since, and no more than that are held', async () => {
    const store = await open(await filled(), undefined, { recentBytesMax: 1 });
    const { parsed } = await parsedWhile(() => Promise.resolve(['task_0', 'task_1', 'task_0'].map((id) => store.durable.get('tasks', id))));

    expect(parsed).toHaveLength(3);
  });

  it('goes into the next snapshot as it is, and what was written since leaves the memory with it', async () => {
    const dir = await filled();
    const store = await open(dir, undefined, { snapshotLogBytesMin: 1, logBytesMax: 2, recentBytesMax: 1 });
    await nextSnapshot(store, dir, () => store.commit({ puts: [putTask('task_3', { title: 'four' })] }));
    const { result, parsed } = await parsedWhile(() => Promise.resolve([titles(store), store.pending.get('tasks', 'task_3')]));

    expect(result).toMatchObject([[...TITLES, 'four'], { title: 'four' }]);
    expect(parsed.filter((text) => text.includes('"four"'))).toHaveLength(2);
    await store.close();
    expect(titles(await open(dir))).toEqual([...TITLES, 'four']);
  });

  it('is read from its file, and goes into the next snapshot, where this one has become damaged, which is told', async () => {
    const dir = await filled();
    const store = await open(dir, undefined, { snapshotLogBytesMin: 1, logBytesMax: 2 });
    await store.checked();
    const snapshot = join(dir, 'snapshot.ndjson');
    writeFileSync(snapshot, readFileSync(snapshot, 'utf8').replaceAll('two', 'TWO').replaceAll('three', 'THREE'));

    expect([titles(store), store.pending.get('tasks', 'task_1')]).toMatchObject([TITLES, { title: 'two' }]);
    expect(store.health().quarantined).toContainEqual(expect.objectContaining({ file: 'snapshot.ndjson', reason: expect.stringMatching(/is damaged; .*task_1\.json was read/) }));
    await nextSnapshot(store, dir, () => store.commit({ puts: [putTask('task_3', { title: 'four' })] }));
    await store.close();
    expect(titles(await open(dir))).toEqual([...TITLES, 'four']);
  });

  it('is parsed by a start that wants other keys of it than the snapshot has', async () => {
    const dir = await filled();
    const { result: store, parsed } = await parsedWhile(() => open(dir, ['id', 'title', 'projectId']));

    expect(parsed.filter((text) => TITLES.some((title) => text.includes(title)))).toHaveLength(3);
    expect([...store.durable.summaries<{ title: string }>('tasks')].map(({ title }) => title)).toEqual(TITLES);
    await nextSnapshot(store, dir, () => Promise.resolve());
    const again = await parsedWhile(() => Promise.resolve(titles(store)));
    expect([again.result, again.parsed.length]).toEqual([TITLES, 3]);
  });

  it('of a newer version is shown by no start, and stays as it is', async () => {
    const dir = stores.dir();
    const ofVersion = (schemaVersion: number): Promise<Store> => {
      const [tasks, ...others]: CollectionSpec[] = TEST_COLLECTIONS;
      return stores.open(dir, { collections: [{ ...tasks, schemaVersion }, ...others], limits: { snapshotDocumentsMin: 1, checkpointDelayMs: 5 } });
    };
    const newer = await ofVersion(2);
    await newer.commit({ puts: [putTask('task_1', { title: 'newer' })] });
    await newer.close();
    for (let start = 0; start < 3; start += 1) {
      const store = await ofVersion(1);
      expect([store.durable.get('tasks', 'task_1'), titles(store)]).toEqual([undefined, []]);
      await store.commit({ puts: [putTask(`task_2${start}`, { projectId: 'other' })] });
      await store.commit({ deletes: [{ collection: 'tasks', id: `task_2${start}` }] });
      await store.close();
    }
    expect(titles(await ofVersion(2))).toEqual(['newer']);
  });

  it('is found whatever its values are', async () => {
    const dir = stores.dir();
    const [store, odd] = [await open(dir, ['id', 'title', 'projectId']), '","doc":{"\\\n\u2028😀'];
    await store.commit({ puts: [putTask('task_1', { title: odd })] });
    await store.close();

    expect(readFileSync(join(dir, 'snapshot.ndjson'), 'utf8')).toContain('"summary":{"id":"task_1","title":');
    const again = await open(dir, ['id', 'title', 'projectId']);
    expect([...again.durable.summaries<{ title: string }>('tasks')].map(({ title }) => title)).toEqual([odd]);
    expect(titles(again)).toEqual([odd]);
  });
});
