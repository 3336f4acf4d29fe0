import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CollectionSpec, Commit } from '../commit.js';
import { SimulatedFs } from '../crash/simulated-fs.js';
import { SimDirNode, SimFileNode, type SimNode } from '../crash/simulated-nodes.js';
import { afterCommit, everythingOf, NOTHING, observe, SCOPE, type StoreModel } from '../crash/store-model.js';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { recordNumbers, type LogRecord } from '../log/log-record.js';
import { scanRecords } from '../log/record-lines.js';
import { Store } from '../store.js';
import { LONG, SEED } from '../testing/faults.js';
import { newEvent, putSession, putTask } from '../testing/test-store.js';

const COLLECTIONS: CollectionSpec[] = [
  { name: 'tasks', schemaVersion: 1, path: (id, doc: { projectId: string }) => `tasks/${doc.projectId}/${id}.json`, summary: ['id', 'projectId'], shape: { id: 'string' } },
  { name: 'sessions', schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, shape: { id: 'string' } },
];

const answer = (key: string): Commit['answer'] => ({ scope: SCOPE, key, bodyHash: 'h', status: 201, body: { key } });
const at = (id: string, revision: number, projectId = 'p1') => putTask(id, { projectId, revision, title: `${id} is at ${revision}` });

/** Several segments; the second half is not in the checkpoint, as after a kill. */
const COVERED: Commit[] = [
  { puts: [putSession('s1'), at('t1', 1)], events: [newEvent('a', 's1', 'ä'), newEvent('b')], answer: answer('k1') },
  { puts: [putSession('s2'), at('t2', 1)], events: [newEvent('c', 's2')], answer: answer('k2') },
  { puts: [at('t3', 1), at('t1', 2)], events: [newEvent('d', 's1'), newEvent('e', 's2')] },
  { puts: [at('t2', 2, 'p2')], deletes: [{ collection: 'tasks', id: 't3' }], events: [newEvent('f', 's1')], answer: answer('k3') },
];
const AHEAD: Commit[] = [
  { puts: [at('t4', 1), putSession('s1', { revision: 2 })], events: [newEvent('g', 's1')], answer: answer('k4') },
  { puts: [at('t1', 3)], events: [newEvent('h', 's2'), newEvent('i')] },
  { puts: [at('t5', 1, 'p2')], deletes: [{ collection: 'tasks', id: 't4' }], events: [newEvent('j', 's1')], answer: answer('k5') },
];

function open(fs: SimulatedFs, snapshots: boolean): Promise<Store> {
  const sessionEvents = (id: string): string => `sessions/${id}/events.ndjson`;
  return Store.open({ dir: '/store', fs, collections: COLLECTIONS, installationId: 'inst', sessionEvents, clock: () => 0, limits: { segmentBytesMax: 900, snapshotDocumentsMin: snapshots ? 1 : Infinity, checkPauseMs: 0, checkDelayMs: 0 } });
}

interface Home {
  root: SimDirNode;
  files: ReadonlyMap<string, Buffer>;
  paths: string[];
  model: StoreModel;
  /** A start reads one instead of the files. */
  snapshots: boolean;
}

async function home(snapshots = false): Promise<Home> {
  const root = new SimDirNode();
  const fs = new SimulatedFs(root);
  const store = await open(fs, snapshots);
  let model = NOTHING;
  for (const commit of [...COVERED, ...AHEAD]) {
    if (commit === AHEAD[0]) await store.flush();
    while (commit === AHEAD[0] && snapshots && fs.sizeSync('/store/snapshot.ndjson') === undefined) await store.flush();
    model = afterCommit(model, commit);
    await store.commit(structuredClone(commit));
  }
  fs.halt();
  const files = new Map(filesOf(root, ''));
  return { root, files, paths: [...files.keys()], model, snapshots };
}

/** What the page cache has is what the next process finds. Nothing depends on what a temporary file holds. */
function* filesOf(dir: SimDirNode, path: string): Generator<[string, Buffer]> {
  for (const [name, node] of dir.live) {
    if (node.kind === 'directory') yield* filesOf(node, `${path}/${name}`);
    else if (!TEMPORARY_NAME.test(name)) yield [`${path}/${name}`, node.live];
  }
}

/** A copy, all of it durable, in which one file is another. */
function mutated(dir: SimDirNode, mutation: Mutation, path = ''): SimDirNode {
  const copies = [...dir.live].map(([name, node]): [string, SimNode] => {
    const here = `${path}/${name}`;
    if (node.kind === 'directory') return [name, mutated(node, mutation, here)];
    return [name, new SimFileNode(here === mutation.path ? mutation.bytes : node.live)];
  });
  return new SimDirNode(new Map(copies));
}

