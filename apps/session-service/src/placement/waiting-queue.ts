import { byTurn, type Waiter } from './waiter.js';

/** All that wait for their first runner, in the order of their turns. */
export class WaitingQueue {
  private readonly waiters = new Map<string, Waiter>();
  private readonly order: Waiter[] = [];

  get size(): number {
    return this.order.length;
  }

  /** Not to be kept over an await. */
  inOrder(): readonly Waiter[] {
    return this.order;
  }

  get(id: string): Waiter | undefined {
    return this.waiters.get(id);
  }

  add(waiter: Waiter): void {
    this.remove(waiter.id);
    this.waiters.set(waiter.id, waiter);
    this.order.splice(this.positionOf(waiter), 0, waiter);
  }

  remove(id: string): void {
    const waiter = this.waiters.get(id);
    if (!waiter) return;
    this.waiters.delete(id);
    this.order.splice(this.positionOf(waiter), 1);
  }

  /** Where it is, or belongs. */
  private positionOf(waiter: Waiter): number {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byTurn(this.order[middle], waiter) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
