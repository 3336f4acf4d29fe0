import { describe, expect, it } from '@jest/globals';
import { LONG } from '@orbitmesh/testing';
import fc from 'fast-check';
import { Fleet, type FleetState, type Refusal, type RunnerRoom } from './fleet.js';
import { placeInOrder } from './round.js';
import { byTurn, type Waiter } from './waiter.js';

const RUNS = { numRuns: LONG ? 2_000 : 150 };
const RUNNERS = ['r0', 'r1', 'r2', 'r3', 'r4'];
const PROJECTS = ['proj_a', 'proj_b'];
const DIRECTORIES = ['/w/a', '/w/b', '/w/a/c'];
const labels = fc.dictionary(fc.constantFrom('gpu', 'zone'), fc.constantFrom('x', 'y'), { maxKeys: 2 });

const room = fc.record({
  labels, draining: fc.boolean(), installed: fc.boolean(), problem: fc.option(fc.constant('broken'), { freq: 4 }), roots: fc.option(fc.subarray(DIRECTORIES), { freq: 2 }),
  capacity: fc.integer({ min: 0, max: 6 }), load: fc.integer({ min: 0, max: 4 }), starts: fc.constantFrom(0, 1, 2, Infinity),
});
const waiter = fc.record({
  priority: fc.integer({ min: -1, max: 1 }), projectId: fc.constantFrom(...PROJECTS), workingDir: fc.constantFrom(...DIRECTORIES), labels,
  keeper: fc.option(fc.constantFrom(...RUNNERS), { freq: 5 }),
  refusals: fc.array(fc.record({ runnerId: fc.constantFrom(...RUNNERS), directory: fc.option(fc.constant('is not there')) }), { maxLength: 2 }),
});
const world = fc.record({
  rooms: fc.array(room, { maxLength: RUNNERS.length }), waiters: fc.array(waiter, { maxLength: 30 }), silent: fc.integer({ min: 0, max: 1 }),
  max: fc.record({ proj_a: fc.option(fc.integer({ min: 1, max: 5 })), proj_b: fc.constant(null) }), running: fc.integer({ min: 0, max: 2 }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

interface Given { rooms: RunnerRoom[]; queue: Waiter[]; refusals: Map<string, Refusal[]>; state: FleetState }

/** Made anew for each that changes it. */
function given({ rooms, waiters, silent, max, running }: World): Given {
  const refusals = new Map(waiters.map(({ refusals: all }, n) => [`s${String(n).padStart(2, '0')}`, all]));
  const queue = waiters.map((one, n): Waiter => (
    { ...one, labels: Object.entries(one.labels), id: `s${String(n).padStart(2, '0')}`, providerType: 'demo', kind: JSON.stringify([one.keeper, Object.entries(one.labels).sort()]) }
  )).sort(byTurn);
  const made = rooms.map(({ installed, ...one }, n): RunnerRoom => ({ ...one, runnerId: RUNNERS[n], unlooked: [], providers: new Map([['demo', { installed, detail: null }]]) }));
  const projectLoad: FleetState['projectLoad'] = (id) => ({ running, max: max[id as keyof typeof max] });
  return { rooms: made, queue, refusals, state: { rooms: made, silent, refusalsOf: (id) => refusals.get(id)!, projectLoad } };
}

/** In other words than the code that is tested. */
function fits(one: Waiter, { runnerId, draining, problem, providers, roots, labels: has }: RunnerRoom, refusals: readonly Refusal[]): boolean {
  return !draining && problem === null && providers.get('demo')!.installed && (one.keeper ?? runnerId) === runnerId
    && one.labels.every(([name, value]) => has[name] === value)
    && (roots?.some((root) => `${one.workingDir}/`.startsWith(`${root}/`)) ?? true) && refusals.every((refusal) => refusal.runnerId !== runnerId);
}

/** Each alone, in order, everything looked at each time. */
function oneByOne({ rooms, queue, refusals, state }: Given): string[] {
  const running = new Map(PROJECTS.map((id) => [id, state.projectLoad(id)]));
  return queue.flatMap((one) => {
    const project = running.get(one.projectId)!;
    if (project.max !== null && project.running >= project.max) return [];
    const [best] = rooms.filter((each) => fits(one, each, refusals.get(one.id)!) && each.load < each.capacity && each.starts > 0)
      .sort((a, b) => a.load / a.capacity - b.load / b.capacity || (a.runnerId < b.runnerId ? -1 : 1));
    if (!best) return [];
    best.load += 1;
    best.starts -= 1;
    project.running += 1;
    return [`${one.id}:${best.runnerId}`];
  });
}

describe('any round of placements', () => {
  it('gives each the least loaded runner that can take it, in order, as if each was looked at alone', () => {
    fc.assert(fc.property(world, (all) => {
      const { queue, state } = given(all);
      const { placed } = placeInOrder(queue, new Fleet(state), Infinity);
      expect(placed.map(({ id, runnerId }) => `${id}:${runnerId}`)).toEqual(oneByOne(given(all)));
    }), RUNS);
  });

  it('never gives a runner more than it takes, nor a session two, and says of every other why it waits', () => {
    fc.assert(fc.property(world, (all) => {
      const { queue, state, refusals } = given(all);
      const { placed, waiting } = placeInOrder(queue, new Fleet(state), Infinity);
      expect(new Set(placed.map(({ id }) => id)).size).toBe(placed.length);
      for (const before of given(all).rooms) {
        const got = placed.filter(({ runnerId }) => runnerId === before.runnerId);
        expect(got.length).toBeLessThanOrEqual(Math.max(0, Math.min(before.starts, before.capacity - before.load)));
        for (const { id } of got) expect(fits(queue.find((one) => one.id === id)!, before, refusals.get(id)!)).toBe(true);
      }
      expect([...placed.map(({ id }) => id), ...waiting.keys()].sort()).toEqual(queue.map(({ id }) => id).sort());
    }), RUNS);
  });

  it('goes on in the next round where it stopped in the one before', () => {
    fc.assert(fc.property(world, fc.integer({ min: 1, max: 5 }), (all, most) => {
      const { queue, state } = given(all);
      const running = new Map<string, number>();
      const load: FleetState['projectLoad'] = (id) => ({ running: state.projectLoad(id).running + (running.get(id) ?? 0), max: state.projectLoad(id).max });
      const found: string[] = [];
      for (let left = queue; ;) {
        const { placed } = placeInOrder(left, new Fleet({ ...state, projectLoad: load }), most);
        if (placed.length === 0) break;
        for (const { id, runnerId } of placed) {
          const { projectId } = queue.find((one) => one.id === id)!;
          running.set(projectId, (running.get(projectId) ?? 0) + 1);
          found.push(`${id}:${runnerId}`);
        }
        left = left.filter(({ id }) => placed.every((one) => one.id !== id));
      }
      expect(found).toEqual(oneByOne(given(all)));
    }), RUNS);
  });
});
