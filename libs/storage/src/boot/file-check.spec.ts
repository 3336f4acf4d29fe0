import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { CollectionSpec } from '../commit.js';
import type { Store } from '../store.js';
import { nodeFs } from '../fs/node-fs.js';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { COLLECTIONS, filled, LIMITS, manifest, MANIFEST, open, snapshotted, stores, TASK, told } from '../testing/snapshot-store.js';
import { eventually, newEvent, putSession, putTask, writeByHand } from '../testing/test-store.js';

it('a commit that changes a document whose edited file is being put aside is not lost', async () => {
  const dir = await filled();
  writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}');
  const fs = new FaultyFs();
  let reached = false;
  let go!: () => void;
  const gate = new Promise<void>((resolve) => (go = resolve));
  fs.fault = async (operation, path) => {
    if (operation !== 'mkdir' || !path.endsWith('quarantine')) return;
    reached = true;
    await gate;
  };
  const store = await open(dir, { fs });
  await eventually(() => reached);
  await store.commit({ puts: [manifest('sess_1', 'NEW, acknowledged')] });
  go();
  await store.checked();
  await store.flush();
  expect(store.durable.get('manifests', 'sess_1')).toMatchObject({ text: 'NEW, acknowledged' });
  expect(readFileSync(join(dir, MANIFEST), 'utf8')).toContain('NEW, acknowledged');
});

it('a file in the place of a directory hurts only what was in it', async () => {
  const dir = await filled((store) => store.commit({ puts: [putTask('task_9', { projectId: 'proj_9' })] }).then(() => undefined));
  rmSync(join(dir, 'tasks/proj_9'), { recursive: true });
  writeFileSync(join(dir, 'tasks/proj_9'), 'of somebody');
  writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}');
  rmSync(join(dir, TASK));
  const store = await open(dir);
  await eventually(() => existsSync(join(dir, TASK)) && told(store).length >= 3);
  const shown = (): unknown => {
    try {
      return store.durable.get('manifests', 'sess_1');
    } catch {
      return 'being looked at';
    }
  };
  await eventually(() => shown() !== 'being looked at');
  expect(shown()).toMatchObject({ text: 'of sess_1' });
  expect(existsSync(join(dir, TASK))).toBe(true);
});

it('an edit that cannot be put aside is not in force, and is told', async () => {
  const dir = await filled();
  writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}');
  rmSync(join(dir, TASK));
  const fs = new FaultyFs();
  fs.fault = (operation, path) => { if (path.includes('quarantine')) throw fileSystemError('ENOSPC'); };
  const store = await open(dir, { fs });
  await eventually(() => told(store).some((one) => one.includes('not all files can be looked at')));
  let shown: unknown;
  try { shown = store.durable.get('manifests', 'sess_1'); } catch (error) { shown = (error as { code: string }).code; }
  expect(shown).not.toEqual({ sessionId: 'sess_1', text: 'mine' });
});

it('a commit on a document that is being looked at, and that the log cannot take, is rejected, and the next one works', async () => {
  const dir = await filled();
  writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}');
  const fs = new FaultyFs();
  const store = await open(dir, { fs, limits: { checkPauseMs: 3_600_000 } });
  let failing = true;
  fs.fault = (operation, path) => { if (failing && operation === 'sync' && path.includes('/log/')) throw fileSystemError('EIO'); };
  await expect(store.commit({ puts: [manifest('sess_1', 'new')] })).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
  failing = false;
  await store.commit({ puts: [putTask('task_8')] });
  expect(store.durable.has('tasks', 'task_8')).toBe(true);
});

const answer = (store: Store, n: number) => store.commit({ puts: [putTask('task_1', { revision: n })], answer: { scope: 's', key: `k${n}`, bodyHash: 'h', status: 200, body: n } });

const damageAnswers = (dir: string) => {
  for (const name of readdirSync(join(dir, 'answers'))) {
    const path = join(dir, 'answers', name);
    writeFileSync(path, Buffer.from(readFileSync(path).map((byte) => byte === 0x0a ? byte : byte ^ 1)));
  }
};

/** Answers 1 to 5 are covered, 6 to 8 are only in the log; a snapshot; the side segments of answers are damaged. */
async function damaged(keepSnapshot: boolean): Promise<string> {
  const dir = stores.dir();
  const fs = new FaultyFs();
  const store = await open(dir, { fs });
  for (const n of [1, 2, 3, 4, 5]) await answer(store, n);
  await snapshotted(store, dir);
  await store.flush();
  fs.fault = (_, path) => { if (path.includes('checkpoint') || path.includes('answers') || path.includes('snapshot')) throw fileSystemError('EIO'); };
  for (const n of [6, 7, 8]) await answer(store, n);
  await store.close();
  damageAnswers(dir);
  if (!keepSnapshot) rmSync(join(dir, 'snapshot.ndjson'));
  else expect(existsSync(join(dir, 'snapshot.ndjson'))).toBe(true);
  return dir;
}

