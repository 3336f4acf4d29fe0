import { Clock, type Stop } from '../kernel/clock.js';

/** A clock that moves only by `advance`. Wall and monotonic time move together unless told otherwise. */
export class FakeClock extends Clock {
  private mono = 1_000;
  private readonly timers = new Set<{ ms: number; dueAt: number; run: () => void }>();

  constructor(private wallMs = Date.parse('2025-06-01T12:00:00.000Z')) {
    super();
  }

  override wall(): number {
    return this.wallMs;
  }

  override monotonic(): number {
    return this.mono;
  }

  override every(ms: number, run: () => void): Stop {
    const timer = { ms, dueAt: this.mono + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  override after(ms: number, run: () => void): Stop {
    const stop = this.every(ms, () => {
      stop();
      run();
    });
    return stop;
  }

  /** Moves on, running every timer that falls due at its own time. */
  advance(ms: number): void {
    const end = this.mono + ms;
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next || next.dueAt > end) break;
      this.step(next.dueAt - this.mono);
      next.dueAt += next.ms;
      next.run();
    }
    this.step(end - this.mono);
  }

  /** The process slept: time passed and no timer ran; those that were due run once, late. */
  sleep(ms: number): void {
    this.step(ms);
    for (const timer of this.timers) {
      if (timer.dueAt > this.mono) continue;
      timer.dueAt = this.mono + timer.ms;
      timer.run();
    }
  }

  /** Somebody set the wall clock. */
  setWall(wallMs: number): void {
    this.wallMs = wallMs;
  }

  private step(ms: number): void {
    this.mono += ms;
    this.wallMs += ms;
  }
}
