import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { newEvent, putSession, putTask, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';
import { nodeFs } from '../fs/node-fs.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { Child } from '../testing/child.js';
import type { Store } from '../store.js';
import { auditStore, type AuditOptions, type Finding } from './store-audit.js';
import { repairStore } from './store-repair.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const TASK = 'tasks/proj_1/task_1.json';
const OTHER = 'tasks/proj_1/task_2.json';
const SESSION = 'sessions/sess_1/session.json';
const EVENTS = 'sessions/sess_1/events.ndjson';

const layoutIn = (dir: string): AuditOptions => ({ home: dir, layout: { dir: '', collections: TEST_COLLECTIONS, sessionEvents: (id) => `sessions/${id}/events.ndjson` } });
const audit = (dir: string) => auditStore(layoutIn(dir));
const told = (findings: Finding[]) => findings.map(({ kind, file, remedy }) => [kind, file, remedy]);
const edit = (path: string, from: string, to: string): void => writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
const read = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');

async function fill(store: Store): Promise<void> {
  await store.commit({ puts: [putSession('sess_1')], events: [newEvent('e1', 'sess_1')] });
  for (const n of [1, 2, 3]) await store.commit({ puts: [putTask(`task_${n}`, { title: 'before' })], events: [newEvent(`e${n + 1}`, 'sess_1')] });
  await store.commit({ puts: [putTask('task_1', { title: 'now', revision: 2 })], deletes: [{ collection: 'tasks', id: 'task_3' }] });
}

/** Closed, with everything in its files. */
async function filled(): Promise<string> {
  const dir = stores.dir();
  const store = await stores.open(dir);
  await fill(store);
  await store.close();
  return dir;
}

type Fault = [name: string, hurt: (dir: string) => void, finding: [Finding['kind'], string, Finding['remedy']]];
const FAULTS: Fault[] = [
  ['edited by hand', (dir) => edit(join(dir, TASK), 'now', 'mine'), ['edited', TASK, 'rebuild']],
  ['edited by hand, with a revision of its own', (dir) => edit(join(dir, TASK), '"revision": 2', '"revision": 9'), ['edited', TASK, 'rebuild']],
  ['of an older state', (dir) => { edit(join(dir, TASK), 'now', 'before'); edit(join(dir, TASK), '"revision": 2', '"revision": 1'); }, ['older', TASK, 'rebuild']],
  ['missing', (dir) => rmSync(join(dir, TASK)), ['missing', TASK, 'rebuild']],
  ['missing with its directory', (dir) => rmSync(join(dir, 'sessions/sess_1/session.json')), ['missing', SESSION, 'rebuild']],
  ['empty', (dir) => truncateSync(join(dir, TASK), 0), ['damaged', TASK, 'rebuild']],
  ['torn', (dir) => truncateSync(join(dir, TASK), 20), ['damaged', TASK, 'rebuild']],
  ['a list', (dir) => writeFileSync(join(dir, TASK), '[]'), ['damaged', TASK, 'rebuild']],
  ['huge', (dir) => writeFileSync(join(dir, TASK), `"${'x'.repeat(5_000_000)}"`), ['damaged', TASK, 'rebuild']],
  ['a link to its content', (dir) => { renameSync(join(dir, TASK), join(dir, 'elsewhere')); symlinkSync(join(dir, 'elsewhere'), join(dir, TASK)); }, ['no-file', TASK, 'rebuild']],
  ['a directory', (dir) => { rmSync(join(dir, TASK)); mkdirSync(join(dir, TASK)); }, ['no-file', TASK, 'rebuild']],
  ['back after its deletion', (dir) => writeFileSync(join(dir, 'tasks/proj_1/task_3.json'), read(dir, OTHER).replace('task_2', 'task_3')), ['deleted', 'tasks/proj_1/task_3.json', 'aside']],
  ['that nobody committed', (dir) => writeFileSync(join(dir, 'tasks/proj_1/task_9.json'), read(dir, OTHER).replace('task_2', 'task_9')), ['unknown', 'tasks/proj_1/task_9.json', 'aside']],
  ['in the place of another one', (dir) => copyFileSync(join(dir, OTHER), join(dir, 'tasks/proj_1/copy.json')), ['misplaced', 'tasks/proj_1/copy.json', 'aside']],
  ['of a project that it is not of', (dir) => { mkdirSync(join(dir, 'tasks/proj_2')); copyFileSync(join(dir, OTHER), join(dir, 'tasks/proj_2/task_2.json')); }, ['misplaced', 'tasks/proj_2/task_2.json', 'aside']],
  ['left over from a write', (dir) => writeFileSync(join(dir, 'tasks/proj_1/.task_1.json.1.2.om-tmp'), 'half'), ['temporary', 'tasks/proj_1/.task_1.json.1.2.om-tmp', 'remove']],
  ['of events that has lost some', (dir) => truncateSync(join(dir, EVENTS), 300), ['events', EVENTS, 'rebuild']],
  ['of events that is gone', (dir) => rmSync(join(dir, EVENTS)), ['events', EVENTS, 'rebuild']],
  ['of events that was edited', (dir) => edit(join(dir, EVENTS), '"e2"', '"xx"'), ['events', EVENTS, 'rebuild']],
  ...[['a line', 'mine\n'], ['half a line', 'mine'], ['an event that the log does not know', '{"sessionSeq":5}\n']].map(([what, text]): Fault => [`of events with ${what} behind its last`, (dir) => appendFileSync(join(dir, EVENTS), text), ['events', EVENTS, 'rebuild']]),
  ['of events with two in the wrong order', (dir) => { const [a, b, ...rest] = read(dir, EVENTS).split('\n'); writeFileSync(join(dir, EVENTS), [b, a, ...rest].join('\n')); }, ['events', EVENTS, 'rebuild']],
];

/** Before each directory that it lists, the store at work gets on by a checkpoint: the audit itself waits for nobody. */
function slowFs(dir: string): StorageFs {
  const changedAt = () => nodeFs.changedAtSync!(join(dir, 'checkpoint.json'));
  return {
    ...nodeFs,
    readDirSync(path) {
      const [before, until] = [changedAt(), performance.now() + 2_000];
      while (changedAt() === before && performance.now() < until);
      return nodeFs.readDirSync(path);
    },
  };
}

describe('the audit of a store', () => {
  it('finds nothing where everything is as the log says', async () => {
    expect(audit(await filled())).toMatchObject({ findings: [], documents: 3, behind: 0, unrecorded: 0, sessions: 1, events: 4, logId: 'inst-1', copied: false, strays: [], kept: new Map() });
  });

  it.each(FAULTS)('finds a file %s, and the repair makes it as it was, keeping what was there', async (_, hurt, finding) => {
    const dir = await filled();
    const before = [TASK, OTHER, SESSION, EVENTS].map((file) => read(dir, file));
    hurt(dir);

    const { findings } = audit(dir);
    const repaired = await repairStore(layoutIn(dir));

    expect(told(findings)).toEqual([finding]);
    expect(repaired).toEqual([{ ...findings[0], done: expect.stringMatching(/^(put back|moved into quarantine|removed|written again)/) }]);
    expect(audit(dir).findings).toEqual([]);
    expect([TASK, OTHER, SESSION, EVENTS].map((file) => read(dir, file))).toEqual(before);
    const keeps = !['missing', 'temporary'].includes(finding[0]) && !_.endsWith('gone');
    expect(existsSync(join(dir, 'quarantine')) ? readdirSync(join(dir, 'quarantine')).length : 0).toBe(keeps ? 2 : 0);
    expect((await stores.open(dir)).durable.count('tasks')).toBe(2);
  });

  it('removes with a misplaced file the directory that it was alone in, and no other', async () => {
    const dir = await filled();
    for (const project of ['proj_2', 'proj_3']) {
      mkdirSync(join(dir, 'tasks', project));
      copyFileSync(join(dir, OTHER), join(dir, 'tasks', project, 'task_2.json'));
    }
    writeFileSync(join(dir, 'tasks/proj_3/notes'), 'mine');

    await repairStore(layoutIn(dir));

    expect(readdirSync(join(dir, 'tasks')).sort()).toEqual(['proj_1', 'proj_3']);
  });

  it('tells files that are nobody\'s, as what they are', async () => {
    const dir = await filled();
    for (const file of ['tasks/proj_1/task_1.json.swp', 'tasks/todo.json', 'sessions/sess_1/.notes', '.reserve', 'agent-token.key']) writeFileSync(join(dir, file), '{"mine": true}');

    expect(audit(dir)).toMatchObject({ findings: [], strays: ['sessions/sess_1/.notes', 'tasks/proj_1/task_1.json.swp', 'tasks/todo.json'] });
  });

  it('names the fields of an edit, and takes another layout for none', async () => {
    const dir = await filled();
    edit(join(dir, TASK), '"now"', '"mine", "priority": "high"');
    writeFileSync(join(dir, OTHER), JSON.stringify(JSON.parse(read(dir, OTHER))));

    expect(audit(dir).findings).toMatchObject([{ kind: 'edited', file: TASK, problem: 'was edited by hand: title, priority' }]);
  });

  it('leaves alone what a newer version wrote, and notes of other people', async () => {
    const dir = await filled();
    edit(join(dir, TASK), '"schemaVersion": 1', '"schemaVersion": 2');
    writeFileSync(join(dir, 'tasks/todo.json'), '{"mine": true}');
    const content = read(dir, TASK);

    expect(told(audit(dir).findings)).toEqual([['newer', TASK, null]]);
    expect(await repairStore(layoutIn(dir))).toEqual([]);
    expect(read(dir, TASK)).toBe(content);
  });

  it('does not put an older state over what only the file still has, where the log is damaged', async () => {
    const dir = await filled();
    edit(join(dir, 'log/00000001.ndjson'), '"now"', '"nov"');

    const { findings } = audit(dir);

    expect(told(findings)).toEqual(expect.arrayContaining([['ahead', TASK, null]]));
    expect(findings.find(({ kind }) => kind === 'log')).toMatchObject({ file: 'log', problem: expect.stringContaining('commit') });
    await repairStore(layoutIn(dir));
    expect(read(dir, TASK)).toContain('now');
  });

  it.each([
    ['a flipped byte', '"e2"', '"eX"', 'record at byte'],
    ['a record that is gone', /\n[^\n]*"e2"[^\n]*/, '', 'commit 2 is missing'],
    ['two records that are gone', /\n[^\n]*"e2"[^\n]*\n[^\n]*"e3"[^\n]*/, '', 'commits 2 to 3 are missing'],
  ])('of a log with %s tells so, and takes no file for wrong because of it', async (_, from, to, problem) => {
    const dir = await filled();
    const path = join(dir, 'log/00000001.ndjson');
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));

    expect(audit(dir).findings.filter(({ kind }) => kind === 'log')).toEqual(expect.arrayContaining([expect.objectContaining({ problem: expect.stringContaining(problem) })]));
    expect(audit(dir).findings.filter(({ kind }) => kind !== 'log')).toEqual([]);
  });

  it('takes no file for wrong that is only behind, as after a power cut', async () => {
    const dir = stores.dir();
    const store = await stores.open(dir, { limits: { checkpointDelayMs: 3_600_000 } });
    await fill(store);
    rmSync(join(dir, TASK), { force: true });
    rmSync(join(dir, EVENTS), { force: true });

    const { findings, behind } = audit(dir);
    expect(findings.filter(({ kind }) => kind !== 'temporary')).toEqual([]);
    expect(behind).toBeGreaterThan(0);
  });

  it('says of a store at work what is wrong, and nothing of what is on its way', async () => {
    const dir = stores.dir();
    const child = Child.start('work', dir);
    await child.printed(100);
    const findings = [];
    try {
      for (let round = 1; round <= 3; round += 1) findings.push(...auditStore({ ...layoutIn(dir), fs: slowFs(dir) }).findings);
    } finally {
      await child.kill();
    }
    expect(findings.filter(({ kind }) => kind !== 'temporary')).toEqual([]);
    expect(audit(dir).findings.filter(({ kind }) => kind !== 'temporary')).toEqual([]);
    const store = await stores.open(dir);
    await store.checked();
    await store.close();
    expect(audit(dir).findings).toEqual([]);
  });

  it('of a log that was compacted counts what only files know', async () => {
    const dir = stores.dir();
    const limits = { segmentBytesMax: 400, logBytesMax: 1_000 };
    const store = await stores.open(dir, { limits });
    await fill(store);
    for (let n = 0; n < 30; n += 1) await store.commit({ events: [newEvent('later')] });
    await store.close();

    expect(audit(dir)).toMatchObject({ findings: [], unrecorded: 3, documents: 0 });
    edit(join(dir, EVENTS), '"e2"', '"xx"');
    writeFileSync(join(dir, TASK), '');
    edit(join(dir, OTHER), '"title"', '"tilte"');
    const collections = TEST_COLLECTIONS.map((spec) => (spec.name === 'tasks' ? { ...spec, shape: { title: 'string' as const } } : spec));
    expect(told(auditStore({ home: dir, layout: { dir: '', collections } }).findings)).toEqual([['damaged', TASK, 'aside'], ['damaged', OTHER, 'aside']]);
  });

  it('repairs no store at work, and says who holds it', async () => {
    const dir = await filled();
    await stores.open(dir);

    await expect(repairStore(layoutIn(dir))).rejects.toMatchObject({ code: 'STORAGE_LOCKED', details: { pid: process.pid } });
  });
});
