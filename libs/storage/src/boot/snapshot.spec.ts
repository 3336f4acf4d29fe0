import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { CollectionSpec } from '../commit.js';
import type { StorageLimits } from '../limits.js';
import type { Store } from '../store.js';
import { LONG } from '../testing/faults.js';
import { FaultyFs, fileSystemError, SmallDisk } from '../testing/faulty-fs.js';
import { nodeFs } from '../fs/node-fs.js';
import { eventually, newEvent, putSession, putTask, TestStores, TEST_COLLECTIONS, writeByHand } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const LIMITS: Partial<StorageLimits> = { snapshotDocumentsMin: 1, checkpointDelayMs: 5, retryDelayMs: 5, checkPauseMs: 1, checkDelayMs: 0, lazyDelayMs: 1 };
const COLLECTIONS: CollectionSpec[] = [...TEST_COLLECTIONS.slice(0, 2), { ...TEST_COLLECTIONS[2], plain: true, onDemand: true }];
const TASK = 'tasks/proj_1/task_1.json';
const MANIFEST = 'sessions/sess_1/manifest.json';
const SNAPSHOT = 'snapshot.ndjson';

const open = (dir: string, options: Parameters<TestStores['open']>[1] = {}): Promise<Store> =>
  stores.open(dir, { collections: COLLECTIONS, ...options, limits: { ...LIMITS, ...options.limits } });

const manifest = (id: string) => ({ collection: 'manifests', id, doc: { sessionId: id, text: 'as it is' } });

/** A closed store with a snapshot, and commits after it: tasks 1 to 4 (5 was deleted), a session with its manifest, answers. */
async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await open(dir);
  await store.commit({ puts: [putSession('sess_1'), manifest('sess_1')], events: [newEvent('e1', 'sess_1')] });
  for (const n of [1, 2, 3, 5]) {
    await store.commit({ puts: [putTask(`task_${n}`, { title: `title ${n}` })], events: [newEvent(`e${n + 1}`, 'sess_1')], answer: { scope: 's', key: `k${n}`, bodyHash: 'h', status: 201, body: n } });
  }
  await store.flush();
  await eventually(async () => {
    await store.flush();
    return existsSync(join(dir, SNAPSHOT));
  });
  await store.commit({ puts: [putTask('task_4'), putTask('task_2', { title: 'new', projectId: 'proj_2', revision: 2 })], deletes: [{ collection: 'tasks', id: 'task_5' }] });
  await store.close();
  return dir;
}

const READ_OF_DOCUMENTS = /(tasks|sessions)\/.*json$/;

/** Opens it, and fails when a document's file is read before it is open. */
async function openUnread(dir: string, options: Parameters<TestStores['open']>[1] = {}): Promise<Store> {
  const fs = new FaultyFs();
  fs.readFault = (path) => {
    if (READ_OF_DOCUMENTS.test(path)) throw fileSystemError('EMFILE');
  };
  const store = await open(dir, { fs, ...options });
  fs.readFault = () => undefined;
  return store;
}

function shownBy(store: Store): unknown {
  const { durable } = store;
  return [[...durable.list('tasks')], [...durable.list('sessions')], [...durable.list('manifests')], ['k1', 'k2', 'k3', 'k5'].map((key) => store.idempotency.lookup('s', key)?.body), store.head()];
}

