import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { damageLog, Installation, Lifecycle, LOGGER, StoreCloser, type Logger } from '@orbitmesh/service-kit';
import { Commands } from './commands/commands.js';
import { FeedFollower } from './feed/feed.follower.js';
import { HealthController } from './health.controller.js';
import { InboxController } from './inbox/inbox.controller.js';
import { InboxRepository } from './inbox/inbox.repository.js';
import { InboxService } from './inbox/inbox.service.js';
import { Clock } from './kernel/clock.js';
import { NotifierConfig } from './notifier.config.js';
import { AttemptRecorder } from './outbox/attempt-recorder.js';
import { DeliveryCounts } from './outbox/delivery-counts.js';
import { DeliveryWorker } from './outbox/delivery.worker.js';
import { HttpSender } from './outbox/http-sender.js';
import { Outbox } from './outbox/outbox.js';
import { RetrySchedule } from './outbox/retry-schedule.js';
import { NotifierStore } from './store/notifier.store.js';
import { DeliveriesService } from './webhooks/deliveries.service.js';
import { WebhookSecrets } from './webhooks/webhook-secrets.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { WebhooksService } from './webhooks/webhooks.service.js';

const directory = ({ home }: NotifierConfig): string => join(home, 'notifier');

@Module({
  providers: [
    Clock,
    {
      provide: NotifierStore,
      inject: [NotifierConfig, Installation, Lifecycle, LOGGER],
      useFactory: async (config: NotifierConfig, { installationId }: Installation, lifecycle: Lifecycle, logger: Logger) => {
        const store = await NotifierStore.open({ dir: directory(config), installationId, onDamage: damageLog(logger) });
        lifecycle.leaveWithout('the store', () => store.health().owned);
        return store;
      },
    },
    { provide: StoreCloser, inject: [NotifierStore, LOGGER], useFactory: (store: NotifierStore, logger: Logger) => new StoreCloser(store, logger) },
    {
      provide: WebhookSecrets,
      // The store holds the lock of the directory by now.
      inject: [NotifierConfig, Installation, NotifierStore],
      useFactory: (config: NotifierConfig, { installationId }: Installation) => WebhookSecrets.load(directory(config), installationId),
    },
    { provide: RetrySchedule, useFactory: () => new RetrySchedule() },
    { provide: Outbox, inject: [NotifierStore, DeliveryCounts], useFactory: (store: NotifierStore, counts: DeliveryCounts) => new Outbox(store, counts) },
    {
      provide: InboxRepository,
      inject: [NotifierStore, Outbox, Clock],
      useFactory: (store: NotifierStore, outbox: Outbox, clock: Clock) => new InboxRepository(store, outbox, clock),
    },
    Commands, DeliveryCounts, InboxService, WebhooksService, DeliveriesService,
    FeedFollower, HttpSender, AttemptRecorder, DeliveryWorker,
    InboxController, WebhooksController, HealthController,
  ],
})
export class AppModule {}
