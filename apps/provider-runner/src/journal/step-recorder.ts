import type { NumberedFact, Redactor, RunFact } from '@orbitmesh/domain';
import { piecesOf } from '../decode/utf8.js';
import { AHEAD, COALESCE_BYTES_MAX, COALESCE_MS, FACT_BYTES_MIN, JOURNAL_RETRY_MS, PENDING_ACTIONS_MAX, PENDING_BYTES_MAX, SECRET_HOLD_MS, SILENT_BYTES_MAX } from '../limits.js';
import type { RunLog } from '../run/run-log.js';
import { boundFact, jsonBytes } from './fact-size.js';
import type { FactJournal, JournalRecord, Offsets, RunProgress } from './fact-journal.js';

type TextFact = Extract<RunFact, { type: 'output' | 'thought' }>;
interface Pending { at: string; fact: RunFact; bytes: number }

export interface RecorderOptions {
  journal: FactJournal;
  redactor: Redactor;
  log: RunLog;
  /** What changed beside facts and offsets, e.g. the driver's snapshot; asked for once a step, when it is written. */
  changes(): Partial<RunProgress>;
  /** Facts are durable and wait to be sent. */
  onDurable(): void;
  /** A step could not be written, and is tried again. */
  onUnwritten?(error: unknown): void;
}

/**
 * Gathers what happens to a run into steps and writes them to its journal, one write at a time: what
 * comes during a write goes with the next. Text that merely goes on is coalesced (the first at once,
 * then at most every 50 ms or 16 KiB); everything else takes along what waits before it, so the
 * offsets of a step never run ahead of its facts.
 */
export class StepRecorder {
  private pending: Pending[] = [];
  private pendingBytes = 0;
  private inputIds: string[] = [];
  private readonly offsets: Offsets;
  private actions: (() => void)[] = [];
  private urgent = false;
  private waitingText = false;
  private textSince = 0;
  private lastTextAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private scheduled = false;
  private writing: Promise<void> | undefined;
  private roomWaiters: (() => void)[] = [];
  private readonly ackWaiters = new Set<() => void>();
  /** By stream: the end of what was said that may be the beginning of a secret, as the agent wrote it. */
  private readonly begun = new Map<string, string>();
  private closed = false;
  private leaving = false;
  private tryAgain: (() => void) | undefined;
  private last = false;

  constructor(private readonly options: RecorderOptions) {
    this.offsets = { ...options.journal.progress.upTo };
  }

  /** The agent's output has been decoded up to here, by whatever is emitted until the step ends. */
  decoded(stream: keyof Offsets, end: number): void {
    this.offsets[stream] = end;
    // Frames that say nothing are not decoded again for ever, nor may they count as backlog.
    if (end - this.options.journal.progress.upTo[stream] > SILENT_BYTES_MAX) this.touch();
  }

  /** @returns the bytes it counts for: at least FACT_BYTES_MIN, but text that only makes a waiting fact longer counts as itself */
  emit(fact: RunFact): number {
    if (this.closed) return 0;
    let cost: number;
    if (isText(fact)) {
      cost = this.emitText(fact);
    } else {
      cost = this.push(boundFact(this.options.redactor.deep(fact)));
      this.urgent = true;
    }
    this.schedule();
    return cost;
  }

  /** An input was taken in this step: the same one is not taken again, even after a restart. */
  takeInput(inputId: string): void {
    this.inputIds.push(inputId);
    this.touch();
  }

  /** Done once the present step is durable, in the order of calls. */
  whenDurable(action: () => void): void {
    this.actions.push(action);
    this.touch();
  }

  /** Something changed that `changes()` tells: write it now. */
  touch(): void {
    this.urgent = true;
    this.schedule();
  }

  /** There is room to decode more; resolves at once when there is. Who is far ahead of what is acknowledged goes on with that, or slowly. */
  async room(): Promise<void> {
    if (this.options.journal.unacked.length > AHEAD.facts) await this.acknowledgement(AHEAD.waitMs);
    while (!this.hasRoom() && !this.closed) await new Promise<void>((resolve) => this.roomWaiters.push(resolve));
  }

  /** The sender has got rid of some facts. */
  acknowledged(): void {
    for (const wake of [...this.ackWaiters]) wake();
    this.wakeWaiters();
  }

