import { setImmediate as turn } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { isTerminal, removeTranscript, type Session } from '@orbitmesh/domain';
import { HealthRegistry, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import type { Decide, Effect } from '../commands/decision.js';
import { Clock, type Stop } from '../kernel/clock.js';
import { RETENTION_LOOK_MS, RETENTION_PER_LOOK_MAX, RETENTION_SHUTDOWN_MS, RETENTION_SLICE } from '../limits.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { planRetention, type Removal, type RetentionRules, type Transcript } from './retention-plan.js';

const DAY_MS = 24 * 3_600_000;
const MIB = 1024 * 1024;

/**
 * Takes the events of sessions that ended long ago, or of which there are too many, as its home is configured (ADR-0035). The sessions
 * stay; each says what it has lost, in an event, too. Nothing that has not ended is touched, nor what waits to be continued.
 */
@Injectable()
export class RetentionService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly rules: RetentionRules;
  private stop: Stop = () => undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;
  /** Bytes of all sessions' events at the last look; and since the start what went. */
  private bytes = 0;
  private removed = { sessions: 0, bytes: 0 };
  private notice: string | null = null;

  constructor(
    @Inject(SessionServiceConfig) { retainDays, retainMib }: SessionServiceConfig,
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(HealthRegistry) private readonly health: HealthRegistry,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.rules = { ageMsMax: retainDays === undefined ? null : retainDays * DAY_MS, bytesMax: retainMib === undefined ? null : retainMib * MIB };
  }

  onApplicationBootstrap(): void {
    const { ageMsMax, bytesMax } = this.rules;
    this.health.probe('retention', () => ({ ageMsMax, bytesMax, bytes: this.bytes, removed: { ...this.removed }, notice: this.notice }));
    this.metrics.gaugeOf('orbitmesh_transcript_bytes', "Size of sessions' events, as it was looked at last.", () => this.bytes);
    for (const reason of ['age', 'size'] as const) this.countRemoved(reason, 0);
    this.stop = this.clock.every(RETENTION_LOOK_MS, () => void this.look());
  }

  private countRemoved(reason: Removal['reason'], by: number): void {
    this.metrics.count('orbitmesh_transcripts_removed_total', 'Sessions that lost their events to retention.', { reason }, by);
  }

  async onModuleDestroy(): Promise<void> {
    this.stop();
    this.stopped = true;
    await this.looking;
  }

  /** Never throws: what cannot be removed now is tried at the next look. */
  look(): Promise<void> {
    return this.looking ??= this.lookOnce().finally(() => { this.looking = undefined; });
  }

  private async lookOnce(): Promise<void> {
    try {
      const transcripts = await this.transcripts();
      this.bytes = transcripts.reduce((sum, { bytes }) => sum + bytes, 0);
      const through = await this.remove(planRetention(transcripts, this.rules, this.clock.wall()));
      const { bytesMax } = this.rules;
      this.notice = through && bytesMax !== null && this.bytes > bytesMax ? `sessions' events take ${mib(this.bytes)} of ${mib(bytesMax)} MiB, and no more of them may go yet` : null;
    } catch (err) {
      this.notice = "sessions' events that are due cannot be removed now";
      this.logger.warn({ err }, 'retention failed, and is tried again');
    }
  }

  /** @returns whether all that may go is gone */
  private async remove(removals: readonly Removal[]): Promise<boolean> {
    let left = RETENTION_PER_LOOK_MAX;
    for (const removal of removals) {
      if (left === 0 || this.stopped) return false;
      if (removal.reason === 'size' && this.bytes <= (this.rules.bytesMax ?? Infinity)) return true;
      if (!(await this.commands.apply((tx) => this.decide(tx, removal)))) continue;
      left -= 1;
      this.bytes -= removal.bytes;
      this.removed = { sessions: this.removed.sessions + 1, bytes: this.removed.bytes + removal.bytes };
      this.countRemoved(removal.reason, 1);
      this.logger.info({ ...removal }, 'the events of a session were removed');
    }
    return true;
  }

  private decide(tx: Decide, { sessionId, bytes, reason }: Removal): Effect<boolean> {
    const session = tx.view.get<Session>(COLLECTIONS.sessions, sessionId);
    if (!session || !this.mayGo(tx, session, reason)) return { result: false };
    const { session: after, events } = removeTranscript(session, { upTo: this.store.transcripts.lastSeq(sessionId), bytes, reason }, tx);
    return { result: true, puts: [put(COLLECTIONS.sessions, after)], events, trims: [sessionId] };
  }

  /** What it is continued by still has its conversation. */
  private mayGo(tx: Decide, session: Session, reason: Removal['reason']): boolean {
    if (!isTerminal(session)) return false;
    for (const next of tx.indexes.in(tx.view, tx.indexes.continuationsOfSession, session.id)) if (!isTerminal(next)) return false;
    const waits = session.outcome?.code === 'shutdown' && Date.parse(session.endedAt ?? session.updatedAt) > this.clock.wall() - RETENTION_SHUTDOWN_MS;
    return reason === 'age' || !waits;
  }

  private async transcripts(): Promise<Transcript[]> {
    const found: Transcript[] = [];
    let slice = 0;
    for (const { sessionId, bytes, trimmed } of this.store.transcripts.extents()) {
      slice += 1;
      if (slice % RETENTION_SLICE === 0) await turn();
      const session = this.store.durable.summary<Pick<Session, 'state' | 'endedAt'>>(COLLECTIONS.sessions, sessionId);
      const endedAt = session && isTerminal(session) && session.endedAt !== null ? Date.parse(session.endedAt) : null;
      found.push({ sessionId, bytes, trimmed: trimmed > 0, endedAt });
    }
    return found;
  }
}

const mib = (bytes: number): number => Math.ceil(bytes / MIB);
