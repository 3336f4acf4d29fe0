import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { nodeFs } from '../fs/node-fs.js';
import type { Store } from '../store.js';
import { putSession, TEST_COLLECTIONS, TestStores, writeByHand } from '../testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const collections = TEST_COLLECTIONS.map((spec) => (spec.name === 'manifests' ? { ...spec, onDemand: true } : spec));
const MANIFEST = 'sessions/sess_1/manifest.json';
const name = { collection: 'manifests', id: 'sess_1' };

async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir, { collections });
  await store.commit({ puts: [putSession('sess_1'), { ...name, doc: { directive: 'go on' } }] });
  await store.close();
  return dir;
}

/** Opens it and says which files were read meanwhile. @param rotten what went bad without a change of time, as on a bad disk */
async function opened(dir: string, rotten?: string): Promise<{ store: Store; read: string[] }> {
  const read: string[] = [];
  const changedAtSync = (path: string) => (path === join(dir, rotten ?? '') ? 1 : nodeFs.changedAtSync!(path));
  const fs = { ...nodeFs, changedAtSync, readDatedSync: (path: string, length: number) => (read.push(path.slice(dir.length + 1)), nodeFs.readDatedSync(path, length)) };
  return { store: await stores.open(dir, { collections, fs }), read };
}

describe('a document that is read on demand', () => {
  it('is read when somebody asks for it, and no start opens its file', async () => {
    const { store, read } = await opened(await filled());

    expect(read).toEqual(['sessions/sess_1/session.json']);
    expect([store.pending.has('manifests', 'sess_1'), store.durable.count('manifests')]).toEqual([true, 1]);
    expect(store.pending.get('manifests', 'sess_1')).toEqual({ directive: 'go on' });
    expect([...store.durable.list('manifests')]).toEqual([{ directive: 'go on' }]);
    expect(new Set(read.slice(1))).toEqual(new Set([MANIFEST]));
    expect(Object.isFrozen(store.durable.get('manifests', 'sess_1'))).toBe(true);
  });

  it('is in memory only until its file has it', async () => {
    const dir = stores.dir();
    const { store, read } = await opened(dir);
    await store.commit({ puts: [{ ...name, doc: { directive: 'go on' } }] });
    expect([store.pending.get('manifests', 'sess_1'), read]).toEqual([{ directive: 'go on' }, []]);

    await store.flush();
    expect([store.pending.get('manifests', 'sess_1'), store.durable.get('manifests', 'sess_1'), read]).toEqual([{ directive: 'go on' }, { directive: 'go on' }, [MANIFEST, MANIFEST]]);
    await store.commit({ puts: [{ ...name, doc: { directive: 'stop' } }] });
    expect(store.durable.get('manifests', 'sess_1')).toEqual({ directive: 'stop' });
  });

  it('is deleted like any other, also when its file is damaged', async () => {
    const dir = await filled();
    writeFileSync(join(dir, MANIFEST), '{');
    const { store } = await opened(dir, MANIFEST);

    await store.commit({ deletes: [name, { collection: 'sessions', id: 'sess_1' }] });
    await store.close();

    const again = await opened(dir);
    expect([again.read, again.store.durable.count('manifests'), again.store.pending.has('manifests', 'sess_1')]).toEqual([[], 0, false]);
  });

  it('is not there when its file is damaged, which is told, and is there once it is mended', async () => {
    const dir = await filled();
    const whole = readFileSync(join(dir, MANIFEST), 'utf8');
    writeFileSync(join(dir, MANIFEST), whole.replace('"schemaVersion": 1', '"schemaVersion": "x"'));
    const { store } = await opened(dir, MANIFEST);

    expect(store.durable.get('manifests', 'sess_1')).toBeUndefined();
    expect([...store.durable.list('manifests')]).toEqual([]);
    expect(store.health().quarantined).toMatchObject([{ file: MANIFEST, reason: 'it has no schemaVersion' }]);
    writeFileSync(join(dir, MANIFEST), whole);
    expect(store.pending.get('manifests', 'sess_1')).toEqual({ directive: 'go on' });
  });

  it('tells of each damage who listens, and past the bound of every second, fourth, eighth with how many were not told', async () => {
    const dir = stores.dir();
    const ids = Array.from({ length: 12 }, (_, n) => `sess_${n}`);
    const first = await stores.open(dir, { collections });
    await first.commit({ puts: ids.map((id) => ({ collection: 'manifests', id, doc: { directive: 'go on' } })) });
    await first.close();
    const told: [string, number][] = [];
    const store = await stores.open(dir, { collections, limits: { damagesReportedMax: 2 }, onDamage: ({ file }, unsaid) => told.push([file, unsaid]) });
    expect(store.health().notice).toBeUndefined();
    for (const id of ids) {
      writeFileSync(join(dir, `sessions/${id}/manifest.json`), '{');
      store.durable.get('manifests', id);
    }

    expect(told.map(([file, unsaid]) => [file.split('/')[1], unsaid])).toEqual([['sess_0', 0], ['sess_1', 0], ['sess_2', 1], ['sess_3', 2], ['sess_5', 4], ['sess_9', 8]]);
    expect(store.health()).toMatchObject({ quarantined: [{}, {}], notice: '12 files were damaged, missing or put aside: orbitmesh doctor tells which.' });
  });

  it('is made again from the log by a start that finds it damaged since the checkpoint, or gone', async () => {
    const dir = await filled();
    writeByHand(dir, MANIFEST, '{');
    const first = await opened(dir);
    expect(first.store.durable.get('manifests', 'sess_1')).toEqual({ directive: 'go on' });
    await first.store.close();

    rmSync(join(dir, MANIFEST));
    const second = await opened(dir);
    expect(second.store.durable.get('manifests', 'sess_1')).toEqual({ directive: 'go on' });
  });
});
