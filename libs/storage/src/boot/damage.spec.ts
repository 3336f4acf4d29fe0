import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Store } from '../store.js';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { eventually, newEvent, putSession, putTask, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const SEGMENT = 'log/00000001.ndjson';
const TASK = 'tasks/proj_1/task_1.json';
const EVENTS = 'sessions/sess_1/events.ndjson';
const WHOLE = { id: 'task_1', projectId: 'proj_1', revision: 1, title: 'title 1' };

/** A closed store: tasks 1 to 3, a session with four events, an answer. */
async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir);
  await store.commit({ puts: [putSession('sess_1')], events: [newEvent('e1', 'sess_1')] });
  for (const n of [1, 2, 3]) {
    await store.commit({
      puts: [putTask(`task_${n}`, { title: `title ${n}` })],
      events: [newEvent(`e${n + 1}`, 'sess_1')],
      answer: { scope: 's', key: `k${n}`, bodyHash: 'h', status: 201, body: n },
    });
  }
  await store.close();
  return dir;
}

/** What stands for something that has the place of a file. */
const STAND_INS: Record<string, (path: string) => void> = {
  'a huge file': (path) => truncateSync(path, 3 * 2 ** 30),
  'a link': (path) => {
    renameSync(path, `${path}.elsewhere`);
    symlinkSync(`${path}.elsewhere`, path);
  },
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, 'precious'), 'of somebody');
  },
};

function quarantined(dir: string): string[] {
  const there = join(dir, 'quarantine');
  return existsSync(there) ? readdirSync(there).filter((name) => !name.endsWith('.why.json')) : [];
}

async function typesOf(store: Store): Promise<string[]> {
  return (await store.readEvents({ limit: 100 })).items.map(({ type }) => type);
}

it('is told until somebody takes away what is kept of it, found now or at an earlier start; what nothing is kept of until the next start', async () => {
  const dir = await filled();
  for (const n of [1, 2]) writeFileSync(join(dir, `tasks/proj_1/task_${n}.json`), '{');
  rmSync(join(dir, 'tasks/proj_1/task_3.json'));
  const take = (name: string): void => { for (const one of [name, `${name}.why.json`]) rmSync(join(dir, 'quarantine', one)); };
  let store = await stores.open(dir);
  const [first, second] = quarantined(dir);
  expect(store.health().notice).toMatch(/^3 files/);

  take(first);
  expect(store.health()).toMatchObject({ quarantined: [{ file: 'tasks/proj_1/task_3.json' }, { file: 'tasks/proj_1/task_2.json' }], notice: expect.stringMatching(/^2 files/) });
  await store.close();
  store = await stores.open(dir);
  expect(store.health()).toMatchObject({ quarantined: [{ file: 'tasks/proj_1/task_2.json' }], notice: expect.stringMatching(/^1 file /) });
  take(second);
  expect(store.health().quarantined).toEqual([]);
  expect(store.health().notice).toBeUndefined();
});

