import { RETRY_DELAYS_MS, RETRY_JITTER } from '../limits.js';

/** When a delivery that failed is tried again. */
export class RetrySchedule {
  /** @param random from 0 to 1 */
  constructor(private readonly delaysMs: readonly number[] = RETRY_DELAYS_MS, private readonly random: () => number = Math.random) {}

  /** ms to wait after that many failed attempts; null: that was the last one. */
  delayAfter(failed: number): number | null {
    const delay = this.delaysMs[failed - 1];
    return delay === undefined ? null : Math.round(delay * (1 + RETRY_JITTER * (2 * this.random() - 1)));
  }
}
