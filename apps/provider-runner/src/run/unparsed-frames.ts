import { headOf } from '../decode/utf8.js';
import type { DriverFact } from '../drivers/driver.js';
import type { RunProgress } from '../journal/fact-journal.js';
import { UNPARSED_AT_START_MAX, UNPARSED_BYTES_MAX, UNPARSED_FACTS_MAX, UNPARSED_SAY_MS } from '../limits.js';

/**
 * Frames of a run that nobody understands: the first are said, what comes after is counted and the
 * number said now and then, so that a program that writes nothing else does not fill the log with it.
 * All of them stay in the run's raw file.
 */
export class UnparsedFrames {
  private toldAt = -Infinity;

  constructor(
    /** Journaled with every step: a restarted runner counts on. */
    readonly progress: RunProgress['unparsed'],
    private readonly say: (fact: Extract<DriverFact, { type: 'metadata' }>) => void,
  ) {}

  /** This is no agent that will ever shake hands. */
  get areTooManyToStart(): boolean {
    return this.progress.frames > UNPARSED_AT_START_MAX.frames || this.progress.characters > UNPARSED_AT_START_MAX.characters;
  }

  take(frame: string): void {
    this.progress.frames += 1;
    this.progress.characters += frame.length;
    if (this.progress.frames <= UNPARSED_FACTS_MAX) this.say({ type: 'metadata', key: 'unparsed', value: headOf(frame, UNPARSED_BYTES_MAX) });
    else if (performance.now() - this.toldAt >= UNPARSED_SAY_MS) this.sum();
  }

  /** Says how many have no fact of their own, unless that is known already. */
  sum(): void {
    const dropped = this.progress.frames - UNPARSED_FACTS_MAX;
    if (dropped <= this.progress.told) return;
    this.toldAt = performance.now();
    this.progress.told = dropped;
    this.say({ type: 'metadata', key: 'unparsed_dropped', value: String(dropped) });
  }
}