/** What a change of a file may hurt. */
interface Victims {
  /** `collection/id`. */
  documents: Set<string>;
  seqs: Set<number>;
  answers: Set<string>;
}

interface Mutation {
  path: string;
  bytes: Buffer;
  /** The bytes of the file as it was that are no more, or not where they were: from, to. */
  touched: [number, number][];
}

function victimsOf({ files }: Home, { path, touched }: Mutation): Victims {
  const bytes = files.get(path)!;
  const victims: Victims = { documents: new Set(), seqs: new Set(), answers: new Set() };
  const hit = (line: { offset: number; end: number }): boolean => touched.some(([from, to]) => from < line.end && to > line.offset);
  if (path.includes('/log/')) {
    for (const line of scanRecords(bytes).lines.filter(hit)) {
      if (recordNumbers(line.json) === undefined) continue;
      const { puts = [], deletes = [], events = [], answer: logged } = JSON.parse(line.json.toString()) as LogRecord;
      for (const { collection, id } of [...puts, ...deletes]) victims.documents.add(`${collection}/${id}`);
      for (const { seq } of events) victims.seqs.add(seq);
      if (logged !== undefined) victims.answers.add(logged.key);
    }
  } else if (path.includes('/answers/')) {
    for (const line of scanRecords(bytes).lines.filter(hit)) {
      victims.answers.add((JSON.parse(line.json.toString()) as { key: string }).key);
    }
  } else if (path.endsWith('events.ndjson')) {
    let offset = 0;
    for (const line of bytes.toString('latin1').split('\n').slice(0, -1)) {
      const end = offset + line.length + 1;
      if (hit({ offset, end })) victims.seqs.add((JSON.parse(line) as { seq: number }).seq);
      offset = end;
    }
  } else if (!path.endsWith('checkpoint.json') && !path.endsWith('snapshot.ndjson')) {
    const [, kind, id] = /\/(tasks|sessions)\/(?:p\d\/)?(\w+)(?:\.json|\/)/.exec(path)!;
    victims.documents.add(`${kind}/${id}`);
  }
  return victims;
}

/** Everything that no victim is part of; a victim that can still be read may say anything. */
function others(model: StoreModel, victims: Victims, known: StoreModel = model): object {
  const events = (all: readonly string[]): string[] =>
    all.filter((event) => known.events.includes(event) && !victims.seqs.has((JSON.parse(event) as [number])[0]));
  return {
    documents: [...model.documents].filter(([name]) => !victims.documents.has(name)).sort(),
    events: events(model.events),
    sessions: [...model.sessions].map(([id, of]): [string, string[]] => [id, events(of)]).filter(([, of]) => of.length > 0).sort(),
    answers: [...model.answers].filter(([key]) => !victims.answers.has(key)).sort(),
  };
}

/** Opens the damaged home, goes on in it, opens it once more: twice the others must be as they were. */
async function hurtsOnlyItself(from: Home, mutation: Mutation): Promise<void> {
  const victims = victimsOf(from, mutation);
  const root = mutated(from.root, mutation);
  const next: Commit = { puts: [at('t9', 1)], events: [newEvent('next'), newEvent('of a session', 's9')], answer: answer('k9') };
  let model = from.model;
  for (const commit of [next, {}]) {
    const fs = new SimulatedFs(root);
    const store = await open(fs, from.snapshots);
    await store.checked();
    const head = store.head().seq;
    expect(head).toBeGreaterThanOrEqual(Math.max(...[...model.events.keys()].filter((key) => !victims.seqs.has(key + 1))) + 1);
    const seen = await observe(store, COLLECTIONS, everythingOf([model]), 'damaged');
    const [found, wanted] = [others(seen, victims, model), others(model, victims)];
    // Compared as text first: it is ten times faster, and a difference is still shown as one.
    if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted);
    for (const [id, of] of seen.sessions) expect(of.length).toBeLessThanOrEqual(model.sessions.get(id)!.length);
    if (commit === next) {
      const { events } = await store.commit(structuredClone(commit));
      expect(events.map(({ seq }) => seq)).toEqual([head + 1, head + 2]);
      model = { ...afterCommit({ ...model, events: [...model.events.slice(0, head), ...Array.from({ length: Math.max(0, head - model.events.length) }, () => '')] }, commit) };
    }
    await store.close();
    fs.halt();
  }
}

