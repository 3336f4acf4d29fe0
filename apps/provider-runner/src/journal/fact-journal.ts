import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { NumberedFact } from '@orbitmesh/domain';
import { JournalFile } from '@orbitmesh/storage';
import type { DriverState } from '../drivers/driver.js';
import { INPUT_IDS_MAX, JOURNAL_FILE_BYTES_MAX, JOURNAL_WAITING_BYTES_MAX, UNACKED_BYTES_MAX, UNACKED_FACTS_MAX } from '../limits.js';
import { jsonBytes } from './fact-size.js';

/** Byte offsets from the beginning of the run's output, however often its files were emptied. */
export interface Offsets { stdout: number; stderr: number }

/** What a restarted runner needs to go on with a run, beside its record. */
export interface RunProgress {
  /** Number of the last fact. */
  runSeq: number;
  /** The agent's output was decoded up to here. */
  upTo: Offsets;
  /** Offset of the first byte of each file. */
  base: Offsets;
  driver: { version: number; state: DriverState } | null;
  /** Keys of lines for the agent that are not known to be written. */
  unsent: string[];
  stdinClosed: boolean;
  /** `run_started` was said. */
  started: boolean;
  paused: boolean;
  /** Bytes of everything said as facts, and dropped past the bound. */
  outputBytes: number;
  droppedBytes: number;
  /** Frames nobody understood, their characters, and how many of those without a fact were told as a number. */
  unparsed: { frames: number; characters: number; told: number };
  /** The last fact was said. */
  ended: boolean;
}

/** One step: facts and all that changed with them, written whole or not at all. */
export interface JournalRecord {
  epoch: number;
  facts: NumberedFact[];
  progress: Partial<RunProgress>;
  /** Inputs taken in this step; in the first record of a file, all that are remembered. */
  inputIds?: string[];
  ackedRunSeq?: number;
}

const FIRST: RunProgress = {
  runSeq: 0, upTo: { stdout: 0, stderr: 0 }, base: { stdout: 0, stderr: 0 }, driver: null, unsent: [],
  stdinClosed: false, started: false, paused: false, outputBytes: 0, droppedBytes: 0,
  unparsed: { frames: 0, characters: 0, told: 0 }, ended: false,
};

interface Part { number: number; file: JournalFile; lastRunSeq: number }

/**
 * The fact journal of one run (design §7): `facts/<n>.log`, each file beginning with the whole
 * progress, so that files can go as soon as all their facts are acknowledged.
 */
export class FactJournal {
  private parts: Part[] = [];
  private waiting: NumberedFact[] = [];
  private waitingBytes = 0;
  private sizes: number[] = [];
  private acked = 0;
  /** Records that had been durable and cannot be read any more. */
  damaged = 0;
  private current: RunProgress = FIRST;
  private readonly inputs = new Set<string>();

  private constructor(private readonly dir: string, private readonly epoch: number) {}

