import { beforeEach, describe, expect, it } from '@jest/globals';
import { RATE_BURST_SECONDS, RATES_KEPT_MAX } from '../limits.js';
import { TokenBuckets } from './token-buckets.js';

describe('a rate', () => {
  let now: number;
  let buckets: TokenBuckets;
  beforeEach(() => {
    now = 1_000;
    buckets = new TokenBuckets(5, () => now);
  });
  const taken = (key: string, times: number) => Array.from({ length: times }, () => buckets.take(key)).filter(Boolean).length;

  it('lets ten seconds\' worth through at once, and then as much as it says', () => {
    expect(taken('a', 100)).toBe(5 * RATE_BURST_SECONDS);
    now += 1_000;
    expect(taken('a', 100)).toBe(5);
    now += 100;
    expect(taken('a', 100)).toBe(0);
    now += 3_600_000;
    expect(taken('a', 100)).toBe(5 * RATE_BURST_SECONDS);
  });

  it('is one caller\'s own', () => {
    taken('a', 100);

    expect(taken('b', 1)).toBe(1);
  });

  it('is no bound when it is 0', () => {
    buckets = new TokenBuckets(0, () => now);

    expect(taken('a', 10_000)).toBe(10_000);
    expect(buckets.size).toBe(0);
  });

  it('remembers a bounded number of callers, and forgets whom it has not heard for longest', () => {
    taken('a', 100);
    taken('b', 100);
    for (let n = 0; n < RATES_KEPT_MAX - 1; n++) buckets.take(`other-${n}`);

    expect(buckets.size).toBe(RATES_KEPT_MAX);
    expect(taken('b', 1)).toBe(0);
    expect(taken('a', 1)).toBe(1);
  });
});
