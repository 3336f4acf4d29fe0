import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CollectionSpec, Commit } from '../commit.js';
import { nodeFs } from '../fs/node-fs.js';
import { Store, type StoreOptions } from '../store.js';

/** What the specs of this library share; nothing here is exported from it. */
export interface TestTask {
  id: string;
  projectId: string;
  title?: string;
  revision: number;
}

export const TEST_COLLECTIONS: CollectionSpec[] = [
  { name: 'tasks', schemaVersion: 1, path: (id, doc: TestTask) => `tasks/${doc.projectId}/${id}.json`, summary: ['id', 'projectId'] },
  { name: 'sessions', schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: ['metrics'] },
  { name: 'manifests', schemaVersion: 1, path: (id) => `sessions/${id}/manifest.json` },
];

/** Temporary directories and open stores of one spec file, given back after each test. */
export class TestStores {
  private readonly dirs: string[] = [];
  private readonly stores: Store[] = [];

  dir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'om-storage-'));
    this.dirs.push(dir);
    return dir;
  }

  /** Without snapshots, so that a start reads the files; with them where limits say so. */
  async open(dir: string, options: Partial<StoreOptions> = {}): Promise<Store> {
    const store = await Store.open({
      dir,
      collections: TEST_COLLECTIONS,
      installationId: 'inst',
      sessionEvents: (id) => `sessions/${id}/events.ndjson`,
      ...options,
      limits: { snapshotDocumentsMin: Infinity, checkDelayMs: 0, ...options.limits },
    });
    this.stores.push(store);
    return store;
  }

  async closeAll(): Promise<void> {
    for (const store of this.stores.splice(0)) await store.close();
  }

  async clean(): Promise<void> {
    await this.closeAll();
    for (const dir of this.dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
  }
}

export function putTask(id: string, fields: Partial<TestTask> = {}): NonNullable<Commit['puts']>[number] {
  return { collection: 'tasks', id, doc: { id, projectId: 'proj_1', revision: 1, ...fields } };
}

export function putSession(id: string, fields: object = {}): NonNullable<Commit['puts']>[number] {
  return { collection: 'sessions', id, doc: { id, revision: 1, ...fields } };
}

export function newEvent(type: string, sessionId?: string, data: unknown = {}): NonNullable<Commit['events']>[number] {
  return { type, timestamp: '2026-01-01T00:00:00.000Z', data, ...(sessionId === undefined ? {} : { sessionId }) };
}

/** As a person does it, a while after the store was closed; with the time of long ago that a copy or an archive may bring along. */
export function writeByHand(dir: string, file: string, content: string): void {
  const path = join(dir, file);
  const changedAt = (of: string): number => nodeFs.changedAtSync?.(of) ?? 0;
  do {
    writeFileSync(path, content);
    utimesSync(path, 1, 1);
  } while (changedAt(path) <= changedAt(join(dir, 'checkpoint.json')));
}

/** Waits for a state, not for a time. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await condition()); await delay(5)) {
    if (Date.now() > end) throw new Error(`It did not become true in ${timeoutMs} ms: ${condition.toString()}`);
  }
}
