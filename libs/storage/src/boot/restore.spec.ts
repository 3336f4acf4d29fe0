import { cpSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { newEvent, TestStores } from '../testing/test-store.js';
import { nodeFs } from '../fs/node-fs.js';
import { isOtherFile } from '../fs/storage-fs.js';
import type { Store } from '../store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const write = async (store: Store, count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) await store.commit({ events: [newEvent('e')] });
};
const gone = (store: Store, after: string) => expect(store.readEvents({ after, limit: 1 })).rejects.toMatchObject({ code: 'CURSOR_GONE' });
const seqsAfter = async (store: Store, after: string) => (await store.readEvents({ after, limit: 100 })).items.map(({ seq }) => seq);

/** A home of three events, its backup, and two more events that the backup does not have. */
async function backedUp(): Promise<{ dir: string; backup: string }> {
  const [dir, backup] = [stores.dir(), stores.dir()];
  let store = await stores.open(dir);
  await write(store, 3);
  await store.close();
  copy(dir, backup);
  store = await stores.open(dir);
  await write(store, 2);
  await store.close();
  return { dir, backup };
}

/** A lock is no file that anybody copies. */
const copy = (from: string, to: string): void => cpSync(from, to, { recursive: true, preserveTimestamps: true, filter: (path) => !path.endsWith('.sock') });

function restore(backup: string, dir: string): void {
  rmSync(dir, { recursive: true });
  copy(backup, dir);
}

describe('a log that was restored from a backup', () => {
  it('goes on for whoever had seen no more than it has, and is gone for whoever had, also when the numbers come there again', async () => {
    const { dir, backup } = await backedUp();
    restore(backup, dir);

    const store = await stores.open(dir);

    expect(store.logId).toMatch(/^inst-2_/);
    expect(await seqsAfter(store, 'inst-1.1')).toEqual([2, 3]);
    expect(await seqsAfter(store, 'inst-1.3')).toEqual([]);
    await gone(store, 'inst-1.4');
    await write(store, 4);
    await gone(store, 'inst-1.4');
    await gone(store, 'inst-1.5');
    expect(await seqsAfter(store, 'inst-1.1')).toEqual([2, 3, 4, 5, 6, 7]);
    expect(await seqsAfter(store, `${store.logId}.2`)).toEqual([3, 4, 5, 6, 7]);
    expect(store.head().cursor).toBe(`${store.logId}.7`);
  });

  it('twice from the same backup does not take the cursors of the first life for those of the second', async () => {
    const { dir, backup } = await backedUp();
    restore(backup, dir);
    const first = await stores.open(dir);
    await write(first, 2);
    const { cursor } = first.head();
    await first.close();
    restore(backup, dir);

    const second = await stores.open(dir);
    await write(second, 5);

    await gone(second, cursor);
  });

  it('keeps its new name from then on, even if nothing was written under it', async () => {
    const { dir, backup } = await backedUp();
    restore(backup, dir);
    const store = await stores.open(dir);
    const { logId } = store;
    await store.close();

    const again = await stores.open(dir);
    expect(again.logId).toBe(logId);
    await write(again, 1);
    expect(await seqsAfter(again, `${logId}.3`)).toEqual([4]);
    await again.close();
    expect((await stores.open(dir)).logId).toBe(logId);
  });

  it('says so itself when its disk was set back, which leaves no trace in it', async () => {
    const dir = stores.dir();
    let store = await stores.open(dir);
    await write(store, 3);
    await store.close();

    store = await stores.open(dir, { restored: true });

    expect(await seqsAfter(store, 'inst-1.2')).toEqual([3]);
    await write(store, 1);
    await gone(store, 'inst-1.4');
  });
});

it('a log that was only moved, or started again, keeps its name', async () => {
  const dir = stores.dir();
  const store = await stores.open(dir);
  await write(store, 1);
  await store.close();
  renameSync(dir, `${dir}-moved`);
  renameSync(`${dir}-moved`, dir);

  expect((await stores.open(dir)).logId).toBe('inst-1');
});

it.each([
  ['a file and itself', '1-5', '1-5', false],
  ['a file and its copy', '1-5', '2-6', true],
  ['a file on a system whose inode numbers do not last', '1-5', '2-5', false],
  ['files on a system that knows no time of birth', '1-0', '2-0', true],
  ['a file and its copy that got its number', '1-5', '1-6', true],
  ['a file of an older version, which did not say', undefined, '1-5', false],
])('are they two files: %s', (_, one, other, expected) => {
  expect(isOtherFile(one, other)).toBe(expected);
});

it('the real file system tells a file from its copy, and knows it after a rename', () => {
  const dir = stores.dir();
  cpSync(import.meta.filename, `${dir}/a`);
  cpSync(`${dir}/a`, `${dir}/b`);
  const before = nodeFs.identitySync!(`${dir}/a`);
  renameSync(`${dir}/a`, `${dir}/c`);

  expect(nodeFs.identitySync!(`${dir}/c`)).toBe(before);
  expect(isOtherFile(before, nodeFs.identitySync!(`${dir}/b`))).toBe(true);
});
