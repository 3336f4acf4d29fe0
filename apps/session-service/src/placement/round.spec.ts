import { describe, expect, it } from '@jest/globals';
import type { RunnerLabels } from '@orbitmesh/domain';
import { Fleet, type FleetState, type Refusal, type RunnerRoom } from './fleet.js';
import { placeInOrder, type Round } from './round.js';
import { byTurn, type Waiter } from './waiter.js';

const room = (runnerId: string, more: Partial<RunnerRoom> = {}): RunnerRoom => ({
  runnerId, labels: {}, draining: false, problem: null, providers: new Map([['demo', { installed: true, detail: null }]]), roots: null, unlooked: [], capacity: 4, load: 0, starts: Infinity, ...more,
});
const waiter = (id: string, { labels = {}, ...more }: Partial<Omit<Waiter, 'labels'>> & { labels?: RunnerLabels } = {}): Waiter => {
  const one = { id, priority: 0, projectId: 'proj_1', providerType: 'demo', labels: Object.entries(labels), workingDir: '/w/a', keeper: null, ...more };
  return { ...one, kind: JSON.stringify([one.providerType, one.keeper, one.labels]) };
};

interface Given { silent?: number; refusals?: Record<string, Refusal[]>; most?: number }

function round(queue: Waiter[], rooms: RunnerRoom[], { refusals = {}, most = 64, silent = 0 }: Given = {}): Round {
  const state: FleetState = { rooms, silent, refusalsOf: (id) => refusals[id] ?? [], projectLoad: () => ({ running: 0, max: null }) };
  return placeInOrder([...queue].sort(byTurn), new Fleet(state), most);
}
const places = ({ placed }: Round): string[] => placed.map(({ id, runnerId }) => `${id}:${runnerId}`);
const reasonFor = (one: Waiter, rooms: RunnerRoom[]): string | undefined => round([one], rooms).waiting.get(one.id)?.reason;