describe('a store with many documents', () => {
  it('starts from a snapshot and the log, and shows what it shows when it reads all files', async () => {
    const dir = await filled();
    const store = await openUnread(dir);
    const shown = shownBy(store);
    await store.checked();

    expect(store.health().quarantined).toEqual([]);
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(5);
    await store.close();
    rmSync(join(dir, SNAPSHOT));
    expect(shownBy(await open(dir))).toEqual(shown);
  });

  it('goes on as ever: what is changed and deleted after such a start is in its files', async () => {
    const dir = await filled();
    const store = await openUnread(dir);
    await store.commit({ puts: [putTask('task_1', { title: 'again', projectId: 'proj_3', revision: 2 })], deletes: [{ collection: 'tasks', id: 'task_3' }, { collection: 'manifests', id: 'sess_1' }] });
    await store.close();

    expect(readdirSync(join(dir, 'tasks'), { recursive: true }).sort()).toEqual(['proj_1', 'proj_1/task_4.json', 'proj_2', 'proj_2/task_2.json', 'proj_3', 'proj_3/task_1.json']);
    expect(existsSync(join(dir, MANIFEST))).toBe(false);
    const again = await openUnread(dir);
    expect(again.durable.get('tasks', 'task_1')).toMatchObject({ title: 'again' });
    expect(again.durable.count('tasks')).toBe(3);
  });

  it.each(['in its first life', 'later'])('believes no file: what was written into one at work, %s, is not in force after an orderly end', async (when) => {
    const dir = when === 'later' ? await filled() : stores.dir();
    const store = await open(dir, { limits: { checkpointDelayMs: 60_000 } });
    await store.commit({ puts: [putTask('task_1', { title: 'title 1' })] });
    await store.flush();
    writeFileSync(join(dir, TASK), readFileSync(join(dir, TASK), 'utf8').replace('title 1', 'mine'));
    await store.close();

    const again = await open(dir);
    await again.checked();
    expect(again.durable.get('tasks', 'task_1')).toMatchObject({ title: 'title 1' });
    // It is left to the doctor, and to the document's next change.
    expect(readFileSync(join(dir, TASK), 'utf8')).toContain('mine');
    await again.commit({ puts: [putTask('task_1', { title: 'title 2', revision: 2 })] });
    await again.flush();
    expect(readFileSync(join(dir, TASK), 'utf8')).toContain('title 2');
  });

  it.each(['is gone', 'is damaged'])('does not believe it either when the snapshot %s, and puts the edit aside', async (what) => {
    const dir = await filled();
    const store = await open(dir);
    await store.checked();
    writeFileSync(join(dir, TASK), readFileSync(join(dir, TASK), 'utf8').replace('title 1', 'mine'));
    await store.commit({ puts: [putTask('task_4', { title: 'later', revision: 2 })] });
    await store.close();
    if (what === 'is gone') rmSync(join(dir, SNAPSHOT));
    else writeFileSync(join(dir, SNAPSHOT), 'x', { flag: 'a' });

    const again = await open(dir);
    expect(again.durable.get('tasks', 'task_1')).toMatchObject({ title: 'title 1' });
    expect(again.health().quarantined.map(({ file }) => file)).toContain(TASK);
    await again.flush();
    expect(readFileSync(join(dir, TASK), 'utf8')).toContain('title 1');
  });

  it('has no snapshot while it is small', async () => {
    const dir = stores.dir();
    const store = await open(dir, { limits: { snapshotDocumentsMin: 3 } });
    await store.commit({ puts: [putTask('task_1'), putTask('task_2')] });
    await store.flush();
    await store.flush();
    expect(existsSync(join(dir, SNAPSHOT))).toBe(false);
  });

  it('has none where there is little room for it, and says so', async () => {
    const dir = stores.dir();
    const { fs } = new SmallDisk(dir, 1_000_000);
    const store = await open(dir, { fs, limits: { reserveBytes: 300_000 } });
    await store.commit({ puts: [putTask('task_1')] });
    await store.flush();
    await store.flush();
    expect([existsSync(join(dir, SNAPSHOT)), existsSync(join(dir, 'snapshot.next.ndjson')), store.health().lastError]).toEqual([false, false, expect.stringContaining('too little room')]);
  });

  it.each(['append', 'sync', 'rename', 'open'] as const)('and whose snapshot fails at %s is as well as ever, says so, and tries again', async (operation) => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    let failing = true;
    fs.fault = (done, path) => {
      if (failing && done === operation && path.includes('snapshot')) throw fileSystemError('EIO');
    };
    const store = await open(dir, { fs });
    await store.commit({ puts: [putTask('task_1')] });
    await eventually(() => store.health().lastError?.includes('EIO') === true);
    failing = false;
    await eventually(async () => {
      await store.commit({ puts: [putTask('task_1')] });
      return existsSync(join(dir, SNAPSHOT)) && store.health().lastError === undefined;
    });
    expect(store.health().writable).toBe(true);
  });
});

