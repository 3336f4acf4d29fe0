import { truncateSync } from 'node:fs';
import type { Offsets } from '../journal/fact-journal.js';
import { BACKLOG_RESUME_BYTES, BACKLOG_SUSPEND_BYTES, RAW_FILE_BYTES_MAX } from '../limits.js';
import { OutputTail, type TailOptions } from './output-tail.js';

/** Between two looks at how far decoding lags behind what the agent writes. */
const GUARD_MS = 50;
const STREAMS = ['stdout', 'stderr'] as const;

export interface OutputOptions {
  tails: Record<keyof Offsets, TailOptions>;
  /** Offsets up to which everything is in the journal. */
  journaled(): Offsets;
  /** Suspends the agent's tree, or lets it go on. */
  suspend(on: boolean): void;
  /** Journals the new beginning of a file that was emptied. */
  onEmptied(stream: keyof Offsets, base: number): Promise<void>;
}

/**
 * Both output files of a run. A file gives no back-pressure, so an agent that writes faster than its
 * output can be journaled is suspended until that has caught up, and a file that has become too large
 * is emptied at such a moment: no byte of it is lost (design §7).
 */
export class RunOutput {
  private readonly tails: Record<keyof Offsets, OutputTail>;
  private suspended = false;
  private emptying = false;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: OutputOptions) {
    this.tails = { stdout: new OutputTail(options.tails.stdout), stderr: new OutputTail(options.tails.stderr) };
    this.timer = setInterval(() => this.guard(), GUARD_MS);
  }

  wake(stream?: keyof Offsets): void {
    for (const name of STREAMS) if (stream === undefined || stream === name) this.tails[name].wake();
  }

  async drain(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(STREAMS.map((name) => this.tails[name].drain()));
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(STREAMS.map((name) => this.tails[name].stop()));
  }

  private guard(): void {
    const journaled = this.options.journaled();
    const backlog = Math.max(...STREAMS.map((name) => this.tails[name].size().end - journaled[name]));
    const full = STREAMS.find((name) => this.tails[name].size().bytes >= RAW_FILE_BYTES_MAX);
    if (full && !this.emptying && this.suspended && this.tails[full].caughtUp && backlog === 0) void this.empty(full);
    if (!this.suspended && (backlog > BACKLOG_SUSPEND_BYTES || full)) this.hold(true);
    else if (this.suspended && !full && !this.emptying && backlog < BACKLOG_RESUME_BYTES) this.hold(false);
  }

  private hold(on: boolean): void {
    this.suspended = on;
    this.options.suspend(on);
  }

  /** Nothing writes now. A runner that dies in here finds a file shorter than its offsets, and knows it was emptied. */
  private async empty(stream: keyof Offsets): Promise<void> {
    this.emptying = true;
    const tail = this.tails[stream];
    truncateSync(this.options.tails[stream].path, 0);
    tail.emptied();
    await this.options.onEmptied(stream, tail.size().end);
    this.emptying = false;
  }
}
