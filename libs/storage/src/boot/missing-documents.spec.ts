import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Chance, faultSeed } from '@orbitmesh/testing';
import type { Store, StoreOptions } from '../store.js';
import { newEvent, putSession, putTask, TestStores, writeByHand } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const file = (n: number): string => `tasks/proj_1/task_${n}.json`;
const remove = (dir: string, ...paths: string[]): void => { for (const path of paths) rmSync(join(dir, path), { recursive: true }); };
const ids = (store: Store): string[] => [...store.durable.list<{ id: string }>('tasks')].map(({ id }) => id);
const deleted = (n: number) => ({ deletes: [{ collection: 'tasks', id: `task_${n}` }] });

async function filled(options: Partial<StoreOptions> = {}): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir, options);
  for (const n of [1, 2, 3, 4]) await store.commit({ puts: [putTask(`task_${n}`)] });
  await store.commit(deleted(4));
  await store.commit({ puts: [putSession('sess_1')], events: [newEvent('session:spawned', 'sess_1')] });
  for (let n = 0; n < 10; n += 1) await store.commit({ events: [newEvent('later')] });
  await store.close();
  return dir;
}

/** As a power cut leaves it: no last checkpoint, and everything after it in the log alone or in files, too. */
function copyOf(dir: string): string {
  const copy = stores.dir();
  cpSync(dir, copy, { recursive: true, preserveTimestamps: true, filter: (path) => !/\.(sock|om-tmp)$/.test(path) });
  return copy;
}

describe('a document whose file was taken away while nobody was there', () => {
  it('is made again from the log, which is told', async () => {
    const dir = await filled();
    const before = readFileSync(join(dir, file(2)), 'utf8');
    remove(dir, file(2), 'sessions/sess_1');

    const store = await stores.open(dir);
    await store.flush();

    expect(ids(store)).toEqual(['task_1', 'task_2', 'task_3']);
    expect(store.pending.has('sessions', 'sess_1')).toBe(true);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(1);
    expect(readFileSync(join(dir, file(2)), 'utf8')).toBe(before);
    expect(store.health().quarantined).toEqual(expect.arrayContaining([expect.objectContaining({ file: file(2), reason: 'was missing; made again from the log' })]));
  });

  it('is missed also when another one that had been deleted is there in its stead', async () => {
    const dir = await filled();
    const other = readFileSync(join(dir, file(2)), 'utf8').replace('task_2', 'task_4');
    remove(dir, file(2));
    writeByHand(dir, file(4), other);

    expect(ids(await stores.open(dir))).toEqual(['task_1', 'task_2', 'task_3']);
  });

  it('is told where the log no longer has it', async () => {
    const dir = await filled({ limits: { segmentBytesMax: 300, logBytesMax: 600 } });
    remove(dir, file(2));

    const store = await stores.open(dir);

    expect(store.health().quarantined).toMatchObject([{ file: 'checkpoint.json', reason: expect.stringContaining('1 more document') }]);
    await store.close();
    expect((await stores.open(dir)).health().quarantined).toEqual([]);
  });

  it('is only told where the log is damaged, and may have lost that it was deleted', async () => {
    const dir = await filled();
    remove(dir, file(2));
    const log = join(dir, 'log/00000001.ndjson');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"later"', '"lateX"'));

    const store = await stores.open(dir);

    expect(ids(store)).toEqual(['task_1', 'task_3']);
    expect(store.health().quarantined).toEqual(expect.arrayContaining([expect.objectContaining({ file: file(2), reason: expect.stringContaining('is missing, unless') })]));
  });
});

const seed = faultSeed();
it(`after any commits and at any moment of a checkpoint, it is exactly what was taken away that is found missing (seed ${seed})`, async () => {
  const chance = new Chance(seed);
  const dir = stores.dir();
  const store = await stores.open(dir, { limits: { checkpointDelayMs: 3_600_000 } });
  const there = new Set<number>();
  let next = 1;
  for (let step = 0; step < 120; step += 1) {
    const some = [...there];
    const what = chance.next();
    if (what < 0.4 || some.length < 3) {
      there.add(next);
      await store.commit({ puts: [putTask(`task_${next++}`)] });
    } else if (what < 0.7) await store.commit({ puts: [putTask(`task_${chance.pick(some)}`, { revision: step })] });
    else if (what < 0.85) {
      const gone = chance.pick(some);
      there.delete(gone);
      await store.commit(deleted(gone));
    } else if (what < 0.95) await store.flush();
    else {
      const copy = copyOf(dir);
      const taken = chance.shuffle(some).slice(0, 2).filter((n) => existsSync(join(copy, file(n))));
      remove(copy, ...taken.map(file));
      const other = await stores.open(copy);
      expect(ids(other).sort()).toEqual([...there].map((n) => `task_${n}`).sort());
      expect(other.health().quarantined.filter(({ reason }) => !reason.startsWith('was missing'))).toEqual([]);
      await other.close();
      const again = await stores.open(copy);
      expect(again.health().quarantined).toEqual([]);
      await again.close();
    }
  }
});
