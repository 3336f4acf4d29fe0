import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.js';
import { Grace } from './grace.js';

describe('a wall clock that was set', () => {
  it.each([['at a look', (grace: Grace) => void grace.observe()], ['by a reconnect that comes before the next look', (grace: Grace) => grace.restart()]])('is noticed %s, and once', (_when, notice) => {
    const clock = new FakeClock();
    const grace = new Grace(clock);
    clock.advance(1_000);
    grace.observe();
    expect(grace.clockSetAt).toBe(0);

    const ahead = clock.wall() + 3_600_000;
    clock.setWall(ahead);
    notice(grace);
    expect(grace).toMatchObject({ clockSetAt: ahead, since: ahead, sinceMonotonic: clock.monotonic() });

    clock.advance(1_000);
    expect(grace.observe()).toBe(false);
    expect(grace.clockSetAt).toBe(ahead);
  });
});
