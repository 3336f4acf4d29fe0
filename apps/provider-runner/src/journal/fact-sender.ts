import { setTimeout as delay } from 'node:timers/promises';
import { FACTS_BATCH_MAX, PAGE_BYTES_MAX, SessionRpc, type FactBatch } from '@orbitmesh/contracts';
import { AppError, type NumberedFact } from '@orbitmesh/domain';
import type { Bus } from '@orbitmesh/messaging';
import { FACTS_SENT_AT_ONCE, FLOOD_REST, SEND_RETRY_MS } from '../limits.js';
import type { RunLog } from '../run/run-log.js';
import type { FactJournal } from './fact-journal.js';

/** Room for the batch's own fields in a message of PAGE_BYTES_MAX. */
const BATCH_ENVELOPE_BYTES = 1024;
const BATCH = { factsMax: FACTS_SENT_AT_ONCE, bytesMax: PAGE_BYTES_MAX - BATCH_ENVELOPE_BYTES };

export interface SenderOptions {
  bus: Pick<Bus, 'request' | 'onStatus'>;
  journal: FactJournal;
  run: Pick<FactBatch, 'runnerId' | 'sessionId' | 'runId' | 'epoch'>;
  log: RunLog;
  /** These, by session-service. */
  onAcknowledged(facts: readonly NumberedFact[]): void;
  /** session-service has no use for this run any more: another epoch holds the session, or it is gone. */
  onRefused(reason: string): void;
}

/** Sends a run's durable facts in order, one batch at a time, again and again until they are acknowledged. */
export class FactSender {
  private running = false;
  private stopped = false;
  private retryMs: number = SEND_RETRY_MS.first;
  private wakeUp: (() => void) | undefined;
  private readonly unsubscribe: () => void;

  constructor(private readonly options: SenderOptions) {
    this.unsubscribe = options.bus.onStatus((status) => { if (status === 'connected') this.wakeUp?.(); });
  }

  /** There may be something to send. */
  kick(): void {
    if (!this.running && !this.stopped) void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.unsubscribe();
    this.wakeUp?.();
  }

  private async run(): Promise<void> {
    this.running = true;
    while (!this.stopped && this.options.journal.unacked.length > 0) {
      try {
        const begun = performance.now();
        await this.sendBatch();
        this.retryMs = SEND_RETRY_MS.first;
        // More waits than goes at once: a flood, or what has gathered while nobody answered. Others are heard between.
        if (this.options.journal.unacked.length >= FACTS_SENT_AT_ONCE) await delay(Math.min((performance.now() - begun) * FLOOD_REST.factor, FLOOD_REST.msMax));
      } catch (error) {
        await this.failed(error);
      }
    }
    this.running = false;
  }

  private async sendBatch(): Promise<void> {
    const { journal } = this.options;
    const facts = journal.nextBatch(BATCH);
    let acked = await this.say(facts);
    // A gap that nobody can close (a damaged journal, an older copy of the session): told as such, or nothing after it would ever be taken.
    while (!this.stopped && acked < facts[0].runSeq - 1) acked = await this.say(lostFacts(acked + 1, facts[0]));
    if (this.stopped) return;
    journal.ack(acked);
    this.options.onAcknowledged(facts.filter(({ runSeq }) => runSeq <= acked));
  }

  /** @returns up to where facts are acknowledged. @throws TIMEOUT when that has not moved. */
  private async say(facts: NumberedFact[]): Promise<number> {
    const { bus, run } = this.options;
    const { ackedRunSeq, stale } = await bus.request(SessionRpc.facts, { ...run, facts });
    if (this.stopped) return 0;
    if (stale) {
      this.options.onRefused('stale');
      this.stop();
    } else if (ackedRunSeq < facts[0].runSeq && ackedRunSeq >= facts[0].runSeq - 1) {
      throw new AppError('TIMEOUT', 'Nothing was acknowledged.', { ackedRunSeq });
    }
    return ackedRunSeq;
  }

  private async failed(error: unknown): Promise<void> {
    if (this.stopped) return;
    if (error instanceof AppError && (error.code === 'SESSION_NOT_FOUND' || error.code === 'RUN_NOT_FOUND' || error.details.stale === true)) {
      this.options.onRefused(error.code);
      this.stop();
      return;
    }
    this.options.log('warn', 'facts were not acknowledged; they are sent again', { err: error, retryMs: this.retryMs });
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
      timer = setTimeout(resolve, this.retryMs * (0.5 + Math.random() / 2));
    });
    clearTimeout(timer);
    this.wakeUp = undefined;
    this.retryMs = Math.min(this.retryMs * 2, SEND_RETRY_MS.last);
  }
}

/** In the place of those from that number on that are not there any more, as many as go at once. */
function lostFacts(from: number, next: NumberedFact): NumberedFact[] {
  const count = Math.min(next.runSeq - from, FACTS_BATCH_MAX);
  return Array.from({ length: count }, (_, n) => ({ runSeq: from + n, at: next.at, fact: { type: 'metadata', key: 'fact_lost', value: 'the journal of its runner is damaged' } }));
}