it.each([false, true])('damaged answers come again from the log, the newest where there is not room for all (with a snapshot: %s)', async (snapshot) => {
  const dir = await damaged(snapshot);
  const store = await open(dir, { limits: { answersMax: 4 } });
  expect([1, 2, 3, 4, 5, 6, 7, 8].filter((n) => store.idempotency.lookup('s', `k${n}`) !== undefined)).toEqual([5, 6, 7, 8]);
});

it.each([false, true])('no answers go before their time because older ones came again behind them (with a snapshot: %s)', async (snapshot) => {
  const dir = await damaged(snapshot);
  const limits = { answersMax: 8, answerSegmentBytesMax: 400 };
  const store = await open(dir, { limits });
  await store.flush();
  for (const n of [9, 10, 11, 12, 13]) {
    await answer(store, n);
    await store.flush();
  }
  await store.close();
  const again = await open(dir, { limits });
  const has = (n: number) => { try { return again.idempotency.lookup('s', `k${n}`) !== undefined; } catch { return false; } };
  expect([6, 7, 8, 9, 10, 11, 12, 13].filter(has)).toEqual([6, 7, 8, 9, 10, 11, 12, 13]);
});

it.each(['manifest.json', 'task_1.json'])('an edit of %s, whose file could not be made again before the end, is not in force at the next start', async (name) => {
  const dir = await filled();
  writeByHand(dir, MANIFEST, '{"sessionId":"sess_1","text":"mine"}');
  writeByHand(dir, TASK, readFileSync(join(dir, TASK), 'utf8').replace('title 1', 'mine'));
  const fs = new FaultyFs();
  fs.fault = (operation, path) => { if (operation === 'rename' && path.endsWith(`/${name}`)) throw fileSystemError('EIO'); };
  const store = await open(dir, { fs });
  await eventually(() => told(store).length === 2);
  await store.flush().catch(() => undefined);
  await store.close();
  const again = await open(dir);
  await again.checked();
  await again.flush();
  expect([again.durable.get('manifests', 'sess_1'), again.durable.get('tasks', 'task_1')]).toMatchObject([{ text: 'of sess_1' }, { title: 'title 1' }]);
  expect(readFileSync(join(dir, TASK), 'utf8')).toContain('title 1');
});

it('a document that only the snapshot has besides its file, which somebody removed, survives a start that cannot write it', async () => {
  const dir = stores.dir();
  const limits = { ...LIMITS, segmentBytesMax: 600, logBytesMax: 1_200 };
  const store = await open(dir, { limits });
  await store.commit({ puts: [putTask('task_1', { title: 'title 1' })] });
  for (let n = 0; n < 30; n += 1) await store.commit({ puts: [putTask('task_2', { revision: n + 1 })], events: [newEvent('e')] });
  await snapshotted(store, dir);
  // A last snapshot of the very head, as an idle store comes to have it.
  const snapshotCommit = () => Number(/"commit":(\d+)/.exec(readFileSync(join(dir, 'snapshot.ndjson'), 'utf8'))![1]);
  const checkpointCommit = () => (JSON.parse(readFileSync(join(dir, 'checkpoint.json'), 'utf8')) as { commit: number }).commit;
  await eventually(async () => { await store.flush(); return snapshotCommit() === checkpointCommit(); });
  await store.close();
  expect(readFileSync(join(dir, 'snapshot.ndjson'), 'utf8')).toContain('title 1');
  rmSync(join(dir, TASK));

  const fs = new FaultyFs();
  fs.fault = (operation, path) => { if (operation === 'rename' && path.endsWith('task_1.json')) throw fileSystemError('EIO'); };
  const second = await open(dir, { fs, limits: { ...limits, snapshotLogBytesMin: 1e9 } });
  expect(second.durable.has('tasks', 'task_1')).toBe(true);
  await eventually(() => told(second).length > 0);
  await second.flush().catch(() => undefined);
  await second.close();

  const third = await open(dir, { limits });
  expect(third.durable.get('tasks', 'task_1')).toMatchObject({ title: 'title 1' });
});

