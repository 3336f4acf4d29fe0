import { Injectable } from '@nestjs/common';

/** Stops what a clock has begun. */
export type Stop = () => void;

/** The one place where time comes from; tests put a clock in its place that moves when they say so. */
@Injectable()
export class Clock {
  /** Wall clock, ms: for times that people read and that outlive the process. */
  wall(): number {
    return Date.now();
  }

  /** RFC 3339. */
  now(): string {
    return new Date(this.wall()).toISOString();
  }

  /** Calls `run` once, `ms` from now; the timer alone does not keep the process alive. */
  after(ms: number, run: () => void): Stop {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  }
}
