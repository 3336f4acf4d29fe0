import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeRecord } from '../log/record-lines.js';
import { newEvent, putSession, putTask, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';
import type { Store } from '../store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const SEGMENT = 'log/00000001.ndjson';
const TASK = 'tasks/proj_1/task_1.json';
const EVENTS = 'sessions/sess_1/events.ndjson';

/** A closed store with tasks 1 to 3, a session, six events and an answer. */
async function filled(options: Parameters<TestStores['open']>[1] = {}): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir, options);
  await store.commit({ puts: [putSession('sess_1')], events: [newEvent('e1', 'sess_1')] });
  for (const n of [1, 2, 3]) {
    await store.commit({ puts: [putTask(`task_${n}`, { title: `title ${n}` })], events: [newEvent(`e${n + 1}`, 'sess_1')] });
  }
  await store.commit({
    events: [newEvent('e5', 'sess_1'), newEvent('e6')],
    answer: { scope: 's', key: 'k', bodyHash: 'h', status: 201, body: { n: 1 } },
  });
  await store.close();
  return dir;
}

async function typesOf(store: Store): Promise<string[]> {
  return (await store.readEvents({ limit: 100 })).items.map(({ type }) => type);
}

const ALL = ['e1', 'e2', 'e3', 'e4', 'e5', 'e6'];

describe('a torn end of the log', () => {
  it.each([
    ['half a line', (line: Buffer) => line.subarray(0, line.length / 2)],
    ['a whole line without its line feed', (line: Buffer) => line.subarray(0, -1)],
    ['zeros', (line: Buffer) => Buffer.alloc(line.length)],
    ['zeros, and then a good line of the same batch', (line: Buffer) => Buffer.concat([Buffer.alloc(50), Buffer.from('\n'), line])],
  ])('of %s is cut and counted, and writing goes on', async (_, tear) => {
    const dir = await filled();
    const path = join(dir, SEGMENT);
    const good = readFileSync(path);
    const lines = good.toString().trimEnd().split('\n');
    const torn = tear(Buffer.from(`${lines[lines.length - 1]}\n`));
    appendFileSync(path, torn);

    const store = await stores.open(dir);

    expect(store.health()).toMatchObject({ tornBytesTruncated: torn.length, quarantined: [] });
    expect(readFileSync(path)).toEqual(good);
    expect(await typesOf(store)).toEqual(ALL);
    expect((await store.commit({ events: [newEvent('e7', 'sess_1')] })).events[0]).toMatchObject({ seq: 7, sessionSeq: 6 });
  });
});

describe('a damaged record of the log', () => {
  it('is kept in quarantine, told in health, and hurts only itself', async () => {
    const dir = await filled();
    rmSync(join(dir, 'checkpoint.json'));
    const path = join(dir, SEGMENT);
    writeFileSync(path, readFileSync(path, 'utf8').replace('title 2', 'title X'));

    const store = await stores.open(dir);

    expect(await typesOf(store)).toEqual(ALL.filter((type) => type !== 'e3'));
    expect(store.health().quarantined).toMatchObject([{ file: SEGMENT, reason: expect.stringContaining('damaged record') }]);
    expect(store.durable.get('tasks', 'task_2')).toMatchObject({ title: 'title 2' });
    expect(readdirSync(join(dir, 'quarantine')).some((name) => /^log__00000001\.ndjson_\d+_[0-9a-f]+$/.test(name))).toBe(true);
    await store.close();
    const again = await stores.open(dir);
    expect(again.health().quarantined).toHaveLength(1);
    expect((await again.commit({ events: [newEvent('e7')] })).events[0].seq).toBe(7);
  });

  it('that was the header of a segment does not hurt the commits in it', async () => {
    const dir = await filled({ limits: { segmentBytesMax: 600 } });
    const names = readdirSync(join(dir, 'log')).sort();
    const path = join(dir, 'log', names[1]);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"format"', '"fxrmat"'));

    const store = await stores.open(dir);

    expect(names.length).toBeGreaterThan(2);
    expect(await typesOf(store)).toEqual(ALL);
    expect(store.health().quarantined).toMatchObject([{ reason: 'its header is damaged' }]);
  });
});

