import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError, type EventEnvelope } from '@orbitmesh/domain';
import { HEAD_BEACON_MS, PAGE_ITEMS_MAX, SessionRpc, Topics } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { HEAD_STALE_MS, HEADS_BEHIND_MAX, TAIL_RETRY_MS, TAIL_RETRY_MS_MAX } from '../limits.js';
import { EventRing, LiveEvent } from './event-ring.js';

export interface FeedPosition { logId: string; seq: number }

/** `reset`: the log is another one, positions in the old one mean nothing. */
export type TailChange = 'advanced' | 'reset' | 'degraded' | 'recovered';

export const cursorOf = ({ logId, seq }: FeedPosition): string => `${logId}.${seq}`;

/**
 * The feed as this gateway knows it: live messages where they arrive, pages of the log where one is missing. What NATS
 * loses shows as a hole in `seq`, or as a head beyond ours; either is filled from the log, so whoever follows the tail sees
 * every event, in order (design §5).
 */
@Injectable()
export class EventTail implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly ring = new EventRing();
  private readonly listeners = new Set<(change: TailChange) => void>();
  private readonly stops: (() => void)[] = [];
  private current: FeedPosition | null = null;
  /** The highest seq somebody has spoken of. */
  private wanted = 0;
  private working = false;
  private stopped = false;
  private live = false;
  private headAt = -Infinity;
  private headsBehind = 0;
  /** Ends the wait before the next attempt. */
  private hurry: () => void = () => undefined;

  constructor(
    @Inject(Bus) private readonly bus: Bus, @Inject(LOGGER) private readonly logger: Logger, @Inject(HealthRegistry) private readonly health: HealthRegistry,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** null until the head of the log was asked for. */
  get position(): FeedPosition | null {
    return this.current;
  }

  get degraded(): boolean {
    return !this.live;
  }

  onApplicationBootstrap(): void {
    this.stops.push(this.bus.subscribe(Topics.committed, (message) => this.onCommitted(message)));
    this.stops.push(this.bus.subscribe(Topics.head, (head) => this.onHead(head)));
    this.stops.push(this.bus.onStatus(() => {
      this.assess();
      if (this.bus.connected) this.hurry();
    }));
    const timer = setInterval(() => this.assess(), HEAD_BEACON_MS);
    this.stops.push(() => clearInterval(timer));
    this.health.probe('feed', () => ({ position: this.current && cursorOf(this.current), degraded: this.degraded }));
    this.work();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    this.hurry();
    for (const stop of this.stops) stop();
  }

  onChange(listener: (change: TailChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The first events after `seq`, out of memory; null when they must be paged. */
  after(seq: number): LiveEvent[] | null {
    if (this.current && seq >= this.current.seq) return [];
    return this.ring.after(seq);
  }

  private onCommitted({ logId, events }: { logId: string; events: EventEnvelope[] }): void {
    if (events.length === 0) return;
    this.metrics.observe('orbitmesh_event_lag_seconds', 'From the decision to its event here, by the clocks of both.', Math.max(0, Date.now() - Date.parse(events[0].timestamp)) / 1_000);
    this.append(logId, events);
    if (this.current?.logId !== logId || events[events.length - 1].seq > this.current.seq) this.want(events[events.length - 1].seq);
  }

  private onHead({ logId, seq }: FeedPosition): void {
    this.headAt = performance.now();
    // Its owner was away and speaks again: what could not be had then can be now.
    if (this.degraded) this.hurry();
    this.assess();
    const { current } = this;
    if (!current) {
      this.work();
      return;
    }
    // A page may have brought us ahead of one beacon, never of several in a row.
    this.headsBehind = seq < current.seq ? this.headsBehind + 1 : 0;
    if (logId !== current.logId || this.headsBehind >= HEADS_BEHIND_MAX) this.forget();
    else if (seq > current.seq) this.want(seq);
  }

  private append(logId: string, events: readonly EventEnvelope[], from: 'live' | 'page' = 'live'): void {
    const { current } = this;
    if (!current || current.logId !== logId) return;
    const before = current.seq;
    for (const event of events) {
      if (event.seq <= current.seq) continue;
      if (event.seq > current.seq + 1) {
        // What a page of the log does not have was in a damaged record: nothing can fill that hole.
        if (from === 'live') continue;
        this.ring.clear();
      }
      this.ring.append(new LiveEvent(event));
      current.seq = event.seq;
    }
    if (current.seq > before) this.emit('advanced');
  }

  private want(seq: number): void {
    this.wanted = Math.max(this.wanted, seq);
    this.work();
  }

  private forget(): void {
    this.logger.warn({ position: this.current }, 'feed is another one');
    this.current = null;
    this.headsBehind = 0;
    this.wanted = 0;
    this.ring.clear();
    this.work();
  }

  /** One at a time: finds the head, then pages until nothing is known to be missing. */
  private work(): void {
    if (this.working || this.stopped) return;
    this.working = true;
    void this.catchUp();
  }

  private async catchUp(): Promise<void> {
    let wait = TAIL_RETRY_MS;
    while (!this.stopped && (!this.current || this.current.seq < this.wanted)) {
      try {
        await (this.current ? this.page(this.current) : this.findHead());
        wait = TAIL_RETRY_MS;
      } catch (error) {
        if (error instanceof AppError && error.code === 'CURSOR_GONE') this.forget();
        // Said once, not with every attempt: the health probe shows it for as long as it lasts.
        else if (wait === TAIL_RETRY_MS) this.logger.warn({ err: error }, 'feed cannot be paged');
        wait = await this.pause(wait) ? Math.min(wait * 2, TAIL_RETRY_MS_MAX) : TAIL_RETRY_MS;
      }
    }
    // In the same breath as the last look: what comes a moment later must find nobody at work.
    this.working = false;
  }

  /** False when somebody was in a hurry. */
  private pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, true);
      this.hurry = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }

  private async findHead(): Promise<void> {
    const { logId, seq } = await this.bus.request(SessionRpc.head, {});
    this.current = { logId, seq };
    this.headAt = performance.now();
    this.emit('reset');
    this.assess();
  }

  private async page(position: FeedPosition): Promise<void> {
    const { items } = await this.bus.request(SessionRpc.eventPage, { after: cursorOf(position), limit: PAGE_ITEMS_MAX });
    if (items.length > 0) this.append(position.logId, items, 'page');
    // Somebody spoke of an event that the log does not have: the log is right.
    else if (this.current === position) this.wanted = position.seq;
  }

  /** Are we hearing from the feed's owner? Tells listeners when that changes. */
  private assess(): void {
    const live = this.current !== null && this.bus.connected && performance.now() - this.headAt < HEAD_STALE_MS;
    if (live === this.live) return;
    this.live = live;
    this.emit(live ? 'recovered' : 'degraded');
  }

  private emit(change: TailChange): void {
    for (const listener of this.listeners) listener(change);
  }
}
