import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { newEvent, putTask, TestStores, writeByHand as write } from '../testing/test-store.js';
import type { StoreOptions } from '../store.js';
import { EDITED_BY_HAND } from './hand-edits.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const TASK = 'tasks/proj_1/task_1.json';

async function filled(options: Partial<StoreOptions> = {}): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir, options);
  for (const n of [1, 2, 3]) await store.commit({ puts: [putTask(`task_${n}`, { title: 'committed' })] });
  await store.commit({ deletes: [{ collection: 'tasks', id: 'task_3' }] });
  for (let n = 0; n < 10; n += 1) await store.commit({ events: [newEvent('later')] });
  await store.close();
  return dir;
}

const COMMITTED = ['task_1 committed', 'task_2 committed'];
const edited = (dir: string) => readFileSync(join(dir, TASK), 'utf8').replace('committed', 'edited');
const titles = (view: { list<T>(collection: string): Iterable<T> }) => [...view.list<{ id: string; title: string }>('tasks')].map(({ id, title }) => `${id} ${title}`);

describe('a document that was edited by hand while nobody was there', () => {
  it('is as the log has it, now and after every later start, and the edit is kept', async () => {
    const dir = await filled();
    const before = readFileSync(join(dir, TASK), 'utf8');
    write(dir, TASK, edited(dir));

    for (let start = 1; start <= 2; start += 1) {
      const store = await stores.open(dir);
      expect([titles(store.durable), titles(store.pending)]).toEqual([COMMITTED, COMMITTED]);
      expect(store.health().quarantined).toMatchObject([{ file: TASK, reason: EDITED_BY_HAND }]);
      await store.close();
      expect(readFileSync(join(dir, TASK), 'utf8')).toBe(before);
    }
    const [kept] = readdirSync(join(dir, 'quarantine'));
    expect(readFileSync(join(dir, 'quarantine', kept), 'utf8')).toBe(before.replace('committed', 'edited'));
  });

  it('is no matter of its time: an older state that was copied over it is not in force either', async () => {
    const dir = stores.dir();
    let store = await stores.open(dir);
    await store.commit({ puts: [putTask('task_1', { title: 'first' })] });
    await store.flush();
    const older = readFileSync(join(dir, TASK), 'utf8');
    await store.commit({ puts: [putTask('task_1', { title: 'second', revision: 2 })] });
    await store.close();
    write(dir, TASK, older);

    store = await stores.open(dir);

    expect(titles(store.durable)).toEqual(['task_1 second']);
  });

  it('and had been deleted stays deleted, and is kept', async () => {
    const dir = await filled();
    write(dir, 'tasks/proj_1/task_3.json', edited(dir).replace('task_1', 'task_3'));

    const store = await stores.open(dir);
    await store.flush();

    expect(titles(store.durable)).toEqual(COMMITTED);
    expect(store.health().quarantined).toMatchObject([{ file: 'tasks/proj_1/task_3.json', reason: expect.stringContaining('deleted') }]);
    expect(existsSync(join(dir, 'tasks/proj_1/task_3.json'))).toBe(false);
  });

  it('is taken as it is where the log no longer knows it: its file is its only record', async () => {
    const dir = await filled({ limits: { segmentBytesMax: 300, logBytesMax: 600 } });
    write(dir, TASK, edited(dir));

    expect(titles((await stores.open(dir)).durable)).toEqual(['task_1 edited', 'task_2 committed']);
  });

  it('is taken where the log is damaged and the file is of a later revision', async () => {
    const dir = await filled();
    const log = join(dir, 'log/00000001.ndjson');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"later"', '"lateX"'));
    write(dir, TASK, edited(dir).replace('"revision": 1', '"revision": 2'));

    expect(titles((await stores.open(dir)).durable)).toEqual(['task_1 edited', 'task_2 committed']);
  });
});

it('files that were only written later, as by a copy that keeps no times, are as good as before', async () => {
  const [dir, copy] = [await filled(), stores.dir()];
  cpSync(dir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  for (const n of [1, 2]) write(copy, `tasks/proj_1/task_${n}.json`, readFileSync(join(copy, `tasks/proj_1/task_${n}.json`), 'utf8'));
  rmSync(dir, { recursive: true });

  const store = await stores.open(copy);

  expect(titles(store.durable)).toEqual(['task_1 committed', 'task_2 committed']);
  expect(store.health().quarantined).toEqual([]);
});