async function check(from: Home, mutation: Mutation, what: string): Promise<void> {
  try {
    await hurtsOnlyItself(from, mutation);
  } catch (error) {
    throw new Error(`${mutation.path}, ${what} (ORBITMESH_FAULT_SEED=${SEED}): ${(error as Error).stack}`, { cause: error });
  }
}

type Change = (bytes: Buffer, a: number, b: number, junk: Buffer) => Omit<Mutation, 'path'>;

/** Where a line begins, and where the next one does. */
function lineAt(bytes: Buffer, position: number): [number, number] {
  const start = position === 0 ? 0 : bytes.lastIndexOf(0x0a, position - 1) + 1;
  const feed = bytes.indexOf(0x0a, position);
  return [start, feed === -1 ? bytes.length : feed + 1];
}

function splice(bytes: Buffer, from: number, to: number, by: Buffer): Omit<Mutation, 'path'> {
  return { bytes: Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]), touched: [[from - 1, to + 1]] };
}

const CHANGES: Record<string, Change> = {
  'a bit flipped': (bytes, a, b) => splice(bytes, a, a + 1, Buffer.of(bytes[a] ^ (1 << (b % 8)))),
  'bytes overwritten': (bytes, a, _b, junk) => splice(bytes, a, Math.min(bytes.length, a + junk.length), junk),
  'bytes turned to zeros': (bytes, a, b) => splice(bytes, a, Math.min(bytes.length, a + (b % 200)), Buffer.alloc(Math.min(bytes.length - a, b % 200))),
  'bytes missing': (bytes, a, b) => splice(bytes, a, Math.min(bytes.length, a + (b % 200)), Buffer.alloc(0)),
  'bytes put in between': (bytes, a, _b, junk) => splice(bytes, a, a, junk),
  'the end missing': (bytes, a) => splice(bytes, a, bytes.length, Buffer.alloc(0)),
  'a line missing': (bytes, a) => ({ ...splice(bytes, ...lineAt(bytes, a), Buffer.alloc(0)), touched: [lineAt(bytes, a)] }),
  'a line repeated': (bytes, a, b) => {
    const line = bytes.subarray(...lineAt(bytes, a));
    const after = lineAt(bytes, Math.min(bytes.length - 1, a + (b % bytes.length)))[1];
    return { ...splice(bytes, after, after, line), touched: [] };
  },
};

const MUTATIONS = LONG ? 10_000 : 120;

describe(`a loader that is fed damage (seed ${SEED})`, () => {
  it('of a file that ends at any of its bytes does not fail, and nothing else is hurt', async () => {
    for (const from of [await home(), await home(true)]) for (const path of from.paths) {
      const bytes = from.files.get(path)!;
      // With a snapshot, that and what says whether it counts; the rest is as without.
      const everyByte = LONG && (!from.snapshots || /(snapshot.ndjson|checkpoint.json)$/.test(path));
      for (let end = 0; end < bytes.length; end += everyByte ? 1 : 127) await check(from, { path, ...CHANGES['the end missing'](bytes, end, 0, bytes) }, `cut at ${end}`);
    }
  }, 1_200_000);

  it("of a session's event with any other number does not fail, and hides no other", async () => {
    const from = await home();
    for (const path of from.paths.filter((one) => one.endsWith('/events.ndjson'))) {
      const bytes = from.files.get(path)!;
      for (const { index, 0: { length }, 1: number } of bytes.toString('latin1').matchAll(/"sessionSeq":(\d)/g)) {
        const digit = index + length - 1;
        for (const other of LONG ? '0123456789' : String((Number(number) + 1) % 10)) await check(from, { path, ...splice(bytes, digit, digit + 1, Buffer.from(other)) }, `${number} changed to ${other}`);
      }
    }
  }, 60_000);

  it.each([
    ['log and documents', false], ['snapshot, log and documents', true],
  ])(`of ${MUTATIONS / 2} random changes of %s does not fail, and nothing else is hurt`, async (_what, snapshots) => {
    const from = await home(snapshots);
    const one = fc.record({
      path: fc.constantFrom(...from.paths), change: fc.constantFrom(...Object.keys(CHANGES)),
      a: fc.nat(), b: fc.nat(), junk: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    });
    for (const { path, change, a, b, junk } of fc.sample(one, { seed: SEED, numRuns: MUTATIONS / 2 })) {
      const bytes = from.files.get(path)!;
      await check(from, { path, ...CHANGES[change](bytes, a % bytes.length, b, Buffer.from(junk)) }, `${change} at ${a % bytes.length} (${b})`);
    }
  }, 1_200_000);
});
