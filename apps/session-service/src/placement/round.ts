import type { Fleet } from './fleet.js';
import type { Waiting } from './reasons.js';
import type { Waiter } from './waiter.js';

export interface Round {
  placed: { id: string; runnerId: string }[];
  /** Why the others wait, by their ids. */
  waiting: ReadonlyMap<string, Waiting>;
}

/**
 * Gives each that waits its runner, in their order: nobody takes a place that somebody before it could have (ADR-0034).
 *
 * @param queue in the order of their turns
 * @param most how many are placed; what comes after them is for the next round
 */
export function placeInOrder(queue: Iterable<Waiter>, fleet: Fleet, most: number): Round {
  const placed: Round['placed'] = [];
  const waiting = new Map<string, Waiting>();
  for (const waiter of queue) {
    const chosen = fleet.choose(waiter);
    if ('reason' in chosen) {
      waiting.set(waiter.id, chosen);
      continue;
    }
    fleet.take(waiter, chosen);
    placed.push({ id: waiter.id, runnerId: chosen.runnerId });
    if (placed.length >= most) break;
  }
  return { placed, waiting };
}
