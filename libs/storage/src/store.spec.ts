import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, newEvent, putSession, putTask, TestStores } from './testing/test-store.js';
import { Repository } from './repository.js';

const stores = new TestStores();
afterEach(() => stores.clean());

describe('a commit', () => {
  it('changes pending at once and durable when it is on the disk', async () => {
    const store = await stores.open(stores.dir());

    const committing = store.commit({ puts: [putTask('task_1')], events: [newEvent('task:created')] });

    expect(store.pending.has('tasks', 'task_1')).toBe(true);
    expect(store.pendingHead().seq).toBe(1);
    expect(store.durable.has('tasks', 'task_1')).toBe(false);
    expect(store.head().seq).toBe(0);
    await committing;
    expect(store.durable.get('tasks', 'task_1')).toEqual({ id: 'task_1', projectId: 'proj_1', revision: 1 });
    expect(store.head()).toEqual({ seq: 1, cursor: 'inst-1.1' });
  });

  it('numbers events in the installation and in their session, and says where a commit ends', async () => {
    const store = await stores.open(stores.dir());

    await store.commit({ events: [newEvent('a', 'sess_1'), newEvent('b')] });
    const { events, commitSeq, cursor } = await store.commit({ events: [newEvent('c', 'sess_2'), newEvent('d', 'sess_1')] });

    expect(commitSeq).toBe(2);
    expect(cursor).toBe('inst-1.4');
    expect(events.map(({ seq, sessionSeq, commitEnd }) => [seq, sessionSeq, commitEnd])).toEqual([
      [3, 1, false],
      [4, 2, true],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  });

  it('is told to listeners in order, after durable shows it', async () => {
    const store = await stores.open(stores.dir());
    const told: [number, boolean][] = [];
    const stop = store.onCommitted(({ commitSeq }) => told.push([commitSeq, store.durable.has('tasks', `task_${commitSeq}`)]));

    await Promise.all([1, 2, 3].map((n) => store.commit({ puts: [putTask(`task_${n}`)] })));
    stop();
    await store.commit({ puts: [putTask('task_4')] });

    expect(told).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  it('takes documents that can never be changed again', async () => {
    const store = await stores.open(stores.dir());
    const doc = { id: 'task_1', projectId: 'proj_1', revision: 1, tags: ['a'] };

    await store.commit({ puts: [{ collection: 'tasks', id: 'task_1', doc }] });

    doc.tags.push('b');
    const kept = store.durable.get<typeof doc>('tasks', 'task_1')!;
    expect(kept).toMatchObject({ tags: ['a'] });
    expect(() => kept.tags.push('b')).toThrow(TypeError);
  });

  it.each(['..', 'a/b', 'nul\0', 'x'.repeat(65), ''])('refuses the id %j without a trace', async (id) => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    const before = readdirSync(dir, { recursive: true });

    await expect(store.commit({ puts: [putTask(id)] })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(store.commit({ events: [newEvent('a', id)] })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });

    expect(store.pending.count('tasks')).toBe(0);
    expect(store.pendingHead().seq).toBe(0);
    expect(readdirSync(dir, { recursive: true })).toEqual(before);
  });

  it.each(['..', '.', 'x/../../y', 'a/b/c/d/e', ''])('refuses the path tasks/%s/task_1.json', async (projectId) => {
    const store = await stores.open(stores.dir());

    await expect(store.commit({ puts: [putTask('task_1', { projectId })] })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('refuses a document whose file would not lead back to it', async () => {
    const store = await stores.open(stores.dir(), {
      collections: [{ name: 'odd', schemaVersion: 1, path: () => 'odd/one.json' }],
    });

    await expect(store.commit({ puts: [{ collection: 'odd', id: 'other', doc: {} }] })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('refuses one that is too large, and more than may wait', async () => {
    const store = await stores.open(stores.dir(), { limits: { commitBytesMax: 2_000, queueCommitsMax: 2 } });

    await expect(store.commit({ events: [newEvent('a', undefined, 'x'.repeat(2_000))] })).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
    });
    const two = [store.commit({}), store.commit({})];
    await expect(store.commit({})).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    await Promise.all(two);
  });
});

describe('files', () => {
  it('show documents readably, with their schemaVersion, and go with them', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    const path = join(dir, 'tasks/proj_1/task_1.json');

    await store.commit({ puts: [putTask('task_1', { title: 'One' })] });
    await store.flush();
    const text = readFileSync(path, 'utf8');
    await store.commit({ puts: [putTask('task_1', { projectId: 'proj_2' })] });
    await store.flush();
    const moved = [existsSync(path), existsSync(join(dir, 'tasks/proj_2/task_1.json'))];
    await store.commit({ deletes: [{ collection: 'tasks', id: 'task_1' }] });
    await store.flush();

    expect(text).toBe(
      `${JSON.stringify({ schemaVersion: 1, id: 'task_1', projectId: 'proj_1', revision: 1, title: 'One' }, null, 2)}\n`,
    );
    expect(moved).toEqual([false, true]);
    expect(existsSync(join(dir, 'tasks/proj_2/task_1.json'))).toBe(false);
  });

  it('are for their owner only, whatever the umask of the process', async () => {
    const dir = join(stores.dir(), 'made', 'here');
    const before = process.umask(0);
    try {
      const store = await stores.open(dir);
      await store.commit({
        puts: [putTask('task_1'), putSession('sess_1')],
        events: [newEvent('a', 'sess_1')],
        answer: { scope: 's', key: 'k', bodyHash: 'h', status: 200, body: {} },
      });
      await store.flush();
    } finally {
      process.umask(before);
    }

    const all = readdirSync(dir, { recursive: true }) as string[];
    expect(all).toEqual(expect.arrayContaining(['log/00000001.ndjson', 'answers/00000001.ndjson', 'checkpoint.json']));
    for (const path of ['.', ...all]) {
      const stat = statSync(join(dir, path));
      expect([path, (stat.mode & 0o777).toString(8)]).toEqual([path, stat.isDirectory() ? '700' : '600']);
    }
  });

  it('are written late when only lazy keys change, and at once when others do', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits: { lazyDelayMs: 60_000 } });
    const path = join(dir, 'sessions/sess_1/session.json');
    const shown = (): { metrics: number; state: string } => JSON.parse(readFileSync(path, 'utf8'));
    await store.commit({ puts: [putSession('sess_1', { state: 'running', metrics: 1 })] });
    await eventually(() => store.health().dirtyDocuments === 0);

    await store.commit({ puts: [putSession('sess_1', { revision: 2, state: 'running', metrics: 2 })] });
    await store.commit({ puts: [putTask('task_1')] });
    await eventually(() => store.health().dirtyDocuments === 1);
    const late = shown();
    await store.commit({ puts: [putSession('sess_1', { revision: 3, state: 'stopped', metrics: 3 })] });
    await eventually(() => store.health().dirtyDocuments === 0);

    expect(late.metrics).toBe(1);
    expect(shown()).toMatchObject({ state: 'stopped', metrics: 3 });
  });

  it('of a deleted session go with its last document, events and directory too', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    const manifest = { collection: 'manifests', id: 'sess_1', doc: { sessionId: 'sess_1' } };
    await store.commit({ puts: [putSession('sess_1'), manifest], events: [newEvent('a', 'sess_1')] });
    await store.flush();

    await store.commit({ deletes: [{ collection: 'manifests', id: 'sess_1' }] });
    await store.flush();
    const kept = readdirSync(join(dir, 'sessions/sess_1')).sort();
    await store.commit({ deletes: [{ collection: 'sessions', id: 'sess_1' }], events: [newEvent('z', 'sess_1')] });
    await store.flush();

    expect(kept).toEqual(['events.ndjson', 'session.json']);
    expect(existsSync(join(dir, 'sessions/sess_1'))).toBe(false);
    expect(store.head().seq).toBe(2);
  });
});

describe('views and repositories', () => {
  it('list in the order of ids, and what comes while somebody walks through it in its place', async () => {
    const store = await stores.open(stores.dir());
    for (const id of ['b', 'd', 'a', 'c']) await store.commit({ puts: [putTask(id)] });
    await store.commit({ deletes: [{ collection: 'tasks', id: 'b' }] });

    const list = store.durable.list<{ id: string }>('tasks');
    await store.commit({ puts: [putTask('aa')] });

    expect([...list].map(({ id }) => id)).toEqual(['a', 'aa', 'c', 'd']);
    expect(store.durable.count('tasks')).toBe(4);
  });

  it('save, load, list and delete as the spec names them', async () => {
    const repository = new Repository<{ id: string; projectId: string }>(await stores.open(stores.dir()), 'tasks', 'TASK_NOT_FOUND');

    await repository.save({ id: 'task_1', projectId: 'proj_1' });

    expect(await repository.load('task_1')).toEqual({ id: 'task_1', projectId: 'proj_1' });
    expect(await repository.list()).toHaveLength(1);
    await repository.delete('task_1');
    expect(await repository.get('task_1')).toBeUndefined();
    await expect(repository.load('task_1')).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });
});

describe('a store that is closed', () => {
  it('takes no more commits and lets the next one open the directory, with everything there', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await store.commit({ puts: [putTask('task_1')], events: [newEvent('a', 'sess_1')] });

    await store.close();

    await expect(store.commit({})).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    const next = await stores.open(dir);
    expect(next.durable.has('tasks', 'task_1')).toBe(true);
    expect(next.pending.has('tasks', 'task_1')).toBe(true);
    expect((await next.commit({ events: [newEvent('b', 'sess_1')] })).events[0]).toMatchObject({ seq: 2, sessionSeq: 2 });
  });

  it('is of one installation only', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir);
    await store.commit({});
    await store.close();

    await expect(stores.open(dir, { installationId: 'other' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
