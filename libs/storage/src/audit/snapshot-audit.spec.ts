import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeRecord } from '../log/record-lines.js';
import { SNAPSHOT_FILE } from '../snapshot-file.js';
import type { SnapshotHeader } from '../snapshot.js';
import { putSession, putTask, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';
import { auditStore, type AuditOptions } from './store-audit.js';
import { repairStore } from './store-repair.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const collections = TEST_COLLECTIONS.map((spec) => (spec.name === 'manifests' ? { ...spec, onDemand: true } : spec));
const layoutIn = (dir: string): AuditOptions => ({ home: dir, layout: { dir: '', collections, sessionEvents: (id) => `sessions/${id}/events.ndjson` } });
const snapshotOf = (dir: string): string => join(dir, SNAPSHOT_FILE);
const edit = (path: string, from: string, to: string): void => writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));

/** Two documents that the snapshot has, and one that it names. */
async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir, { collections, limits: { snapshotDocumentsMin: 1 } });
  await store.commit({ puts: [putTask('task_1'), putSession('sess_1'), { collection: 'manifests', id: 'sess_1', doc: { sessionId: 'sess_1' } }] });
  await store.close();
  return dir;
}

function changeHeader(dir: string, change: Partial<SnapshotHeader>): void {
  const [first, ...others] = readFileSync(snapshotOf(dir), 'utf8').split('\n');
  const header = JSON.parse(first.slice(first.indexOf('{'))) as SnapshotHeader;
  writeFileSync(snapshotOf(dir), encodeRecord(Buffer.from(JSON.stringify({ ...header, ...change })), 0) + others.join('\n'));
}

describe('the audit of a snapshot', () => {
  it('finds nothing wrong with one that a start can use, and with none', async () => {
    expect(auditStore(layoutIn(await filled())).findings).toEqual([]);
    const without = stores.dir();
    await (await stores.open(without)).close();
    expect(auditStore(layoutIn(without)).findings).toEqual([]);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['a bad line', (dir) => edit(snapshotOf(dir), '"task_1"', '"task_2"'), 'is damaged in line 2'],
    ['a bad first line', (dir) => edit(snapshotOf(dir), '"format"', '"farmot"'), 'is damaged'],
    ['a piece of a line at its end', (dir) => appendFileSync(snapshotOf(dir), 'mine'), 'is damaged: it ends within a line'],
    ['lines cut off', (dir) => truncateSync(snapshotOf(dir), readFileSync(snapshotOf(dir)).indexOf('\n') + 1), 'is damaged: it has 0 documents, and says 3'],
    ['nothing in it', (dir) => truncateSync(snapshotOf(dir), 0), 'is damaged'],
    ['another count', (dir) => changeHeader(dir, { documents: 4 }), 'is damaged: it has 3 documents, and says 4'],
    ['a line twice in place of another', (dir) => { const [first, one, _other, ...rest] = readFileSync(snapshotOf(dir), 'utf8').split('\n'); writeFileSync(snapshotOf(dir), [first, one, one, ...rest].join('\n')); }, 'is damaged: it has a document twice'],
    ['the name of another log', (dir) => changeHeader(dir, { logId: 'inst-2' }), 'is of another log (inst-2)'],
  ])('tells of one with %s, and what that means; the repair removes it', async (_, hurt, problem) => {
    const dir = await filled();
    hurt(dir);

    expect(auditStore(layoutIn(dir)).findings).toEqual([{ kind: 'snapshot', file: SNAPSHOT_FILE, remedy: 'remove', problem: `${problem}; the next start reads every document's file instead, and nothing is lost` }]);
    expect(await repairStore(layoutIn(dir))).toMatchObject([{ file: SNAPSHOT_FILE, done: 'removed' }]);

    expect(existsSync(snapshotOf(dir))).toBe(false);
    expect(auditStore(layoutIn(dir)).findings).toEqual([]);
    expect((await stores.open(dir, { collections })).durable.count('tasks')).toBe(1);
  });
});
