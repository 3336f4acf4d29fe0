import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CollectionSpec, Commit } from '../commit.js';
import { Store } from '../store.js';
import { newEvent, putSession, putTask } from '../testing/test-store.js';
import { SimulatedFs } from './simulated-fs.js';
import { SimDirNode } from './simulated-nodes.js';
import { afterCommit, difference, everythingOf, NOTHING, observe, SCOPE, type StoreModel } from './store-model.js';

const COLLECTIONS: CollectionSpec[] = [
  { name: 'tasks', schemaVersion: 1, path: (id, doc: { projectId: string }) => `tasks/${doc.projectId}/${id}.json`, summary: ['id', 'projectId'] },
  { name: 'sessions', schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: ['metrics'] },
];

type Made = Required<Omit<Commit, 'answer' | 'essential'>> & Pick<Commit, 'answer'>;

const taskId = fc.constantFrom('t1', 't2', 't3');
const sessionId = fc.constantFrom('s1', 's2');
const title = fc.string();
/** One change of one thing; a commit has at most one of each thing, as commands make them. */
const change = fc.oneof(
  fc.record({ thing: taskId, puts: fc.record({ projectId: fc.constantFrom('p1', 'p2'), title }) }),
  fc.record({ thing: sessionId, session: fc.record({ metrics: fc.nat(3), state: fc.constantFrom('a', 'b') }) }),
  fc.record({ thing: taskId, removes: fc.constant('tasks') }),
  fc.record({ thing: sessionId, removes: fc.constant('sessions') }),
  fc.record({ thing: sessionId, trims: fc.constant(true) }),
  fc.record({ thing: title, event: fc.option(sessionId, { nil: undefined }) }),
  fc.record({ thing: fc.constantFrom('k1', 'k2', 'k3'), answer: fc.jsonValue() }),
);
const commit = fc.uniqueArray(change, { maxLength: 5, selector: ({ thing }) => thing }).map((changes) => {
  const made: Made = { puts: [], deletes: [], events: [], trims: [] };
  for (const one of changes) {
    if ('puts' in one) made.puts.push(putTask(one.thing, one.puts));
    else if ('session' in one) made.puts.push(putSession(one.thing, one.session));
    else if ('removes' in one) made.deletes.push({ collection: one.removes, id: one.thing });
    else if ('trims' in one) made.trims.push(one.thing);
    else if ('event' in one) made.events.push(newEvent('e', one.event, one.thing));
    else made.answer = { scope: SCOPE, key: one.thing, bodyHash: 'h', status: 200, body: one.answer };
  }
  return made;
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.array(commit, { minLength: 1, maxLength: 4 }) },
  { weight: 2, arbitrary: fc.constantFrom('flush', 'close', 'kill', 'power cut') },
);

/** A power cut that takes everything it may: only what was synced is left. */
function onlyDurable(dir: SimDirNode): SimDirNode {
  const left = new SimDirNode();
  for (const [name, node] of dir.durable) {
    if (node.kind === 'directory') {
      left.live.set(name, onlyDurable(node));
    } else {
      node.live = node.durable;
      node.unsynced = [];
      left.live.set(name, node);
    }
  }
  left.durable = new Map(left.live);
  return left;
}

function open(fs: SimulatedFs): Promise<Store> {
  return Store.open({
    dir: '/store',
    fs,
    collections: COLLECTIONS,
    installationId: 'inst',
    sessionEvents: (id) => `sessions/${id}/events.ndjson`,
    clock: () => 0,
    limits: { segmentBytesMax: 1_000, logBytesMax: 3_000, indexStrideBytes: 200, tailBytesMax: 500, checkDelayMs: 0 },
  });
}

/** Ids are never used again: nothing happens to a session after it was deleted. */
function withoutEnded(made: Made, { ended }: StoreModel): Made {
  return {
    ...made,
    puts: made.puts.filter(({ id }) => !ended.has(id)),
    events: made.events.filter((event) => event.sessionId === undefined || !ended.has(event.sessionId)),
  };
}

/** After each end of the process everything that was acknowledged is there, and nothing else. */
async function run(steps: (Made[] | string)[]): Promise<void> {
  let root = new SimDirNode();
  let fs = new SimulatedFs(root);
  let store = await open(fs);
  let model: StoreModel = NOTHING;
  for (const one of steps) {
    if (typeof one !== 'string') {
      const commits = one.map((made) => {
        const possible = withoutEnded(made, model);
        model = afterCommit(model, possible);
        return possible;
      });
      await Promise.all(commits.map((made) => store.commit(structuredClone(made))));
    } else if (one === 'flush') {
      await store.flush();
    } else {
      if (one === 'close') await store.close();
      fs.halt();
      if (one === 'power cut') root = onlyDurable(root);
      fs = new SimulatedFs(root);
      store = await open(fs);
    }
    expect(difference(model, await observe(store, COLLECTIONS, everythingOf([model])))).toBeUndefined();
    expect(store.health().quarantined).toEqual([]);
  }
  fs.halt();
}

describe('random commits, restarts and crashes', () => {
  it('never show anything but what was acknowledged', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), run), {
      numRuns: 150,
      interruptAfterTimeLimit: 20_000,
    });
  }, 60_000);
});
