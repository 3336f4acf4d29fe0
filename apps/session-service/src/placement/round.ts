import type { Fleet } from './fleet.js';
import type { Waiting } from './reasons.js';
import type { Waiter } from './waiter.js';

export interface Round {
  placed: { id: string; runnerId: string }[];
  /** Why the others wait: those of a line, and single ones. */
  lines: ReadonlyMap<string, Waiting>;
  single: ReadonlyMap<string, Waiting>;
}

/**
 * Gives each that waits its runner, in their order: nobody takes a place that somebody before it could have (ADR-0034).
 *
 * @param queue in the order of their turns
 * @param most how many are placed; what comes after them is for the next round
 */
export function placeInOrder(queue: Iterable<Waiter>, fleet: Fleet, most: number): Round {
  const placed: Round['placed'] = [];
  const lines = new Map<string, Waiting>();
  const single = new Map<string, Waiting>();
  for (const waiter of queue) {
    if (lines.has(waiter.line)) continue;
    const choice = fleet.choose(waiter);
    if (choice.room === null) {
      if (choice.line) lines.set(waiter.line, choice.waiting);
      else single.set(waiter.id, choice.waiting);
      continue;
    }
    fleet.take(waiter, choice.room);
    placed.push({ id: waiter.id, runnerId: choice.room.runnerId });
    if (placed.length >= most) break;
  }
  return { placed, lines, single };
}