it('an older copy of a directory that is moved into its place is not in force, and the files are made again', async () => {
  const dir = stores.dir();
  const aside = join(stores.dir(), 'aside');
  const store = await open(dir);
  await store.commit({ puts: [putTask('task_1', { title: 'old' })] });
  await store.flush();
  cpSync(join(dir, 'tasks'), aside, { recursive: true });
  await store.commit({ puts: [putTask('task_1', { title: 'new', revision: 2 })] });
  await snapshotted(store, dir);
  const changedAt = (path: string): number => nodeFs.changedAtSync?.(path) ?? 0;
  await eventually(async () => {
    await store.commit({ puts: [putTask('task_2')] });
    await store.flush();
    return changedAt(join(dir, 'checkpoint.json')) > changedAt(join(aside, 'proj_1/task_1.json'));
  });
  await store.close();
  rmSync(join(dir, 'tasks'), { recursive: true });
  renameSync(aside, join(dir, 'tasks'));
  const second = await open(dir);
  await second.checked();
  await second.flush();
  expect(second.durable.get('tasks', 'task_1')).toMatchObject({ title: 'new' });
  expect(readFileSync(join(dir, 'tasks/proj_1/task_1.json'), 'utf8')).toContain('new');
});

it('a document with an undefined field is not taken for an edit', async () => {
  const dir = await filled();
  const store = await open(dir, { limits: { checkPauseMs: 5, checkSliceMs: 0 } });
  await store.commit({ puts: [putTask('task_1', { title: undefined, revision: 2 })] });
  await store.flush();
  await store.checked();
  expect(told(store)).toEqual([]);
});

it('a snapshot with a collection that this version does not know is not used', async () => {
  const dir = stores.dir();
  const limits = { ...LIMITS, segmentBytesMax: 600, logBytesMax: 1_200 };
  const more: CollectionSpec[] = [...COLLECTIONS, { name: 'notes', schemaVersion: 1, path: (id) => `notes/${id}.json` }];
  const store = await open(dir, { collections: more, limits });
  await store.commit({ puts: [{ collection: 'notes', id: 'note_1', doc: { id: 'note_1' } }] });
  for (let n = 0; n < 30; n += 1) await store.commit({ puts: [putTask('task_1', { revision: n + 1 })], events: [newEvent('e')] });
  await snapshotted(store, dir);
  await store.close();
  const older = await open(dir, { limits });
  expect(older.durable.has('tasks', 'task_1')).toBe(true);
});

it.each([true, false])('a file that was only touched is not put back to an older state because the log lost the newest (with a snapshot: %s)', async (snapshot) => {
  const dir = await filled(async (store) => { await store.commit({ puts: [manifest('sess_1', 'second, acknowledged')] }); });
  const log = join(dir, 'log/00000001.ndjson');
  writeFileSync(log, readFileSync(log, 'utf8').replace('second, acknowledged', 'Second, acknowledged'));
  writeByHand(dir, MANIFEST, readFileSync(join(dir, MANIFEST), 'utf8'));
  if (!snapshot) rmSync(join(dir, 'snapshot.ndjson'));
  const store = await open(dir);
  await store.checked();
  await store.flush();
  expect(store.durable.get('manifests', 'sess_1')).toMatchObject({ text: 'second, acknowledged' });
});

it('a document of a newer version whose file was removed is made again', async () => {
  const dir = stores.dir();
  const newer = COLLECTIONS.map((spec) => spec.name === 'tasks' ? { ...spec, schemaVersion: 2 } : spec);
  const store = await open(dir, { collections: newer });
  await store.commit({ puts: [putTask('task_1', { title: 'newer' })] });
  await snapshotted(store, dir);
  await store.close();
  rmSync(join(dir, TASK));
  const older = await open(dir);
  await older.checked();
  await older.flush();
  expect(existsSync(join(dir, TASK))).toBe(true);
});

it('leaves the processor to others also while it passes by directories that nobody changed', async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `sess_${n + 3}`);
  const dir = await filled(async (store) => { for (const id of ids) await store.commit({ puts: [putSession(id)] }); });
  let [asked, atOnce, most] = [0, 0, 0];
  const changedAtSync = (path: string): number | undefined => {
    if (!/sessions\/sess_\d+$/.test(path)) return nodeFs.changedAtSync!(path);
    asked += 1;
    if (atOnce === 0) setImmediate(() => { atOnce = 0; });
    most = Math.max(most, atOnce += 1);
    return 1;
  };
  const store = await open(dir, { fs: { ...nodeFs, changedAtSync }, limits: { checkSliceMs: 0 } });
  await store.checked();
  expect({ asked, most }).toEqual({ asked: 22, most: 1 });
});
