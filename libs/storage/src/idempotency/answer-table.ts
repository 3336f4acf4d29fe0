import type { StorageLimits } from '../limits.js';
import type { LoggedAnswer } from '../log/log-record.js';

/** What a repeated request gets: the first answer, if the body is the same. */
export interface IdempotencyRecord {
  bodyHash: string;
  status: number;
  body: unknown;
}

export interface KeptAnswer {
  readonly commit: number;
  /** When it was committed, in ms of the store's time in service. */
  readonly at: number;
  readonly bytes: number;
  /** Itself until it is in a file of its own; then only where: a day's answers would be most of the memory. */
  content: LoggedAnswer | AnswerPlace;
}

/** Where an answer's record lies in the side segments. */
export interface AnswerPlace {
  segment: number;
  offset: number;
  bytes: number;
}

/**
 * The live idempotent answers, oldest first, within three bounds: age, count, bytes. Age is time in service: a clock
 * that only grows, and that goes on after a start where it was left. So no jump of the wall clock ends
 * one early, which would let a repeated request do its work twice.
 */
export class AnswerTable {
  private readonly answers = new Map<string, KeptAnswer>();
  private bytes = 0;
  private droppedCount = 0;
  private readonly startedAt: number;
  /** The time in service at the start. */
  private baseAt = 0;

  constructor(
    private readonly limits: StorageLimits,
    /** Ms that only grow. */
    private readonly clock: () => number,
    private readonly read: (place: AnswerPlace) => LoggedAnswer,
  ) {
    this.startedAt = clock();
  }

  /** The time in service, in ms: the `at` of an answer that is made now. */
  now(): number {
    return this.baseAt + Math.floor(this.clock() - this.startedAt);
  }

  /** It was this late already: goes on from there. */
  reached(at: number): void {
    this.baseAt += Math.max(0, at - this.now());
  }

  /** Answers that went before their time, because there were too many. */
  get dropped(): number {
    return this.droppedCount;
  }

  get size(): number {
    return this.answers.size;
  }

  /** The oldest commit that still has a live answer. */
  get oldestCommit(): number | undefined {
    const first: KeptAnswer | undefined = this.answers.values().next().value;
    return first?.commit;
  }

  add({ scope, key }: Pick<LoggedAnswer, 'scope' | 'key'>, kept: KeptAnswer): void {
    this.reached(kept.at);
    const name = nameOf(scope, key);
    this.remove(name);
    this.answers.set(name, kept);
    this.bytes += kept.bytes;
    this.trim();
  }

  /** @throws STORAGE_READ when there is one and it cannot be read: doing it again would be worse */
  lookup(scope: string, key: string): IdempotencyRecord | undefined {
    const kept = this.answers.get(nameOf(scope, key));
    if (kept === undefined || this.isOld(kept)) return undefined;
    const { bodyHash, status, body } = 'segment' in kept.content ? this.read(kept.content) : kept.content;
    return { bodyHash, status, body };
  }

  /** Of that commit, or of a later one. */
  has({ scope, key }: Pick<LoggedAnswer, 'scope' | 'key'>, commit: number): boolean {
    return (this.answers.get(nameOf(scope, key))?.commit ?? -1) >= commit;
  }

  /** Oldest first again, after some were added later than their time. */
  order(): void {
    const sorted = [...this.answers].sort(([, a], [, b]) => a.commit - b.commit);
    this.answers.clear();
    for (const [name, kept] of sorted) this.answers.set(name, kept);
    this.trim();
  }

  /** Takes out what is too old, or too much. */
  trim(): void {
    for (const [name, kept] of this.answers) {
      const old = this.isOld(kept);
      if (!old && this.answers.size <= this.limits.answersMax && this.bytes <= this.limits.answerBytesMax) return;
      if (!old) this.droppedCount += 1;
      this.remove(name);
    }
  }

  private isOld({ at }: KeptAnswer): boolean {
    return this.now() - at >= this.limits.answerAgeMsMax;
  }

  private remove(name: string): void {
    const known = this.answers.get(name);
    if (known === undefined) return;
    this.bytes -= known.bytes;
    this.answers.delete(name);
  }
}

/** No scope and key together look like two others. In one piece: a string that was put together holds its parts, a third of the memory of 200,000 answers. */
function nameOf(scope: string, key: string): string {
  return Buffer.from(JSON.stringify([scope, key])).toString('latin1');
}
