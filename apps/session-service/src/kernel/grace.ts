import { Injectable } from '@nestjs/common';
import { WAKE_UP_GAP_MS } from '../limits.js';
import { Clock } from './clock.js';

/**
 * Since when silence means something (design §7): our own start, the last reconnect, the last wake-up.
 * Leases and time windows count from there at the earliest, so that time in which nobody could have
 * reached us never ends a session.
 */
@Injectable()
export class Grace {
  /** Wall ms. */
  since: number;
  /** Monotonic ms. */
  sinceMonotonic: number;
  private lastWall: number;
  private lastMonotonic: number;

  constructor(private readonly clock: Clock) {
    this.since = this.lastWall = clock.wall();
    this.sinceMonotonic = this.lastMonotonic = clock.monotonic();
  }

  restart(): void {
    this.since = this.lastWall = this.clock.wall();
    this.sinceMonotonic = this.lastMonotonic = this.clock.monotonic();
  }

  /**
   * To be called at every tick, before anything is decided from time. A late tick, or a wall clock that
   * jumped, starts everything over. Returns true when it did.
   */
  observe(): boolean {
    const wall = this.clock.wall();
    const monotonic = this.clock.monotonic();
    const jumped = Math.abs(wall - this.lastWall) > WAKE_UP_GAP_MS || monotonic - this.lastMonotonic > WAKE_UP_GAP_MS;
    this.lastWall = wall;
    this.lastMonotonic = monotonic;
    if (jumped) this.restart();
    return jumped;
  }
}
