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

  /** Ms that only grow, whatever is done to the wall clock: for leases and intervals. */
  monotonic(): number {
    return performance.now();
  }

  /** Calls `run` every `ms`; the timer alone does not keep the process alive. */
  every(ms: number, run: () => void): Stop {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Calls `run` once after `ms`. */
  after(ms: number, run: () => void): Stop {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  }
}
