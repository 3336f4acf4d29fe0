import { describe, expect, it } from '@jest/globals';
import type { CollectionSpec, Commit } from '../commit.js';
import { LONG } from '../testing/faults.js';
import { CrashProof, type CrashProofOptions, type Step } from './crash-proof.js';

/** Covered in short elsewhere. */
const inFull = LONG ? it : it.skip;

const COLLECTIONS: CollectionSpec[] = [
  { name: 'tasks', schemaVersion: 1, path: (id, doc: { projectId: string }) => `tasks/${doc.projectId}/${id}.json` },
  { name: 'sessions', schemaVersion: 1, path: (id) => `sessions/${id}/session.json` },
];

const TIME = '2026-01-01T00:00:00.000Z';

function task(id: string, revision: number, projectId = 'p1'): NonNullable<Commit['puts']>[number] {
  return { collection: 'tasks', id, doc: { id, projectId, revision } };
}

function session(id: string, revision: number): NonNullable<Commit['puts']>[number] {
  return { collection: 'sessions', id, doc: { id, revision } };
}

function event(type: string, sessionId?: string): NonNullable<Commit['events']>[number] {
  return { type, timestamp: TIME, data: { of: type }, ...(sessionId === undefined ? {} : { sessionId }) };
}

function answer(key: string): Commit['answer'] {
  return { scope: 'scope', key, bodyHash: 'h', status: 201, body: { key } };
}

/**
 * Creates, changes, moves and deletes, alone and in one batch; checkpoints, full segments, a log that
 * is too long, a restart.
 */
const STEPS: Step[] = [
  { commits: [{ puts: [task('t1', 1)], events: [event('task:created')], answer: answer('k1') }] },
  { commits: [{ puts: [session('s1', 1)], events: [event('session:created', 's1')] }] },
  'flush',
  {
    commits: [
      { puts: [task('t1', 2), session('s1', 2)], events: [event('a', 's1'), event('b', 's1')] },
      { puts: [task('t2', 1)], events: [event('task:created')], answer: answer('k2') },
    ],
  },
  { commits: [{ puts: [task('t1', 3, 'p2')], deletes: [{ collection: 'tasks', id: 't2' }], events: [event('moved')] }] },
  'flush',
  { commits: [{ puts: [session('s2', 1)], events: [event('session:created', 's2'), event('c', 's1')] }] },
  { commits: [{ events: [event('d', 's1'), event('e', 's2')], answer: answer('k3') }] },
  'reopen',
  {
    commits: [
      { deletes: [{ collection: 'sessions', id: 's1' }], events: [event('session:deleted', 's1')] },
      { puts: [session('s2', 2)], events: [event('f', 's2')] },
    ],
  },
];

/** And on, in the long form: more at once, a document that moves and comes back, a killed process, the last document of a directory goes. */
const MORE_STEPS: Step[] = [
  ...STEPS,
  'flush',
  {
    commits: [
      { puts: [task('t1', 4, 'p1'), task('t3', 1, 'p2')], events: [event('g', 's2')], answer: answer('k4') },
      { puts: [session('s3', 1)], events: [event('session:created', 's3')] },
      { puts: [task('t3', 2, 'p1')], events: [event('h', 's3')], answer: answer('k5') },
    ],
  },
  {
    commits: [
      { deletes: [{ collection: 'sessions', id: 's2' }, { collection: 'tasks', id: 't1' }], events: [event('i', 's2')] },
      { puts: [session('s3', 2)] },
    ],
  },
  'kill',
  { commits: [{ puts: [task('t3', 3, 'p2'), task('t4', 1)], events: [event('j', 's3'), event('k')] }] },
  { commits: [{ deletes: [{ collection: 'tasks', id: 't4' }], events: [event('l', 's3')], answer: answer('k6') }] },
];
/** Without the restart and the compaction: small enough for a second crash in every recovery. */
const FEW_STEPS: Step[] = [
  { commits: [{ puts: [session('s1', 1)], events: [event('session:created', 's1')], answer: answer('k1') }] },
  'flush',
  {
    commits: [
      { puts: [task('t1', 1), session('s1', 2)], events: [event('a', 's1')] },
      { deletes: [{ collection: 'tasks', id: 't1' }], events: [event('b', 's1')], answer: answer('k2') },
    ],
  },
];

function withoutAnswers(step: Step): Step {
  return typeof step === 'object' && 'commits' in step ? { commits: step.commits.map(({ answer: _answer, ...commit }) => commit) } : step;
}