describe('a snapshot that cannot be used', () => {
  const shown = async (dir: string): Promise<unknown> => {
    const copy = await open(dir);
    return shownBy(copy);
  };

  it('(cut at any byte, or one of them flipped): the files are read, and nothing is lost', async () => {
    const dir = await filled();
    const whole = readFileSync(join(dir, SNAPSHOT));
    const expected = await shown(dir);
    await stores.closeAll();
    for (let at = 0; at < whole.length; at += LONG ? 1 : 101) {
      for (const broken of [whole.subarray(0, at), Buffer.concat([whole.subarray(0, at), Buffer.of(whole[at] ^ 4), whole.subarray(at + 1)])]) {
        writeFileSync(join(dir, SNAPSHOT), broken);
        expect([at, await shown(dir)]).toEqual([at, expected]);
        await stores.closeAll();
      }
    }
  });

  it('because the log lost something after it: the files are read', async () => {
    const dir = await filled();
    const log = join(dir, 'log/00000001.ndjson');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"title":"new"', '"title":"old"'));
    const store = await open(dir);
    expect(store.durable.get('tasks', 'task_2')).toMatchObject({ title: 'new' });
    expect(store.durable.has('tasks', 'task_5')).toBe(false);
  });

  it.each(['the log', 'the checkpoint'])('because %s is gone: the files are read', async (what) => {
    const dir = await filled();
    rmSync(join(dir, what === 'the log' ? 'log' : 'checkpoint.json'), { recursive: true });
    const store = await open(dir);
    expect(store.durable.count('tasks')).toBe(4);
    expect(store.durable.get('tasks', 'task_2')).toMatchObject({ title: 'new' });
  });

  it('because the log begins after it: a new one is written', async () => {
    const dir = await filled();
    const limits = { segmentBytesMax: 600, logBytesMax: 1_200, snapshotLogBytesMin: 1e9 };
    const store = await open(dir, { limits });
    for (let n = 0; n < 20; n += 1) await store.commit({ puts: [putTask('task_1', { revision: n + 2 })], events: [newEvent('e')] });
    await store.flush();
    await eventually(async () => {
      await store.commit({ puts: [putTask('task_4', { revision: 9 })] });
      await store.flush();
      return (JSON.parse(readFileSync(join(dir, SNAPSHOT), 'utf8').split('\n')[0].replace(/^\S+ \S+ /, '')) as { commit: number }).commit > 20;
    });
    await store.close();
    expect((await openUnread(dir)).durable.get('tasks', 'task_1')).toMatchObject({ revision: 21 });
  });

  it('because it is gone: the next is there without another commit, and soon, for processes that live for seconds', async () => {
    const dir = await filled();
    rmSync(join(dir, SNAPSHOT));
    await open(dir, { limits: { checkpointDelayMs: 3_600_000 } });
    await eventually(() => existsSync(join(dir, SNAPSHOT)));
  });

  it('because it was not covered when the process ended: it is swept, and the files are read', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    fs.fault = (operation, path) => {
      if (operation === 'rename' && path.endsWith(SNAPSHOT)) throw fileSystemError('EIO');
    };
    const store = await open(dir, { fs });
    await store.commit({ puts: [putTask('task_1')] });
    await eventually(() => store.health().lastError !== undefined);
    await store.close();
    expect(existsSync(join(dir, 'snapshot.next.ndjson'))).toBe(true);
    expect((await open(dir, { limits: { snapshotDocumentsMin: 2 } })).durable.has('tasks', 'task_1')).toBe(true);
    expect(existsSync(join(dir, 'snapshot.next.ndjson'))).toBe(false);
  });
});