describe('a round of placements', () => {
  it('takes the runner with the smallest share of its capacity taken', () => {
    const rooms = [room('big', { capacity: 8, load: 3 }), room('small', { capacity: 2, load: 1 }), room('idle', { capacity: 1 })];
    expect(places(round(['s1', 's2', 's3', 's4'].map((id) => waiter(id)), rooms))).toEqual(['s1:idle', 's2:big', 's3:big', 's4:small']);
  });

  it('goes by priority, then by age', () => {
    const queue = [waiter('s1'), waiter('s2', { priority: 5 }), waiter('s3', { priority: -1 }), waiter('s4', { priority: 5 })];
    expect(places(round(queue, [room('r', { capacity: 3 })]))).toEqual(['s2:r', 's4:r', 's1:r']);
  });

  it('gives what an older one could take to nobody younger, and what it could not, at once', () => {
    const rooms = [room('gpu', { labels: { gpu: 'yes' }, capacity: 1 }), room('cpu', { capacity: 1, load: 1 })];
    const queue = [waiter('s1', { labels: { gpu: 'yes' } }), waiter('s2'), waiter('s3', { labels: { gpu: 'yes' } })];
    expect(places(round(queue, rooms))).toEqual(['s1:gpu']);
    expect(places(round(queue.slice(1), rooms.map((one) => ({ ...one, load: one.runnerId === 'gpu' ? 1 : 0 }))))).toEqual(['s2:cpu']);
  });

  it('starts no more agents at once on a runner than it says', () => {
    const queue = ['s1', 's2', 's3', 's4'].map((id) => waiter(id));
    const { placed, waiting } = round(queue, [room('a', { starts: 1 }), room('b', { starts: 1 })]);
    expect(placed).toHaveLength(2);
    expect([...waiting]).toEqual(['s3', 's4'].map((id) => [id, { reason: 'other agents are being started; its turn comes', soon: true }]));
  });

  it('places so many and no more; the others have not been judged', () => {
    const { placed, waiting } = round(['s1', 's2', 's3'].map((id) => waiter(id)), [room('a')], { most: 2 });
    expect([placed.length, waiting.size]).toEqual([2, 0]);
  });

  it('runs of a project no more at once than it may, and others beside it', () => {
    const queue = [waiter('s1'), waiter('s2'), waiter('s3', { projectId: 'proj_2' })];
    const state: FleetState = {
      rooms: [room('a', { capacity: 9 })], silent: 0, refusalsOf: () => [],
      projectLoad: (id) => (id === 'proj_1' ? { running: 1, max: 2 } : { running: 7, max: null }),
    };
    const { placed, waiting } = placeInOrder(queue, new Fleet(state), 64);
    expect(placed.map(({ id }) => id)).toEqual(['s1', 's3']);
    expect([...waiting]).toEqual([['s2', { reason: 'its project runs 2 of 2' }]]);
  });

  it.each<[string, RunnerRoom[], Parameters<typeof waiter>[1], string]>([
    ['nobody is there', [], {}, 'no runner is connected'],
    ['none has its labels', [room('a', { labels: { gpu: 'no' } })], { labels: { gpu: 'yes', disk: 'ssd' } }, 'no connected runner has the labels gpu=yes,disk=ssd'],
    ['all are drained', [room('a', { draining: true })], {}, 'every capable runner is being drained'],
    ['none knows its provider', [room('a', { providers: new Map() })], {}, 'no runner knows the provider demo'],
    ['its provider is nowhere', [room('a', { providers: new Map([['demo', { installed: false, detail: 'not in PATH' }]]) })], {}, 'the provider demo is installed on no runner: not in PATH'],
    ['a disk is full', [room('a', { problem: 'its disk is full' })], {}, 'no capable runner can start anything now: its disk is full'],
    ['none has its directory', [room('a', { roots: ['/x', '/w/ab'] })], {}, 'no capable runner has the directory /w/a'],
    ['all are full', [room('a', { capacity: 0 }), room('b', { draining: true })], {}, 'every capable runner is at its capacity'],
    ['its conversation is elsewhere', [room('a')], { keeper: 'b' }, 'its conversation is on the runner b, which is not connected'],
    ['the one with its conversation is full', [room('a'), room('b', { capacity: 1, load: 1 })], { keeper: 'b' }, 'its conversation is on the runner b, which is at its capacity'],
  ])('says why, where %s', (_what, rooms, more, reason) => {
    expect(reasonFor(waiter('s1', more), rooms)).toBe(reason);
  });

  it('has a session in a directory of a runner where that runner says which it has', () => {
    expect(places(round([waiter('s1'), waiter('s2', { workingDir: '/w/b' })], [room('a', { roots: ['/w/a'] }), room('any', { load: 3 })]))).toEqual(['s1:a', 's2:any']);
  });

  it('passes nobody over because of what another was refused, or of its directory', () => {
    const rooms = [room('a', { roots: ['/w/b'] })];
    expect(places(round([waiter('s1'), waiter('s2', { workingDir: '/w/b/c' })], rooms))).toEqual(['s2:a']);
    const refused = round([waiter('s1'), waiter('s2')], [room('a')], { refusals: { s1: [{ runnerId: 'a', directory: null }] } });
    expect(places(refused)).toEqual(['s2:a']);
    expect(refused.waiting.get('s1')).toEqual({ reason: 'every capable runner refused for now' });
  });

  it('ends what all that could take it cannot work for, unless one may come back that can', () => {
    const refusals = { s1: [{ runnerId: 'a', directory: '/w/a does not exist.' }] };
    const only = [room('a'), room('b', { draining: true })];
    const reason = 'no capable runner can work in its directory: /w/a does not exist.';
    expect(round([waiter('s1')], only, { refusals }).waiting.get('s1')).toEqual({ reason, never: true });
    for (const passing of [{ problem: 'its disk is full' }, { providers: new Map([['demo', { installed: false, detail: null }]]), unlooked: ['demo'] }]) {
      expect(round([waiter('s1')], [...only, room('c', passing)], { refusals }).waiting.get('s1')).toEqual({ reason });
    }
    expect(round([waiter('s1')], only, { refusals, silent: 1 }).waiting.get('s1')).toEqual({ reason });
    expect(places(round([waiter('s1')], [...only, room('c')], { refusals }))).toEqual(['s1:c']);
    expect(round([waiter('s1')], [...only, room('c', { capacity: 0 })], { refusals }).waiting.get('s1')).toEqual({ reason: 'every capable runner is at its capacity' });
  });
});