describe('what is in the place of a document', () => {
  it.each(Object.keys(STAND_INS))('%s: is not read or followed, is put aside, and the document is made again from the log', async (what) => {
    const dir = await filled();
    STAND_INS[what](join(dir, TASK));

    const store = await stores.open(dir);
    await store.flush();

    expect(store.durable.get('tasks', 'task_1')).toEqual(WHOLE);
    expect(store.durable.count('tasks')).toBe(3);
    expect(lstatSync(join(dir, TASK)).isFile()).toBe(true);
    expect(JSON.parse(readFileSync(join(dir, TASK), 'utf8'))).toMatchObject(WHOLE);
    expect(store.health().quarantined).toMatchObject([{ file: TASK, reason: expect.stringContaining('made again from the log') }]);
    expect(quarantined(dir)).toHaveLength(1);
  });

  it.each([
    ['a huge file', 0, 1],
    ['a link', 1, 0],
    ['a directory', 1, 0],
  ])('%s, of a document that the log no longer has: hides only that one, and nothing is deleted', async (what, left, aside) => {
    const dir = await filled();
    rmSync(join(dir, 'log'), { recursive: true });
    STAND_INS[what](join(dir, TASK));

    const store = await stores.open(dir);

    expect([...store.durable.list<{ id: string }>('tasks')].map(({ id }) => id)).toEqual(['task_2', 'task_3']);
    expect(store.health().quarantined).toMatchObject([{ file: TASK }]);
    expect([Number(existsSync(join(dir, TASK))), quarantined(dir).length]).toEqual([left, aside]);
  });

  it('a link to a directory of documents: is told, and neither read nor written through', async () => {
    const dir = await filled();
    const elsewhere = stores.dir();
    renameSync(join(dir, 'tasks/proj_1'), join(elsewhere, 'proj_1'));
    symlinkSync(join(elsewhere, 'proj_1'), join(dir, 'tasks/proj_1'));
    const before = readdirSync(join(elsewhere, 'proj_1'));

    const store = await stores.open(dir, { limits: { retryDelayMs: 5 } });
    await store.commit({ puts: [putTask('task_9'), putSession('sess_9')] });

    expect([store.durable.count('sessions'), store.durable.count('tasks')]).toEqual([2, 4]);
    expect(store.health().quarantined).toMatchObject([{ file: 'tasks/proj_1', reason: 'a link; not followed' }, ...Array(3).fill({ reason: 'was missing; made again from the log' })]);
    await expect(store.flush()).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    expect(readdirSync(join(elsewhere, 'proj_1'))).toEqual(before);
  });

  it.each(['EACCES', 'EIO'])('a file that gives %s: is put aside unread, and made again from the log', async (code) => {
    const dir = await filled();
    const content = readFileSync(join(dir, TASK), 'utf8');
    const fs = new FaultyFs();
    fs.readFault = (path) => {
      if (path.endsWith('task_1.json')) throw fileSystemError(code);
    };

    const store = await stores.open(dir, { fs });

    expect(store.durable.get('tasks', 'task_1')).toEqual(WHOLE);
    expect(readFileSync(join(dir, 'quarantine', quarantined(dir)[0]), 'utf8')).toBe(content);
  });

  it.each(['EMFILE', 'ENFILE', 'ENOMEM'])('a file that cannot be read for want of something (%s): nothing is taken for damaged, and the start fails', async (code) => {
    const dir = await filled();
    const fs = new FaultyFs();
    fs.readFault = (path) => {
      if (path.endsWith('.json')) throw fileSystemError(code);
    };

    await expect(stores.open(dir, { fs })).rejects.toMatchObject({ code });

    expect(quarantined(dir)).toEqual([]);
    const store = await stores.open(dir);
    expect(store.durable.count('tasks')).toBe(3);
    expect(store.health().quarantined).toEqual([]);
  });

  it('the document of another place: is put aside, and the one that belongs there made again from the log', async () => {
    const dir = await filled();
    writeFileSync(join(dir, TASK), readFileSync(join(dir, TASK), 'utf8').replace('"task_1"', '"task_7"'));

    const store = await stores.open(dir);

    expect(store.durable.get('tasks', 'task_1')).toEqual(WHOLE);
    expect(store.durable.has('tasks', 'task_7')).toBe(false);
  });

  it('a document that lacks what all of them have: is damaged, however well it can be parsed', async () => {
    const dir = await filled();
    const shape = { id: 'string', revision: 'number', title: ['title 1', 'title 2', 'title 3'] } as const;
    const collections = [{ ...TEST_COLLECTIONS[0], shape }, ...TEST_COLLECTIONS.slice(1)];
    writeFileSync(join(dir, TASK), JSON.stringify({ schemaVersion: 1, ...WHOLE, revision: '1' }));
    writeFileSync(join(dir, 'tasks/proj_1/task_2.json'), JSON.stringify({ schemaVersion: 1, ...WHOLE, id: 'task_2', title: 'titel 2' }));

    const store = await stores.open(dir, { collections });

    expect(store.durable.get('tasks', 'task_1')).toEqual(WHOLE);
    expect(store.durable.get('tasks', 'task_2')).toMatchObject({ title: 'title 2' });
    expect(store.health().quarantined.map(({ reason }) => reason.split(' is not')[0])).toEqual(['its revision', 'its title']);
  });

  it('the same damage once more: both are kept', async () => {
    const dir = await filled();
    for (const content of ['{', '{']) {
      writeFileSync(join(dir, TASK), content);
      await (await stores.open(dir)).close();
    }

    expect(quarantined(dir)).toHaveLength(2);
  });

  it.each(['rename', 'open', 'append', 'sync', 'syncDir'] as const)('damage, and the process ends at any %s of the repair: nothing of it is lost', async (operation) => {
    for (let nth = 1; ; nth += 1) {
      const dir = await filled();
      writeFileSync(join(dir, TASK), '{');
      const fs = new FaultyFs();
      let count = 0;
      fs.fault = (done) => {
        if (done === operation && (count += 1) >= nth) throw fileSystemError('EIO');
      };
      const failed = await Store.open({ dir, fs, collections: TEST_COLLECTIONS, installationId: 'inst' }).then(
        (store) => store.close(),
        (error: unknown) => error,
      );
      const store = await stores.open(dir);
      expect(store.durable.get('tasks', 'task_1')).toEqual(WHOLE);
      if (failed === undefined) return;
    }
  });
});

