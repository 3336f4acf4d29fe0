import { describe, expect, it } from '@jest/globals';
import { LONG } from '../testing/faults.js';
import { askedOf, CrashProof, type CrashProofResult, type Step } from './crash-proof.js';
import { answer, COLLECTIONS, event, sequences, session, task } from './kinds.js';
import type { RecoveriesOptions } from './recoveries.js';

/** Covered in short elsewhere. */
const inFull = LONG ? it : it.skip;

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

const LIMITS = { snapshotDocumentsMin: Infinity, segmentBytesMax: 700, logBytesMax: 1_500, writesInFlightMax: 3, retryDelayMs: 1 };
/** Every batch in a new segment; every commit begins a checkpoint, and each compacts the log; every answer in a new segment, and the one before the last goes. */
const TIGHT = { ...LIMITS, segmentBytesMax: 1, logBytesMax: 1, answerSegmentBytesMax: 1, answersMax: 2, checkpointCommitsMax: 1 };

async function prove(options: Partial<RecoveriesOptions> = {}, ...runs: Step[][]): Promise<CrashProofResult> {
  const proof = new CrashProof({ collections: COLLECTIONS, asked: askedOf(runs), limits: LIMITS, ...options });
  // All that the steps before the last one may leave is left by a shorter sequence too.
  for (const steps of runs) await proof.run(steps, runs.length > 1 ? steps.length - 1 : 0);
  return proof.result;
}

/** What the disk has no room for is refused, ends are taken out of the reserve, a killed process leaves it not whole, and there is room again. */
const FULL_DISK: Step[] = [
  { commits: [{ puts: [task('t1', 1), session('s1', 1)], events: [event('a', 's1')], answer: answer('k1') }] },
  'room',
  { noRoomFor: { puts: [task('t1', 2)], answer: answer('k2') } },
  { commits: [{ deletes: [{ collection: 'tasks', id: 't1' }], events: [event('b', 's1')], essential: true }] },
  { noRoomFor: { puts: [task('t1', 2)], essential: true } },
  'kill',
  { commits: [{ deletes: [{ collection: 'sessions', id: 's1' }], events: [event('c', 's1')], essential: true }] },
  'room',
  { commits: [{ puts: [task('t2', 1)], answer: answer('k3') }] },
];
const RESERVE = { ...LIMITS, reserveBytes: 8, reservePortions: 2, reserveLookMs: 1 };

/** Written with every checkpoint, and used by every start. A store that was killed is only left lying, and its look at the files waits for writes that never end: thousands of them that ask often would keep a core busy. */
const SNAPSHOTS = { ...TIGHT, logBytesMax: 1e6, snapshotDocumentsMin: 1, snapshotLogBytesMin: 1, checkSliceMs: Infinity, checkPauseMs: 1_000 };

const BOUNDS: [string, RecoveriesOptions['limits']][] = [
  ['as much as there may be', LIMITS],
  ['as little as there may be', TIGHT],
  ['snapshots, which the starts read', SNAPSHOTS],
];

/** Their segments would get ever new numbers. */
function withoutAnswers(step: Step): Step {
  return typeof step === 'object' && 'commits' in step ? { commits: step.commits.map(({ answer: _answer, ...commit }) => commit) } : step;
}

function upTo(length: number): Step[][] {
  return Array.from({ length }, (_, shorter) => [...sequences(shorter + 1)]).flat();
}

function tell({ violations: _, ...counts }: CrashProofResult): void {
  console.info(`crash states: ${JSON.stringify(counts)}`);
}

describe('every state that a crash may leave', () => {
  inFull.each(BOUNDS)('shows all acknowledged commits, and the others wholly or not at all, after every sequence of three of every kind, with %s', async (_, limits) => {
    const found = await prove({ limits }, ...upTo(3));

    tell(found);
    expect(found.violations.slice(0, 3)).toEqual([]);
    expect(found.states).toBeGreaterThan(25_000);
  }, 900_000);

  it('does so too when every recovery crashes again, and so on, until there is no state that is new', async () => {
    const found = await prove({ limits: TIGHT, crashAgain: { answerSegmentMax: LONG ? 2 : 1 } }, ...upTo(LONG ? 2 : 1));

    tell(found);
    expect(found.violations.slice(0, 3)).toEqual([]);
    expect(found.states).toBeGreaterThan(LONG ? 25_000 : 500);
  }, 900_000);

  inFull('does so after a long run, every recovery of which crashes again', async () => {
    const found = await prove({ crashAgain: { answerSegmentMax: 0 } }, MORE_STEPS.map(withoutAnswers));

    tell(found);
    expect(found.violations.slice(0, 3)).toEqual([]);
    expect(found.states).toBeGreaterThan(8_000);
  }, 600_000);

  it.each([
    ...(LONG ? [['a long run: checkpoints, full segments, a log that is too long, a restart', STEPS, {}] as [string, Step[], object]] : []),
    ['a sync failed: what was rejected never comes back', FAILED_SYNC, {}],
    ['a killed process left what was not on the disk: what the next one showed stays', KILLED, {}],
    ['starts from snapshots', STEPS, { limits: SNAPSHOTS }],
    ['a full disk: the reserve is given back and made again', FULL_DISK, { limits: RESERVE, faults: { tellsRoom: true }, ...(LONG ? { crashAgain: { answerSegmentMax: 1 } } : {}) }],
  ])('does so after %s', async (_, steps, options) => {
    const found = await prove(options, steps);

    tell(found);
    expect(found.violations.slice(0, 3)).toEqual([]);
    expect(found.states).toBeGreaterThan(100);
  }, 120_000);

  inFull('does so with writes that take half and claim all', async () => {
    const { violations } = await prove({ faults: { shortWriteEvery: 3 } }, STEPS);

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
    const { violations } = await prove({ faults: { withoutFileSync }, first: true }, STEPS);

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
    const { violations } = await prove({ faults: { withoutDirectorySync }, first: true }, STEPS);

    expect(violations.length).toBeGreaterThan(0);
  }, 60_000);

  it('when the size of a file is not checked and a write was short', async () => {
    const { violations } = await prove({ faults: { shortWriteEvery: 3, withoutSizeCheck: true }, first: true }, STEPS);

    expect(violations.length).toBeGreaterThan(0);
  }, 60_000);
});
