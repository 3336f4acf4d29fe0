import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { EventEnvelope } from '@orbitmesh/domain';
import { HEAD_BEACON_MS, PAGE_BYTES_MAX, Topics } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store, type Committed } from '@orbitmesh/storage';
import { Clock, type Stop } from '../kernel/clock.js';

/**
 * Tells the gateways what became durable, in order, and twice a second where the feed stands. Best effort:
 * what is not heard is paged, so nothing here can fail a command (design §5).
 */
@Injectable()
export class Publisher implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private stopBeacon: Stop = () => undefined;
  private stops: Stop[] = [];
  private failed = 0;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Bus) private readonly bus: Pick<Bus, 'publish' | 'onStatus' | 'connected'>,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stops = [
      this.store.onCommitted((committed) => this.attempt(() => this.publishCommitted(committed))),
      this.bus.onStatus((status) => { if (status === 'connected') this.publishHead(); }),
    ];
    this.stopBeacon = this.clock.every(HEAD_BEACON_MS, () => this.publishHead());
    this.publishHead();
  }

  onModuleDestroy(): void {
    this.stopBeacon();
    this.publishHead();
  }

  /** Not before the bus has drained: what its last handlers commit is told as well. */
  onApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  /** Messages that could not be published although there was a connection. */
  get failures(): number {
    return this.failed;
  }

  private publishCommitted({ events }: Committed): void {
    if (!this.bus.connected || events.length === 0) return;
    const { logId } = this.store;
    for (const part of partsOf(events)) this.bus.publish(Topics.committed, { logId, events: part });
  }

  private publishHead(): void {
    if (!this.bus.connected) return;
    this.attempt(() => void this.bus.publish(Topics.head, { logId: this.store.logId, ...this.store.head() }));
  }

  private attempt(publish: () => void): void {
    try {
      publish();
    } catch (err) {
      this.failed += 1;
      this.logger.warn({ err }, 'publish failed');
    }
  }
}

/** Splits at PAGE_BYTES_MAX; one event always fits by itself. */
export function* partsOf(events: readonly EventEnvelope[]): Iterable<EventEnvelope[]> {
  let part: EventEnvelope[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = events.length === 1 ? 0 : Buffer.byteLength(JSON.stringify(event)) + 1;
    if (part.length > 0 && bytes + size > PAGE_BYTES_MAX) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(event);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