describe('a document that is made again', () => {
  it('and whose file cannot be written yet: no checkpoint covers it, and the next start makes it again', async () => {
    const dir = await filled();
    writeFileSync(join(dir, TASK), '{');
    const fs = new FaultyFs();
    let checkpoints = 0;
    fs.fault = (operation, path) => {
      if (operation !== 'rename') return;
      if (path.endsWith('checkpoint.json')) checkpoints += 1;
      if (path.endsWith(TASK)) throw fileSystemError('EIO');
    };
    const store = await stores.open(dir, { fs, limits: { checkpointDelayMs: 1 } });
    for (const wanted of [3, 4]) {
      await store.commit({ puts: [putTask('task_9')] });
      await eventually(() => checkpoints >= wanted);
    }
    await store.close();

    expect((await stores.open(dir)).durable.get('tasks', 'task_1')).toEqual(WHOLE);
  });
});

describe('what is in the place of another file', () => {
  it.each(Object.keys(STAND_INS).filter((what) => what !== 'a huge file'))("a session's events, %s: is put aside, and the events come from the log", async (what) => {
    const dir = await filled();
    STAND_INS[what](join(dir, EVENTS));

    const store = await stores.open(dir);
    await store.commit({ events: [newEvent('e5', 'sess_1')] });
    await store.flush();

    const { items } = await store.readSessionEvents('sess_1', { limit: 10 });
    expect(items.map(({ type }) => type)).toEqual(['e1', 'e2', 'e3', 'e4', 'e5']);
    expect(readFileSync(join(dir, EVENTS), 'utf8').trimEnd().split('\n')).toHaveLength(5);
    expect(store.health().quarantined.at(-1)).toMatchObject({ file: EVENTS, reason: expect.stringContaining('unreadable') });
  });

  it("a session's events, the last of them without its end: what comes next is kept", async () => {
    const dir = await filled();
    const bytes = readFileSync(join(dir, EVENTS));
    writeFileSync(join(dir, EVENTS), bytes.fill(0, bytes.length - 9));

    const store = await stores.open(dir);
    await store.commit({ events: [newEvent('e5', 'sess_1')] });
    await store.close();

    const written = readFileSync(join(dir, EVENTS), 'utf8').trimEnd().split('\n');
    expect(written.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['e1', 'e2', 'e3', 'e5']);
    expect(store.health().quarantined).toMatchObject([{ file: EVENTS, reason: 'its last line is not the one that was written' }]);
  });

  it.each(['a link', 'a directory'])('the checkpoint, %s: all of the log is replayed', async (what) => {
    const dir = await filled();
    STAND_INS[what](join(dir, 'checkpoint.json'));

    const store = await stores.open(dir);

    expect(store.durable.count('tasks')).toBe(3);
    expect(store.idempotency.lookup('s', 'k2')).toMatchObject({ body: 2 });
    expect(store.health().quarantined).toMatchObject([{ file: 'checkpoint.json' }]);
  });

  it('the checkpoint, with one number changed: it is not believed', async () => {
    const dir = await filled();
    const path = join(dir, 'checkpoint.json');
    rmSync(join(dir, 'tasks'), { recursive: true });
    writeFileSync(path, readFileSync(path, 'utf8').replace('"commit":4', '"commit":9'));

    const store = await stores.open(dir);

    expect(store.durable.count('tasks')).toBe(3);
  });

  it.each(['a link', 'a directory'])('a segment of answers, %s: its answers are made again, and new ones are kept', async (what) => {
    const dir = await filled();
    STAND_INS[what](join(dir, 'answers/00000001.ndjson'));

    const store = await stores.open(dir);
    await store.commit({ answer: { scope: 's', key: 'k4', bodyHash: 'h', status: 201, body: 4 } });
    await store.close();

    const again = await stores.open(dir);
    expect(again.idempotency.lookup('s', 'k2')).toMatchObject({ body: 2 });
    expect(again.idempotency.lookup('s', 'k4')).toMatchObject({ body: 4 });
    expect(again.durable.count('tasks')).toBe(3);
  });

  it('a segment of the log, a link: it is told, not followed, and its name is not used', async () => {
    const dir = await filled();
    symlinkSync(join(dir, 'nowhere'), join(dir, 'log/00000002.ndjson'));

    const store = await stores.open(dir, { limits: { segmentBytesMax: 1 } });
    await store.commit({ events: [newEvent('e5')] });

    expect(readdirSync(join(dir, 'log')).sort()).toEqual(['00000001.ndjson', '00000002.ndjson', '00000003.ndjson']);
    expect(existsSync(join(dir, 'nowhere'))).toBe(false);
    expect(await typesOf(store)).toEqual(['e1', 'e2', 'e3', 'e4', 'e5']);
  });
});

