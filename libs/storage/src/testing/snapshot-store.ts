import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type { CollectionSpec } from '../commit.js';
import type { StorageLimits } from '../limits.js';
import type { Store } from '../store.js';
import { eventually, newEvent, putSession, putTask, TestStores, TEST_COLLECTIONS } from './test-store.js';

/** Stores that are closed, and have a snapshot from which the next start comes. */
export const stores = new TestStores();
afterEach(() => stores.clean());
export const LIMITS: Partial<StorageLimits> = { snapshotDocumentsMin: 1, snapshotLogBytesMin: 1, checkpointDelayMs: 5, retryDelayMs: 5, checkPauseMs: 1, checkDelayMs: 0, lazyDelayMs: 1 };
export const COLLECTIONS: CollectionSpec[] = [...TEST_COLLECTIONS.slice(0, 2), { ...TEST_COLLECTIONS[2], plain: true, onDemand: true }];
export const open = (dir: string, options: Parameters<TestStores['open']>[1] = {}): Promise<Store> =>
  stores.open(dir, { collections: COLLECTIONS, ...options, limits: { ...LIMITS, ...options.limits } });
export const manifest = (id: string, text = 'as it is') => ({ collection: 'manifests', id, doc: { sessionId: id, text } });
export const MANIFEST = 'sessions/sess_1/manifest.json';
export const TASK = 'tasks/proj_1/task_1.json';
export const told = (store: Store) => store.health().quarantined.map(({ file, reason }) => `${file}: ${reason}`);

export async function snapshotted(store: Store, dir: string): Promise<void> {
  await eventually(async () => { await store.flush(); return existsSync(join(dir, 'snapshot.ndjson')); });
}
/** sess_1 and sess_2 with manifests, task_1 and task_2; a snapshot; closed. */
export async function filled(more: (store: Store) => Promise<void> = () => Promise.resolve()): Promise<string> {
  const dir = stores.dir();
  const store = await open(dir);
  for (const id of ['sess_1', 'sess_2']) await store.commit({ puts: [putSession(id), manifest(id, `of ${id}`)], events: [newEvent('e', id)] });
  for (const n of [1, 2]) await store.commit({ puts: [putTask(`task_${n}`, { title: `title ${n}` })] });
  await more(store);
  await snapshotted(store, dir);
  await store.commit({ puts: [putTask('task_3')] });
  await store.close();
  return dir;
}
