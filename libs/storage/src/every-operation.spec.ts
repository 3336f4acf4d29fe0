import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Commit } from './commit.js';
import { afterCommit, difference, everythingOf, NOTHING, observe, SCOPE, type StoreModel } from './crash/store-model.js';
import { TEMPORARY_NAME } from './fs/write-file-atomic.js';
import type { Store } from './store.js';
import { FaultyFs, fileSystemError, type FaultyOperation } from './testing/faulty-fs.js';
import { LONG } from './testing/faults.js';
import { eventually, newEvent, putSession, putTask, TEST_COLLECTIONS, TestStores } from './testing/test-store.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const LIMITS = { segmentBytesMax: 900, logBytesMax: 2_500, answerSegmentBytesMax: 300, retryDelayMs: 1, checkpointDelayMs: 60_000 };
const answer = (key: string): Commit['answer'] => ({ scope: SCOPE, key, bodyHash: 'h', status: 201, body: { key } });
const task = (id: string, revision: number, projectId = 'p1') => putTask(id, { projectId, revision, title: `${id} at ${revision}` });
const remove = (collection: string, id: string) => ({ collection, id });

/** Every kind of commit: creates, changes, moves, deletes, a batch, answers; segments that end, are compacted away; checkpoints; boots. */
const STEPS: (Commit[] | 'flush' | 'reopen')[] = [
  [{ puts: [putSession('s1'), task('t1', 1)], events: [newEvent('created', 's1')], answer: answer('k1') }],
  'flush',
  [{ puts: [task('t1', 2), task('t2', 1)], events: [newEvent('changed', 's1'), newEvent('created')] }, { puts: [putSession('s2')], events: [newEvent('b', 's2')], answer: answer('k2') }],
  [{ puts: [task('t1', 3, 'p2')], events: [newEvent('moved')] }],
  'reopen',
  [{ deletes: [remove('tasks', 't2')], events: [newEvent('deleted', 's1', 'x'.repeat(400))] }],
  'flush',
  [{ deletes: [remove('sessions', 's1')], events: [newEvent('deleted')] }, { events: [newEvent('c', 's2')], answer: answer('k3') }],
  'flush',
  [{ puts: [task('t3', 1)], events: [newEvent('last', 's2', 'y'.repeat(400))], answer: answer('k4') }],
  'reopen',
  [{ puts: [task('t3', 2)], events: [newEvent('d', 's2')] }],
  'flush',
];

/** What fails once, at the n-th operation of a run; `after` it all goes on as if nothing had been. */
type Fault = 'EIO' | 'ENOSPC' | 'EMFILE' | 'EFBIG' | 'a short write';

const FAULTS: Record<Fault, readonly FaultyOperation[]> = {
  EIO: ['open', 'append', 'sync', 'syncDir', 'rename', 'unlink', 'truncate', 'mkdir', 'rmdir'],
  ENOSPC: ['open', 'append', 'sync', 'syncDir', 'rename', 'mkdir'],
  EMFILE: ['open', 'syncDir'],
  EFBIG: ['append'],
  'a short write': ['append'],
};

interface Run {
  dir: string;
  fs: FaultyFs;
  /** Operations that the fault may hit, so far. */
  count: number;
  model: StoreModel;
}

function faulty(run: Run, fault: Fault, nth: number): void {
  run.fs.fault = (operation) => {
    if (!FAULTS[fault].includes(operation)) return;
    run.count += 1;
    if (run.count !== nth) return;
    if (fault !== 'a short write') throw fileSystemError(fault);
    return 'short';
  };
}

/** Opens it, and once more when the fault hit the start. */
async function open(run: Run): Promise<Store> {
  const options = { fs: run.fs, limits: LIMITS };
  return stores.open(run.dir, options).catch(() => stores.open(run.dir, options));
}