describe('a damaged document', () => {
  it.each([
    ['empty', ''],
    ['torn', '{"schemaVersion": 1, "id": "ta'],
    ['no object', '[]'],
    ['without a version', '{"id":"task_1","projectId":"proj_1"}'],
  ])('(%s) is kept in quarantine and made again from the log', async (_, content) => {
    const dir = await filled();
    writeFileSync(join(dir, TASK), content);

    const store = await stores.open(dir);
    await store.flush();

    expect(store.durable.get('tasks', 'task_1')).toEqual({ id: 'task_1', projectId: 'proj_1', revision: 1, title: 'title 1' });
    expect(JSON.parse(readFileSync(join(dir, TASK), 'utf8'))).toMatchObject({ title: 'title 1' });
    expect(store.health().quarantined).toMatchObject([{ file: TASK }]);
    const copy = readdirSync(join(dir, 'quarantine')).find((name) => !name.endsWith('.why.json')) as string;
    expect(readFileSync(join(dir, 'quarantine', copy), 'utf8')).toBe(content);
  });

  it('that the log no longer has is moved away; all others load', async () => {
    const dir = await filled();
    rmSync(join(dir, 'log'), { recursive: true });
    writeFileSync(join(dir, TASK), '{');

    const store = await stores.open(dir);

    expect(store.durable.has('tasks', 'task_1')).toBe(false);
    expect(store.durable.count('tasks')).toBe(2);
    expect(existsSync(join(dir, TASK))).toBe(false);
    expect(store.health().quarantined).toMatchObject([{ file: TASK, reason: expect.stringContaining('unreadable') }]);
    await store.close();
    expect((await stores.open(dir)).health().quarantined).toHaveLength(1);
  });

  it('does not keep the other thousand from loading', async () => {
    const dir = await filled();
    for (let n = 0; n < 1_000; n += 1) {
      writeFileSync(join(dir, `tasks/proj_1/more_${n}.json`), JSON.stringify({ schemaVersion: 1, id: `more_${n}`, projectId: 'proj_1' }));
    }
    writeFileSync(join(dir, 'tasks/proj_1/more_500.json'), '');

    const store = await stores.open(dir);

    expect(store.durable.count('tasks')).toBe(1_002);
  });
});

describe('what a newer version wrote', () => {
  it('as a document is left untouched, hidden and never overwritten', async () => {
    const dir = await filled();
    const newer = '{"schemaVersion": 2, "id": "task_1", "projectId": "proj_1", "shiny": true}';
    writeFileSync(join(dir, TASK), newer);

    const store = await stores.open(dir);

    expect(store.durable.has('tasks', 'task_1')).toBe(false);
    expect(store.durable.count('tasks')).toBe(2);
    await expect(store.commit({ puts: [putTask('task_1')] })).rejects.toMatchObject({ code: 'STORAGE_NEWER' });
    await expect(store.commit({ deletes: [{ collection: 'tasks', id: 'task_1' }] })).rejects.toMatchObject({ code: 'STORAGE_NEWER' });
    expect(store.health().quarantined).toMatchObject([{ file: TASK, reason: expect.stringContaining('newer') }]);
    await store.close();
    expect(readFileSync(join(dir, TASK), 'utf8')).toBe(newer);
  });

  it('as a document that is only in the log reaches its file unchanged', async () => {
    const dir = stores.dir();
    const newer = [{ ...TEST_COLLECTIONS[0], schemaVersion: 2 }, ...TEST_COLLECTIONS.slice(1)];
    const first = await stores.open(dir, { collections: newer });
    await first.commit({ puts: [putTask('task_1', { title: 'shiny' })] });
    await first.close();
    rmSync(join(dir, 'checkpoint.json'));
    rmSync(join(dir, 'tasks'), { recursive: true });

    const store = await stores.open(dir);

    expect(store.durable.has('tasks', 'task_1')).toBe(false);
    await store.close();
    expect(JSON.parse(readFileSync(join(dir, TASK), 'utf8'))).toMatchObject({ schemaVersion: 2, title: 'shiny' });
    expect((await stores.open(dir, { collections: newer })).durable.has('tasks', 'task_1')).toBe(true);
  });

  it.each([
    ['checkpoint', 'checkpoint.json', /"schemaVersion":1.*}/, '"schemaVersion":9}'],
    ['log', SEGMENT, '', ''],
  ])('as a %s keeps the store from opening', async (_, file, from, to) => {
    const dir = await filled();
    const path = join(dir, file);
    if (from !== '') writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    else writeFileSync(path, encodeRecord(Buffer.from(JSON.stringify({ format: 9, segment: 1 })), 0));
    const before = readFileSync(path);

    await expect(stores.open(dir)).rejects.toMatchObject({ code: 'STORAGE_NEWER' });

    expect(readFileSync(path)).toEqual(before);
  });
});

