import { Injectable } from '@nestjs/common';
import { WAKE_UP_GAP_MS } from '../limits.js';
import { Clock } from './clock.js';

/**
 * Since when silence means something (design §7): our own start, the last reconnect, the last wake-up.
 * Leases count from there at the earliest, and no time that has run out is acted upon before a lease has passed
 * since: time in which nobody could have reached us never ends a session, and what was said meanwhile arrives first.
 */
@Injectable()
export class Grace {
  /** Wall ms. */
  since: number;
  /** Monotonic ms. */
  sinceMonotonic: number;
  /** When the wall clock last went its own way (it was set, or the machine slept), wall ms; 0: never in this life of ours. What was written before says little of how long ago it was. */
  clockSetAt = 0;
  private lastWall: number;
  private lastMonotonic: number;

  constructor(private readonly clock: Clock) {
    this.since = this.lastWall = clock.wall();
    this.sinceMonotonic = this.lastMonotonic = clock.monotonic();
  }

  /** A clock that was set since the last look is noticed here, too: the next look would not see it any more. */
  restart(): void {
    this.observe();
    this.since = this.lastWall;
    this.sinceMonotonic = this.lastMonotonic;
  }

  /**
   * To be called at every tick, before anything is decided from time. A late tick, or a wall clock that
   * jumped, starts everything over. Returns true when it did.
   */
  observe(): boolean {
    const wall = this.clock.wall();
    const monotonic = this.clock.monotonic();
    const slept = monotonic - this.lastMonotonic;
    const set = Math.abs(wall - this.lastWall - slept) > WAKE_UP_GAP_MS;
    this.lastWall = wall;
    this.lastMonotonic = monotonic;
    if (!set && slept <= WAKE_UP_GAP_MS) return false;
    if (set) this.clockSetAt = wall;
    this.since = wall;
    this.sinceMonotonic = monotonic;
    return true;
  }
}