describe('the numbers of the log', () => {
  const lines = (dir: string): string[] => readFileSync(join(dir, SEGMENT), 'utf8').trimEnd().split('\n');
  const write = (dir: string, all: string[]): void => writeFileSync(join(dir, SEGMENT), `${all.join('\n')}\n`);

  it('show a repeated record: it is passed over in the replay and in pages', async () => {
    const dir = await filled();
    rmSync(join(dir, 'checkpoint.json'));
    const all = lines(dir);
    const doubled = [...all.slice(0, 4), all[1], ...all.slice(4), all[2]];
    write(dir, doubled);

    const store = await stores.open(dir, { limits: { tailBytesMax: 1, indexStrideBytes: 1 } });

    expect(await typesOf(store)).toEqual(['e1', 'e2', 'e3', 'e4']);
    expect((await store.readEvents({ after: 3, limit: 9 })).items.map(({ type }) => type)).toEqual(['e4']);
    expect(store.health().quarantined.map(({ reason }) => reason.split(' record')[0])).toEqual(['repeated', 'repeated']);
    expect((await store.commit({ events: [newEvent('e5')] })).events[0].seq).toBe(5);
  });

  it('show a missing record, which hurts nothing but what was in it', async () => {
    const dir = await filled();
    rmSync(join(dir, 'checkpoint.json'));
    rmSync(join(dir, dirname(TASK)), { recursive: true });
    write(dir, lines(dir).filter((_, at) => at !== 3));

    const store = await stores.open(dir);

    expect([...store.durable.list<{ id: string }>('tasks')].map(({ id }) => id)).toEqual(['task_1', 'task_3']);
    expect(store.health().quarantined).toMatchObject([{ file: SEGMENT, reason: 'commit 3 is missing' }]);
  });
});

describe('a start that fails', () => {
  it('leaves nobody behind who writes: what the log is ahead of stays for the next one', async () => {
    const dir = await filled();
    rmSync(join(dir, 'checkpoint.json'));
    rmSync(join(dir, dirname(TASK)), { recursive: true });
    const fs = new FaultyFs();
    let opened = 0;
    let ofLog = 0;
    fs.fault = async (operation, path) => {
      if (operation === 'rename' && path.includes('/tasks/')) throw fileSystemError('EIO');
      if (operation !== 'open') return;
      if (path.includes('/tasks/')) opened += 1;
      if (!path.includes('/log/') || (ofLog += 1) < 2) return;
      // The last step of a start, when files have begun to follow the log.
      await eventually(() => opened > 0);
      throw fileSystemError('EIO');
    };

    await expect(stores.open(dir, { fs, limits: { retryDelayMs: 1 } })).rejects.toMatchObject({ code: 'EIO' });
    const before = opened;
    let looks = 0;
    await eventually(() => (looks += 1) > 10);

    expect(opened).toBe(before);
  });
});