describe('a collection of plain files', () => {
  it('has its documents to the byte, and reads those that were written with a version, too', async () => {
    const dir = stores.dir();
    const collections = [{ name: 'manifests', schemaVersion: 1, plain: true, path: (id: string) => `sessions/${id}/manifest.json` }];
    const put = (id: string) => ({ collection: 'manifests', id, doc: { sessionId: id, text: 'as it is' } });
    const store = await stores.open(dir, { collections });
    await store.commit({ puts: [put('one'), put('two')] });
    await store.close();
    const file = join(dir, 'sessions/one/manifest.json');
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(put('one').doc, null, 2)}\n`);
    writeFileSync(file, JSON.stringify({ schemaVersion: 1, ...put('one').doc }));

    const again = await stores.open(dir, { collections });
    expect([...again.durable.list('manifests')]).toEqual([put('one').doc, put('two').doc]);
    expect(again.health().quarantined).toEqual([]);
  });
});

describe('a lost or damaged checkpoint', () => {
  it.each(['lost', 'damaged'])('(%s) loses nothing: all of the log is replayed', async (how) => {
    const dir = await filled();
    if (how === 'lost') rmSync(join(dir, 'checkpoint.json'));
    else writeFileSync(join(dir, 'checkpoint.json'), '{"schemaVersion":1,');

    const store = await stores.open(dir);

    expect(store.durable.count('tasks')).toBe(3);
    expect(await typesOf(store)).toEqual(ALL);
    expect(store.idempotency.lookup('s', 'k')).toMatchObject({ body: { n: 1 } });
    expect((await store.readSessionEvents('sess_1', { limit: 10 })).items).toHaveLength(5);
    expect((await store.commit({ events: [newEvent('e7', 'sess_1')] })).events[0]).toMatchObject({ seq: 7, sessionSeq: 6 });
    await store.flush();
    const lines = readFileSync(join(dir, EVENTS), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).sessionSeq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(store.health().quarantined).toHaveLength(how === 'lost' ? 0 : 1);
  });
});

describe('a lost log', () => {
  it('begins anew under another id, with the documents, the answers and the numbering', async () => {
    const dir = await filled();
    rmSync(join(dir, 'log'), { recursive: true });

    const store = await stores.open(dir);

    expect(store.logId).toMatch(/^inst-2_[0-9a-v]{6}$/);
    expect(store.durable.count('tasks')).toBe(3);
    expect(store.head()).toEqual({ seq: 6, cursor: `${store.logId}.6` });
    expect((await store.commit({ events: [newEvent('e7', 'sess_1')] })).events[0]).toMatchObject({ seq: 7, sessionSeq: 6 });
    await expect(store.readEvents({ after: 'inst-1.3', limit: 1 })).rejects.toMatchObject({ code: 'CURSOR_GONE' });
    await store.close();
    expect((await stores.open(dir)).logId).toBe(store.logId);
  });
});

describe("a session's events file", () => {
  it('that lost bytes is completed from the log', async () => {
    const dir = await filled();
    const path = join(dir, EVENTS);
    const whole = readFileSync(path, 'utf8');
    truncateSync(path, Math.floor(whole.length / 2));

    const store = await stores.open(dir);
    await store.flush();

    expect(readFileSync(path, 'utf8')).toBe(whole);
    expect(store.health().quarantined).toMatchObject([{ file: EVENTS, reason: expect.stringContaining('gone') }]);
  });

  it('that has more than it should is cut: nothing is doubled', async () => {
    const dir = await filled();
    const path = join(dir, EVENTS);
    const whole = readFileSync(path, 'utf8');
    appendFileSync(path, '{"seq":7,"cursor":"inst-1.7","type":"never comm');

    const store = await stores.open(dir);
    const { events } = await store.commit({ events: [newEvent('e7', 'sess_1')] });
    await store.flush();

    expect(readFileSync(path, 'utf8')).toBe(`${whole}${JSON.stringify(events[0])}\n`);
  });
});

describe('the sweep', () => {
  it('takes our own temporary files and nothing else', async () => {
    const dir = await filled();
    const ours = join(dir, 'tasks/proj_1/.task_1.json.123.4.om-tmp');
    const others = ['tasks/proj_1/.task_1.json.swp', 'tasks/proj_1/notes.txt', 'tasks/proj_1/x.tmp', 'own/thing.json'];
    mkdirSync(join(dir, 'own'));
    for (const file of others) writeFileSync(join(dir, file), '{}');
    writeFileSync(ours, 'half');

    const store = await stores.open(dir);

    expect(existsSync(ours)).toBe(false);
    for (const file of others) expect([file, existsSync(join(dir, file))]).toEqual([file, true]);
    expect(store.health().quarantined).toEqual([]);
  });
});