/** Everything acknowledged, and nothing else, is there. */
async function assertShows(run: Run, store: Store, when: string): Promise<void> {
  const look = (): Promise<StoreModel> => observe(store, TEST_COLLECTIONS, everythingOf([run.model]));
  // A page may be what the fault hits: its reader asks again.
  const different = difference(run.model, await look().catch(look));
  if (different !== undefined) throw new Error(`${when}: ${different}`);
  expect([when, store.health().quarantined]).toEqual([when, []]);
}

/** Commits as the commands do: what was refused is decided again, on what then is there. */
async function commit(run: Run, store: Store, commits: Commit[]): Promise<void> {
  const outcomes = await Promise.allSettled(commits.map((one) => store.commit(structuredClone(one))));
  for (const [at, one] of commits.entries()) {
    const outcome = outcomes[at];
    if (outcome.status === 'rejected') {
      expect(outcome.reason).toMatchObject({ code: expect.stringMatching(/^STORAGE_(WRITE|FULL)$/) });
      await assertShows(run, store, 'after a refusal');
      await store.commit(structuredClone(one));
    }
    run.model = afterCommit(run.model, one);
  }
}

async function perform(fault: Fault, nth: number): Promise<number> {
  const run: Run = { dir: stores.dir(), fs: new FaultyFs(), count: 0, model: NOTHING };
  faulty(run, fault, nth);
  let store = await open(run);
  for (const step of STEPS) {
    if (step === 'flush') await store.flush().catch(() => undefined);
    else if (step === 'reopen') {
      await store.close();
      store = await open(run);
    } else await commit(run, store, step);
    await assertShows(run, store, `at ${JSON.stringify(step).slice(0, 60)}`);
  }
  await eventually(() => store.flush().then(() => true, () => false));
  expect(store.health()).toMatchObject({ writable: true, dirtyDocuments: 0 });
  expect(store.health().lastError).toBeUndefined();
  await assertShows(run, store, 'in the end');
  await store.close();
  assertFilesShow(run);
  const next = await stores.open(run.dir, { limits: LIMITS });
  await assertShows(run, next, 'after a restart');
  expect(readdirSync(run.dir, { recursive: true, encoding: 'utf8' }).filter((name) => TEMPORARY_NAME.test(name.split('/').at(-1)!))).toEqual([]);
  await stores.clean();
  return run.count;
}

/** No file is torn or left over: the projection is what the log says. */
function assertFilesShow({ dir, model }: Run): void {
  const found = ['tasks', 'sessions'].flatMap((below) => (existsSync(join(dir, below)) ? readdirSync(join(dir, below), { recursive: true, encoding: 'utf8' }).map((name) => join(dir, below, name)) : []));
  const documents = found.filter((path) => path.endsWith('.json')).map((path) => {
    const { schemaVersion: _version, ...doc } = JSON.parse(readFileSync(path, 'utf8')) as { schemaVersion: number };
    return JSON.stringify(doc);
  });
  expect(documents.sort()).toEqual([...model.documents.values()].sort());
  const events = found.filter((path) => path.endsWith('.ndjson')).map((path) => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { sessionSeq: number }).sessionSeq));
  expect(events.sort()).toEqual([...model.sessions.values()].map((of) => of.map((_, at) => at + 1)).sort());
}

describe('the n-th operation of the disk, of every kind of commit and of the boot itself, failing', () => {
  it.each(Object.keys(FAULTS) as Fault[])('with %s, for all n: what is acknowledged is there, nothing is torn, and it heals', async (fault) => {
    let runs = 0;
    for (let nth = 1; ; nth += LONG ? 1 : 41) {
      const count = await perform(fault, nth).catch((error: unknown) => {
        throw new Error(`${fault} at operation ${nth}: ${(error as Error).stack}`, { cause: error });
      });
      runs += 1;
      if (count < nth) break;
    }
    expect(runs).toBeGreaterThan(LONG ? 30 : 1);
  }, 300_000);
});
