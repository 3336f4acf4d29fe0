import { Clock, type Stop } from '../kernel/clock.js';

/** A clock that moves only by `advance`. */
export class FakeClock extends Clock {
  private readonly timers = new Set<{ dueAt: number; run: () => void }>();

  constructor(private wallMs = Date.parse('2026-01-01T12:00:00.000Z')) {
    super();
  }

  override wall(): number {
    return this.wallMs;
  }

  override after(ms: number, run: () => void): Stop {
    const timer = { dueAt: this.wallMs + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Moves on, running every timer that falls due at its own time. */
  advance(ms: number): void {
    const end = this.wallMs + ms;
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next || next.dueAt > end) break;
      this.timers.delete(next);
      this.wallMs = Math.max(this.wallMs, next.dueAt);
      next.run();
    }
    this.wallMs = end;
  }

  /** Somebody set the wall clock; no timer runs earlier or later for it. */
  set(wallMs: number): void {
    for (const timer of this.timers) timer.dueAt += wallMs - this.wallMs;
    this.wallMs = wallMs;
  }

  /** Timers that will run, in ms from now. */
  get pending(): number[] {
    return [...this.timers].map(({ dueAt }) => dueAt - this.wallMs).sort((a, b) => a - b);
  }
}
