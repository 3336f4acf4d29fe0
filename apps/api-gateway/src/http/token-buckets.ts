import { RATE_BURST_SECONDS, RATES_KEPT_MAX } from '../limits.js';

interface Bucket { left: number; at: number }

/** A rate for each of many callers: so many a second, and up to ten seconds' worth at once after a silence. */
export class TokenBuckets {
  /** In the order in which they were last asked for. */
  private readonly buckets = new Map<string, Bucket>();
  private readonly full: number;

  /** @param perSecond 0: no bound @param now in ms, going up alone */
  constructor(private readonly perSecond: number, private readonly now: () => number = () => performance.now()) {
    this.full = perSecond * RATE_BURST_SECONDS;
  }

  /** False when there is nothing left for `key` at the moment; in a second there is. */
  take(key: string): boolean {
    if (this.perSecond === 0) return true;
    const now = this.now();
    const known = this.buckets.get(key);
    const left = known ? Math.min(this.full, known.left + (now - known.at) / 1_000 * this.perSecond) : this.full;
    const enough = left >= 1;
    this.buckets.delete(key);
    this.buckets.set(key, { left: enough ? left - 1 : left, at: now });
    if (this.buckets.size > RATES_KEPT_MAX) this.forgetOldest();
    return enough;
  }

  get size(): number {
    return this.buckets.size;
  }

  private forgetOldest(): void {
    const oldest = this.buckets.keys().next();
    if (!oldest.done) this.buckets.delete(oldest.value);
  }
}
