import type { Offsets } from '../journal/fact-journal.js';
import { BACKLOG_RESUME_BYTES, BACKLOG_SUSPEND_BYTES, RAW_FILE_BYTES_MAX } from '../limits.js';
import { OutputTail, type TailOptions } from './output-tail.js';
import { forgetRest, shortenRawFile } from './raw-file.js';

/** Between two looks at how far decoding lags behind what the agent writes: while it writes, and doubled up to this when it does not. */
const GUARD_MS = 50;
const QUIET_GUARD_MS = 1_600;
const STREAMS = ['stdout', 'stderr'] as const;
const LIMITS = { suspendBytes: BACKLOG_SUSPEND_BYTES, resumeBytes: BACKLOG_RESUME_BYTES, rawFileBytes: RAW_FILE_BYTES_MAX };

export interface OutputOptions {
  tails: Record<keyof Offsets, TailOptions>;
  /** Writes to the journal what was decoded, and says up to which offsets. */
  journal(): Promise<Offsets>;
  journaled(): Offsets;
  /** How much of what may wait for an acknowledgement does: from 1 on the agent is suspended, below one half it goes on. */
  unackedShare(): number;
  /** Suspends the agent's tree, or lets it go on. */
  suspend(on: boolean): void;
  /** Journals the new beginning of a file. */
  onShortened(stream: keyof Offsets, base: number): Promise<void>;
  /** Output can be neither read nor kept in bounds any more. */
  onFailed(error: unknown): void;
  limits?: typeof LIMITS;
}

/**
 * Both output files of a run. A file gives no back-pressure, so an agent that writes faster than its
 * output can be journaled, or its facts acknowledged, is suspended until that has caught up, and at such a moment a file that has
 * become too large loses what is in the journal; no byte of output is lost (design §7).
 */
export class RunOutput {
  private readonly tails: Record<keyof Offsets, OutputTail>;
  private readonly limits: typeof LIMITS;
  private timer: NodeJS.Timeout | undefined;
  private guardMs = GUARD_MS;
  private seenEnd = -1;
  private suspended = false;
  private stopped = false;
  private shortening: Promise<void> | undefined;

  constructor(private readonly options: OutputOptions) {
    this.limits = options.limits ?? LIMITS;
    this.tails = { stdout: new OutputTail(options.tails.stdout), stderr: new OutputTail(options.tails.stderr) };
    for (const name of STREAMS) this.tails[name].onFailed(options.onFailed);
    this.guardAfter(GUARD_MS);
  }

  wake(stream?: keyof Offsets): void {
    if (this.guardMs > GUARD_MS) this.guardAfter(GUARD_MS);
    for (const name of STREAMS) if (stream === undefined || stream === name) this.tails[name].wake();
  }

  /**
   * Nothing writes any more: gives all that is left, for so long (asked again and again: somebody may
   * begin to wait); what is left then is discarded.
   */
  async drain(limitMs: () => number): Promise<void> {
    this.guardAfter(undefined);
    const begun = performance.now();
    const clock = setInterval(() => {
      if (performance.now() - begun > limitMs()) for (const name of STREAMS) this.tails[name].hurry();
    }, GUARD_MS);
    try {
      await this.shortening;
      await Promise.all(STREAMS.map((name) => this.tails[name].drain()));
    } finally {
      clearInterval(clock);
    }
  }

  async stop(): Promise<void> {
    this.guardAfter(undefined);
    await this.shortening;
    await Promise.all(STREAMS.map((name) => this.tails[name].stop()));
  }

  /** undefined: never again. */
  private guardAfter(ms: number | undefined): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (ms === undefined) this.stopped = true;
    if (ms === undefined || this.stopped) return;
    this.guardMs = ms;
    this.timer = setTimeout(() => {
      this.guard();
      this.guardAfter(this.isQuiet() ? Math.min(this.guardMs * 2, QUIET_GUARD_MS) : GUARD_MS);
    }, ms);
  }

  /** Nothing was written since it was last asked. */
  private isQuiet(): boolean {
    const before = this.seenEnd;
    this.seenEnd = STREAMS.reduce((sum, name) => sum + this.tails[name].position, 0);
    return this.seenEnd === before && !this.suspended && !this.shortening;
  }

  private guard(): void {
    if (this.shortening) return;
    try {
      const backlog = this.backlog();
      const unacked = this.options.unackedShare();
      const full = STREAMS.find((name) => this.tails[name].size().bytes >= this.limits.rawFileBytes);
      if (full && this.suspended && this.tails[full].caughtUp) {
        this.shortening = this.shorten(full).catch(this.options.onFailed).finally(() => { this.shortening = undefined; });
      } else if (!this.suspended && (full || unacked >= 1 || backlog > this.limits.suspendBytes)) {
        this.hold(true);
      } else if (this.suspended && !full && unacked < 0.5 && backlog < this.limits.resumeBytes) {
        this.hold(false);
      }
    } catch (error) {
      this.options.onFailed(error);
    }
  }

  /** What was read counts as done: waiting would not make an unfinished line complete. */
  private backlog(): number {
    const journaled = this.options.journaled();
    return Math.max(...STREAMS.map((name) => (this.tails[name].caughtUp ? 0 : this.tails[name].size().end - journaled[name])));
  }

  private hold(on: boolean): void {
    this.suspended = on;
    this.options.suspend(on);
  }

  /** Nothing writes now. */
  private async shorten(stream: keyof Offsets): Promise<void> {
    const tail = this.tails[stream];
    const { path } = this.options.tails[stream];
    const upTo = (await this.options.journal())[stream];
    if (tail.size().end - upTo > this.limits.rawFileBytes / 2) throw new Error('A line of the output is longer than what is kept of it.');
    await tail.paused(() => shortenRawFile(path, tail.base, upTo), upTo);
    await this.options.onShortened(stream, upTo);
    forgetRest(path);
  }
}