describe('behind a start from a snapshot the files are looked at, and', () => {
  const content = (dir: string, file: string): unknown => JSON.parse(readFileSync(join(dir, file), 'utf8')) as unknown;
  /** How it was found, and how it is then. */
  async function looked(dir: string): Promise<{ store: Store; told: string[] }> {
    const store = await openUnread(dir);
    expect(store.durable.get('tasks', 'task_1')).toMatchObject({ title: 'title 1' });
    await store.checked();
    await store.flush();
    expect(store.durable.get('tasks', 'task_1')).toMatchObject({ title: 'title 1' });
    expect(content(dir, TASK)).toMatchObject({ title: 'title 1' });
    expect(content(dir, MANIFEST)).toEqual(manifest('sess_1').doc);
    expect(store.durable.get('manifests', 'sess_1')).toEqual(manifest('sess_1').doc);
    return { store, told: store.health().quarantined.map(({ file, reason }) => `${file}: ${reason}`) };
  }

  it.each<[string, (dir: string) => void, string]>([
    ['edited by hand', (dir) => writeByHand(dir, TASK, readFileSync(join(dir, TASK), 'utf8').replace('title 1', 'mine')), 'was edited by hand while nobody was there'],
    ['damaged', (dir) => writeByHand(dir, TASK, '{"schemaVersion'), 'unreadable'],
    ['removed', (dir) => rmSync(join(dir, TASK)), 'was missing; made again'],
    ['a link', (dir) => {
      renameSync(join(dir, TASK), join(dir, 'elsewhere'));
      symlinkSync(join(dir, 'elsewhere'), join(dir, TASK));
    }, 'made again'],
    ['a directory', (dir) => {
      rmSync(join(dir, TASK));
      mkdirSync(join(dir, TASK));
    }, 'made again'],
  ])('a document that was %s is as it was', async (_, change, reason) => {
    const dir = await filled();
    change(dir);
    const { told } = await looked(dir);
    expect(told).toEqual([expect.stringContaining(reason)]);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['edited by hand', (dir) => writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}'), 'was edited by hand while nobody was there'],
    ['damaged', (dir) => writeByHand(dir, MANIFEST, '{'), 'made again from the log'],
    ['removed', (dir) => rmSync(join(dir, MANIFEST)), 'was missing; made again from the log'],
  ])('one that is read on demand and was %s is as the log has it, and never shown otherwise', async (_, change, reason) => {
    const dir = await filled();
    change(dir);
    const store = await openUnread(dir, { limits: { checkPauseMs: 3_600_000 } });
    expect(() => store.durable.get('manifests', 'sess_1')).toThrow(expect.objectContaining({ code: 'STORAGE_READ' }));
    await store.close();
    const { told } = await looked(dir);
    expect(told).toEqual([expect.stringContaining(reason)]);
  });

  it('what never was a document, a deleted one and an older copy are put aside; what is not ours stays', async () => {
    const dir = await filled();
    const put = (file: string, doc: object): void => writeByHand(dir, file, JSON.stringify({ schemaVersion: 1, ...doc }));
    put('tasks/proj_1/task_5.json', putTask('task_5').doc);
    put('tasks/proj_1/task_2.json', putTask('task_2').doc);
    put('tasks/proj_1/misplaced.json', { id: 'other', projectId: 'proj_1' });
    writeFileSync(join(dir, 'tasks/proj_1/notes.txt'), 'of somebody');
    writeFileSync(join(dir, 'tasks/proj_1/.task_1.json.1.1.om-tmp'), 'half');

    const { store, told } = await looked(dir);

    expect(told.sort()).toEqual([
      expect.stringContaining('misplaced.json: not where its content belongs'),
      expect.stringContaining('task_2.json: an older copy'),
      expect.stringContaining('task_5.json: is no document: it was deleted'),
    ]);
    expect(readdirSync(join(dir, 'tasks/proj_1')).sort()).toEqual(['misplaced.json', 'notes.txt', 'task_1.json', 'task_3.json', 'task_4.json']);
    expect(store.durable.count('tasks')).toBe(4);
  });

  it('a start that ends before all were looked at leaves the rest to the next', async () => {
    const dir = await filled();
    writeByHand(dir, TASK, readFileSync(join(dir, TASK), 'utf8').replace('title 1', 'mine'));
    const store = await openUnread(dir, { limits: { checkPauseMs: 3_600_000 } });
    await store.commit({ puts: [putTask('task_9')] });
    await store.flush();
    await store.close();
    expect(content(dir, TASK)).toMatchObject({ title: 'mine' });

    const { told } = await looked(dir);
    expect(told).toEqual([expect.stringContaining('was edited by hand')]);
  });

  it('an error of the disk is tried again', async () => {
    const dir = await filled();
    rmSync(join(dir, TASK));
    const fs = new FaultyFs();
    let failures = 0;
    const readable: { readDirSync: typeof nodeFs.readDirSync } = fs;
    readable.readDirSync = (path) => {
      if (path.endsWith('/tasks') && (failures += 1) < 3) throw fileSystemError('EMFILE');
      return nodeFs.readDirSync(path);
    };
    const store = await open(dir, { fs });
    await store.checked();
    await store.flush();
    expect(failures).toBe(3);
    expect(existsSync(join(dir, TASK))).toBe(true);
  });

  it('what is written meanwhile is not taken for the work of somebody', async () => {
    const dir = await filled();
    const store = await openUnread(dir);
    let n = 0;
    const over = store.checked().then(() => (n = Infinity));
    for (; n < 200; n += 1) {
      await store.commit({ puts: [putTask(`task_${n % 3}`, { revision: n + 10, title: `${n}`, projectId: `proj_${n % 4}` })], ...(n % 5 === 0 && n > 5 ? { deletes: [{ collection: 'tasks', id: 'task_3' }] } : {}) });
    }
    await over;
    await store.flush();
    expect(store.health().quarantined).toEqual([]);
  });
});