  static async open(dir: string, epoch: number): Promise<FactJournal> {
    const journal = new FactJournal(dir, epoch);
    const numbers = readdirSync(dir).flatMap((name) => (/^\d+\.log$/.test(name) ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b);
    for (const number of numbers.length > 0 ? numbers : [1]) {
      const file = await JournalFile.open(join(dir, `${number}.log`));
      journal.damaged += file.damaged.length;
      for (const record of file.records as JournalRecord[]) journal.apply(record);
      journal.parts.push({ number, file, lastRunSeq: journal.current.runSeq });
    }
    journal.forgetAcked();
    return journal;
  }

  /** As durable. */
  get progress(): Readonly<RunProgress> {
    return this.current;
  }

  /** Durable facts that nobody has acknowledged, oldest first. */
  get unacked(): readonly NumberedFact[] {
    return this.waiting;
  }

  /** The oldest of them, as many as fit; one always does. */
  nextBatch({ factsMax, bytesMax }: { factsMax: number; bytesMax: number }): NumberedFact[] {
    let count = 0;
    // Sizes are known: writing out a flood of facts only to measure them is most of what it would cost.
    for (let bytes = 0; count < Math.min(this.waiting.length, factsMax); count += 1) {
      bytes += this.sizes[count] + 1;
      if (count > 0 && bytes > bytesMax) break;
    }
    return this.waiting.slice(0, count);
  }

  /** How much of what may be unacknowledged is: at 1 nothing more is to come, until it is below one half. */
  get unackedShare(): number {
    const oldBytes = this.parts.slice(0, -1).reduce((sum, { file }) => sum + file.bytes, 0);
    return Math.max(this.waitingBytes / UNACKED_BYTES_MAX, this.waiting.length / UNACKED_FACTS_MAX, oldBytes / JOURNAL_WAITING_BYTES_MAX);
  }

  hasInput(inputId: string): boolean {
    return this.inputs.has(inputId);
  }

  /**
   * Writes one step; when the promise resolves it is durable and in `progress`. One at a time.
   * @throws STORAGE_WRITE, STORAGE_FULL: nothing of it was written, and it can be tried again.
   */
  async append(step: Omit<JournalRecord, 'epoch' | 'ackedRunSeq'>): Promise<void> {
    const record: JournalRecord = { epoch: this.epoch, ackedRunSeq: this.acked, ...step };
    let part = this.parts.at(-1)!;
    if (part.file.bytes >= JOURNAL_FILE_BYTES_MAX) part = await this.nextPart(part);
    await part.file.append(record);
    this.apply(record);
    part.lastRunSeq = this.current.runSeq;
  }

  /** Everything up to this number is committed by session-service and need not be kept. */
  ack(runSeq: number): void {
    if (runSeq <= this.acked) return;
    this.acked = Math.min(runSeq, this.current.runSeq);
    this.forgetAcked();
    this.removeOldParts();
  }

  async close(): Promise<void> {
    for (const part of this.parts) await part.file.close();
  }

  private async nextPart(last: Part): Promise<Part> {
    const number = last.number + 1;
    const file = await JournalFile.open(join(this.dir, `${number}.log`));
    // Opened by an earlier try that failed: it may hold the same first record already, which does no harm.
    await file.append({ epoch: this.epoch, facts: [], progress: this.current, inputIds: [...this.inputs], ackedRunSeq: this.acked } satisfies JournalRecord);
    const part = { number, file, lastRunSeq: this.current.runSeq };
    this.parts.push(part);
    // Steps without a fact are acknowledged by nobody.
    this.removeOldParts();
    return part;
  }

  private apply(record: JournalRecord): void {
    this.current = { ...this.current, ...record.progress };
    for (const fact of record.facts) {
      this.waiting.push(fact);
      this.sizes.push(jsonBytes(fact));
      this.waitingBytes += this.sizes.at(-1)!;
    }
    for (const inputId of record.inputIds ?? []) this.inputs.add(inputId);
    for (const oldest of this.inputs) {
      if (this.inputs.size <= INPUT_IDS_MAX) break;
      this.inputs.delete(oldest);
    }
    this.acked = Math.max(this.acked, record.ackedRunSeq ?? 0);
  }

  private forgetAcked(): void {
    const first = this.waiting.findIndex((fact) => fact.runSeq > this.acked);
    const count = first < 0 ? this.waiting.length : first;
    if (count === 0) return;
    this.waiting.splice(0, count);
    this.waitingBytes -= this.sizes.splice(0, count).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** All but the last file, once their facts are acknowledged: the next one begins with the whole progress. */
  private removeOldParts(): void {
    while (this.parts.length > 1 && this.parts[0].lastRunSeq <= this.acked) {
      const part = this.parts.shift()!;
      // Its content is of no use any more, so neither is an error of closing it.
      part.file.close().catch(() => undefined);
      rmSync(join(this.dir, `${part.number}.log`), { force: true });
    }
  }
}