  private acknowledgement(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.ackWaiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.ackWaiters.add(done);
    });
  }

  /** Resolves when all that was emitted so far is durable. */
  async flush(): Promise<void> {
    this.urgent = true;
    this.schedule();
    while (!this.closed && (this.scheduled || this.writing)) {
      await (this.writing ?? Promise.resolve());
    }
  }

  /** What was emitted was the run's last fact. */
  finish(): void {
    this.last = true;
    this.touch();
  }

  /** Its runner leaves, and cannot wait for a disk that takes nothing: what is refused now is decoded again by the next one. */
  leave(): void {
    this.leaving = true;
    this.tryAgain?.();
  }

  /** Nothing is written any more; what is not durable is decoded again by the next start. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.acknowledged();
  }

  private emitText(fact: TextFact): number {
    let cost = 0;
    if (!this.waitingText) this.textSince = performance.now();
    for (const content of piecesOf(this.cleaned(fact), COALESCE_BYTES_MAX)) {
      const last = this.pending.at(-1);
      if (last && canJoin(last, fact, content)) {
        last.fact = { ...fact, content: (last.fact as TextFact).content + content };
        const bytes = Buffer.byteLength(content);
        last.bytes += bytes;
        this.pendingBytes += bytes;
        cost += bytes;
      } else {
        cost += this.push({ ...fact, content });
      }
    }
    this.waitingText = true;
    return cost;
  }

  /**
   * What the text says beside what has been said already. Where what came last may be the beginning of a secret, both are looked at
   * together: of what still waits, that end is taken back; when it has gone out, at least the rest of it is not told.
   */
  private cleaned(fact: TextFact): string {
    const { redactor } = this.options;
    const stream = streamOf(fact);
    const begun = this.begun.get(stream) ?? '';
    const raw = begun + fact.content;
    this.begun.set(stream, redactor.begun(raw));
    if (begun === '') return redactor.text(raw);
    const [said, clean] = [redactor.text(begun), redactor.text(raw)];
    const same = sameBeginning(said, clean);
    const last = this.pending.at(-1);
    if (last && isText(last.fact) && streamOf(last.fact) === stream) last.fact = { ...last.fact, content: last.fact.content.slice(0, last.fact.content.length - (said.length - same)) };
    return clean.slice(same);
  }

  private push(fact: RunFact): number {
    const bytes = jsonBytes(fact);
    this.pending.push({ at: new Date().toISOString(), fact, bytes });
    this.pendingBytes += bytes;
    return Math.max(bytes, FACT_BYTES_MIN);
  }

  private schedule(): void {
    if (this.closed || this.scheduled || this.writing) return;
    clearTimeout(this.timer);
    const wait = this.urgent ? 0 : this.textWaitMs();
    if (wait <= 0) {
      this.scheduled = true;
      // The end of the synchronous work is the end of the step.
      queueMicrotask(() => {
        this.scheduled = false;
        this.writing = this.write().finally(() => {
          this.writing = undefined;
          if (this.urgent || this.waitingText) this.schedule();
        });
      });
    } else {
      this.timer = setTimeout(() => this.schedule(), wait);
    }
  }

  private textWaitMs(): number {
    const now = performance.now();
    const last = this.pending.at(-1)?.fact as TextFact | undefined;
    // One character is the beginning of too much.
    if (last && (this.begun.get(streamOf(last))?.length ?? 0) > 1) return this.textSince + SECRET_HOLD_MS - now;
    if (this.pendingBytes >= COALESCE_BYTES_MAX) return 0;
    return this.lastTextAt + COALESCE_MS - now;
  }

  private async write(): Promise<void> {
    const step = this.takeStep();
    for (let pauseMs: number = JOURNAL_RETRY_MS.first; !this.closed; pauseMs = Math.min(pauseMs * 2, JOURNAL_RETRY_MS.last)) {
      try {
        await this.options.journal.append(step.record);
        break;
      } catch (error) {
        this.options.log('error', 'the fact journal cannot be written; decoding waits', { err: error, retryMs: pauseMs });
        this.options.onUnwritten?.(error);
        if (this.leaving) this.close();
        else await this.pause(pauseMs);
      }
    }
    if (this.closed) return;
    if (step.record.facts.length > 0) this.options.onDurable();
    for (const action of step.actions) action();
    this.wakeWaiters();
  }

  private async pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.tryAgain = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  private takeStep(): { record: Omit<JournalRecord, 'epoch' | 'ackedRunSeq'>; actions: (() => void)[] } {
    const first = this.options.journal.progress.runSeq + 1;
    const facts: NumberedFact[] = this.pending.map(({ at, fact }, index) => ({ runSeq: first + index, at, fact }));
    const changes = this.options.changes();
    // The journal is a file: what a driver holds of an agent's words is cleaned of the run's secrets, as its facts are.
    if (changes.driver) changes.driver = this.options.redactor.deep(changes.driver, { known: true });
    const progress: Partial<RunProgress> = { ...changes, ...(this.last ? { ended: true } : {}), upTo: { ...this.offsets }, runSeq: first + facts.length - 1 };
    const step = { record: { facts, progress, ...(this.inputIds.length > 0 ? { inputIds: this.inputIds } : {}) }, actions: this.actions };
    if (this.waitingText) this.lastTextAt = performance.now();
    this.pending = [];
    this.pendingBytes = 0;
    this.inputIds = [];
    this.actions = [];
    this.urgent = false;
    this.waitingText = false;
    return step;
  }

  private hasRoom(): boolean {
    return this.pendingBytes < PENDING_BYTES_MAX && this.actions.length < PENDING_ACTIONS_MAX && this.options.journal.unackedShare < 1;
  }

  private wakeWaiters(): void {
    for (const wake of this.roomWaiters.splice(0)) wake();
  }
}

function canJoin(last: Pending, fact: TextFact, content: string): boolean {
  return last.fact.type === fact.type
    && (fact.type !== 'output' || (last.fact as { stream?: string }).stream === fact.stream)
    && !('truncated' in last.fact) && !('truncated' in fact)
    && last.bytes + Buffer.byteLength(content) <= COALESCE_BYTES_MAX;
}

function isText(fact: RunFact): fact is TextFact {
  return fact.type === 'output' || fact.type === 'thought';
}

function streamOf(fact: TextFact): string {
  return fact.type === 'output' ? `output ${(fact as { stream?: string }).stream ?? ''}` : fact.type;
}

function sameBeginning(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
