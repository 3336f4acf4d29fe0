import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NotifierRpc, type ServiceHealth } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry, Metrics } from '@orbitmesh/service-kit';
import { FeedFollower } from './feed/feed.follower.js';
import { InboxRepository } from './inbox/inbox.repository.js';
import { Clock, type Stop } from './kernel/clock.js';
import { HEALTH_MS } from './limits.js';
import { DeliveryCounts } from './outbox/delivery-counts.js';
import { DeliveryWorker } from './outbox/delivery.worker.js';
import { COLLECTIONS } from './store/collections.js';
import { NotifierStore } from './store/notifier.store.js';

/** How the notifier is. */
@Injectable()
export class HealthController implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private stop: Stop = () => undefined;

  constructor(
    private readonly bus: Bus, private readonly store: NotifierStore, private readonly inbox: InboxRepository, private readonly follower: FeedFollower,
    private readonly worker: DeliveryWorker, private readonly counts: DeliveryCounts, private readonly health: HealthRegistry, private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.bus.serve(NotifierRpc.health, () => this.report());
    this.bus.serve(NotifierRpc.metrics, () => ({ families: this.metrics.collect() }));
    for (const state of ['pending', 'parked'] as const) {
      this.metrics.gaugeOf(`orbitmesh_webhook_deliveries_${state}`, `Deliveries that are ${state} now.`, () => this.store.deliveries.totals()[state]);
    }
  }

  onApplicationBootstrap(): void {
    this.look();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** Also when nobody asks: who started it is told when it cannot serve, and when it can again. */
  private look(): void {
    this.lookAtStore();
    this.stop = this.clock.after(HEALTH_MS, () => this.look());
  }

  private lookAtStore(): void {
    const store = this.store.health();
    this.health.set('store', store.writable, { ...store });
  }

  private report(): ServiceHealth {
    this.lookAtStore();
    const { jumpCount, droppedRead, droppedUnread } = this.inbox.durablePosition();
    this.health.set('inbox', true, { entries: this.inbox.count, droppedRead, droppedUnread });
    // Being behind is no fault of ours: session-service may be away. Nor is an endpoint that takes nothing.
    this.health.set('feed', true, { ...this.follower.state(), jumpCount });
    const sinceStart = this.counts.all();
    this.health.set('webhooks', true, { webhooks: this.store.durable.count(COLLECTIONS.webhooks), ...this.store.deliveries.totals(), inFlight: this.worker.inFlight, sinceStart });
    return this.health.report();
  }
}