/** A sync fails; the process dies, but not the machine; then the machine, too. */
const FAILED_SYNC: Step[] = [
  { commits: [{ puts: [task('t1', 1)], events: [event('a', 's1')], answer: answer('k1') }] },
  { rejected: { puts: [task('t1', 2)], events: [event('never', 's1')], answer: answer('k2') } },
  'kill',
  { commits: [{ events: [event('c')] }] },
];
const KILLED: Step[] = [
  { commits: [{ puts: [task('t1', 1)], events: [event('a', 's1')], answer: answer('k1') }] },
  'kill',
  { killedBeforeSync: { puts: [task('t1', 2)], events: [event('b', 's1')], answer: answer('k2') } },
  { commits: [{ deletes: [{ collection: 'tasks', id: 't1' }], events: [event('c', 's1')] }] },
];

const LIMITS = { segmentBytesMax: 700, logBytesMax: 1_500, writesInFlightMax: 3, retryDelayMs: 1 };

/** One with every checkpoint, and used by every start. */
const SNAPSHOTS = { ...LIMITS, snapshotDocumentsMin: 1, snapshotLogBytesMin: 1 };

function prove(options: Partial<CrashProofOptions> = {}): ReturnType<CrashProof['run']> {
  return new CrashProof({ collections: COLLECTIONS, steps: STEPS, limits: LIMITS, ...options }).run();
}

describe('every state that a crash may leave', () => {
  it('shows all acknowledged commits, and the others wholly or not at all', async () => {
    const { points, states, violations } = await prove();

    expect(violations.slice(0, 3)).toEqual([]);
    expect(points).toBeGreaterThan(150);
    expect(states).toBeGreaterThan(1_000);
  }, 60_000);

  it('does so too when the recovery itself crashes, wherever it does', async () => {
    const { states, violations } = await prove({ steps: FEW_STEPS, crashRecoveries: 1 });

    expect(violations.slice(0, 3)).toEqual([]);
    expect(states).toBeGreaterThan(400);
  }, 60_000);

  it('does so when every recovery crashes again, and so on, until there is no state that is new', async () => {
    // Without answers: each start that has no checkpoint begins a segment of them, so their numbers have no end.
    const steps = (LONG ? MORE_STEPS : FEW_STEPS).map(withoutAnswers);
    const { points, states, violations } = await prove({ steps, crashRecoveries: Infinity });

    console.info(`${states} states that a crash may leave, to closure, from ${points} points`);
    expect(violations.slice(0, 3)).toEqual([]);
    expect(states).toBeGreaterThan(LONG ? 8_000 : 200);
  }, 600_000);

  it.each([
    ['a sync failed: what was rejected never comes back', FAILED_SYNC],
    ['a killed process left what was not on the disk: what the next one showed stays', KILLED],
  ])('does so when %s', async (_, steps) => {
    const { states, violations } = await prove({ steps });

    expect(violations.slice(0, 3)).toEqual([]);
    expect(states).toBeGreaterThan(300);
  }, 60_000);

  it('does so when it starts from snapshots of its documents', async () => {
    const { states, violations } = await prove({ steps: LONG ? STEPS : FEW_STEPS, limits: SNAPSHOTS, crashRecoveries: LONG ? 0 : 1 });

    expect(violations.slice(0, 3)).toEqual([]);
    expect(states).toBeGreaterThan(400);
  }, 600_000);

  inFull('does so with writes that take half and claim all', async () => {
    const { violations } = await prove({ faults: { shortWriteEvery: 3 } });

    expect(violations.slice(0, 3)).toEqual([]);
  }, 60_000);
});

describe('the proof is awake: it finds a violation', () => {
  it.each([
    ['any file', /./],
    ['a segment of the log', /^\/store\/log\/\d+\.ndjson$/],
    ['a document', /\/tasks\/.*\.om-tmp$/],
    ['the checkpoint', /checkpoint\.json.*\.om-tmp$/],
    ["a session's file of events", /events\.ndjson$/],
    ['a segment of answers', /\/answers\//],
  ])('when %s is not synced', async (_, withoutFileSync) => {
    const { violations } = await prove({ faults: { withoutFileSync }, first: true });

    expect(violations.length).toBeGreaterThan(0);
  }, 60_000);

  it.each([
    ['any directory', /./],
    ['the directory of the log', /\/log$/],
    ['a directory of documents', /\/tasks\/p1$/],
    ['the directory above it', /\/tasks$/],
    ['the directory of the answers', /\/answers$/],
    ['the directory of the sessions', /\/sessions$/],
  ])('when %s is not synced', async (_, withoutDirectorySync) => {
    const { violations } = await prove({ faults: { withoutDirectorySync }, first: true });

    expect(violations.length).toBeGreaterThan(0);
  }, 60_000);

  it('when the size of a file is not checked and a write was short', async () => {
    const { violations } = await prove({ faults: { shortWriteEvery: 3, withoutSizeCheck: true }, first: true });

    expect(violations.length).toBeGreaterThan(0);
  }, 60_000);
});
