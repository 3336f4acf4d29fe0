import type { NotificationType } from '@orbitmesh/domain';
import type { CommandMeta, CreateWebhookBody, Delivery, Notification, Webhook } from '@orbitmesh/contracts';
import { createLogger, Metrics } from '@orbitmesh/service-kit';
import type { StorageFs } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import { InboxService } from '../inbox/inbox.service.js';
import { notificationOf, type NotifyEvent } from '../inbox/notification.js';
import { SHUTDOWN_GRACE_MS } from '../limits.js';
import { AttemptRecorder } from '../outbox/attempt-recorder.js';
import { DeliveryCounts } from '../outbox/delivery-counts.js';
import { DeliveryWorker } from '../outbox/delivery.worker.js';
import { HttpSender } from '../outbox/http-sender.js';
import { Outbox, type OutboxBounds } from '../outbox/outbox.js';
import { RetrySchedule } from '../outbox/retry-schedule.js';
import { COLLECTIONS } from '../store/collections.js';
import { NotifierStore } from '../store/notifier.store.js';
import { DeliveriesService } from '../webhooks/deliveries.service.js';
import { WebhookSecrets } from '../webhooks/webhook-secrets.js';
import { WebhooksService } from '../webhooks/webhooks.service.js';
import { FakeClock } from './fake-clock.js';

export const LOG_ID = 'in_test-1';
export const meta = (more: Partial<CommandMeta> = {}): CommandMeta => ({ actor: { kind: 'admin' }, traceId: 't', ...more });
export const withKey = (key: string, bodyHash = 'h'): CommandMeta => meta({ idempotency: { scope: 'tok POST /x', key, bodyHash } });

export interface TestNotifierOptions { dir: string; clock?: FakeClock; fs?: StorageFs; entriesMax?: number; bounds?: OutboxBounds; delaysMs?: number[] }

/** The notifier without NATS: real disk, real HTTP, and a clock that moves when the test says so. Its waits have no jitter. */
export class TestNotifier {
  readonly counts = new DeliveryCounts(new Metrics());
  readonly inbox: InboxRepository;
  readonly people: InboxService;
  readonly webhooks: WebhooksService;
  readonly deliveries: DeliveriesService;
  readonly worker: DeliveryWorker;

  private constructor(options: TestNotifierOptions, readonly clock: FakeClock, readonly store: NotifierStore, readonly secrets: WebhookSecrets) {
    const logger = createLogger({ service: 'spec', level: 'silent' });
    const outbox = new Outbox(store, this.counts, options.bounds);
    const commands = new Commands(store, clock);
    this.inbox = new InboxRepository(store, outbox, clock, options.entriesMax);
    this.people = new InboxService(this.inbox, commands);
    this.webhooks = new WebhooksService(store, commands, secrets, this.counts);
    this.deliveries = new DeliveriesService(store, outbox, commands);
    const recorder = new AttemptRecorder(store, new RetrySchedule(options.delaysMs, () => 0.5), this.counts, clock, logger);
    this.worker = new DeliveryWorker(store, secrets, new HttpSender(clock), recorder, clock, logger);
  }

  static async open(options: TestNotifierOptions): Promise<TestNotifier> {
    const clock = options.clock ?? new FakeClock();
    const store = await NotifierStore.open({ dir: options.dir, installationId: 'in_test', fs: options.fs });
    return new TestNotifier(options, clock, store, await WebhookSecrets.load(options.dir, 'in_test'));
  }

  /** With the worker at work. */
  static async start(options: TestNotifierOptions): Promise<TestNotifier> {
    const notifier = await TestNotifier.open(options);
    notifier.worker.onApplicationBootstrap();
    return notifier;
  }

  async close(): Promise<void> {
    const stopping = this.worker.onModuleDestroy();
    this.clock.advance(SHUTDOWN_GRACE_MS);
    await stopping;
    await this.store.close();
  }

  /** What the follower does with the next events of the feed. */
  async tell(...types: NotificationType[]): Promise<Notification[]> {
    const from = this.inbox.position().place;
    const entries = types.map((type, n) => entryOf((from?.seq ?? 0) + n + 1, { type }));
    const { seq } = entries[entries.length - 1];
    await this.inbox.add(entries, from, { logId: LOG_ID, seq, cursor: `${LOG_ID}.${seq}` });
    return entries;
  }

  async putEntry(entry: Notification): Promise<void> {
    await this.store.commit({ puts: [{ collection: COLLECTIONS.inbox, id: entry.id, doc: entry }] });
  }

  async createWebhook(body: CreateWebhookBody): Promise<Webhook> {
    return (await this.webhooks.create({ body, meta: meta() })).body;
  }

  /** Durable, oldest first. */
  deliveriesOf(webhookId: string): Delivery[] {
    return this.deliveries.list({ id: webhookId, limit: 200 }).items;
  }
}

export function entryOf(seq: number, { type = 'notify:progress', ...more }: Partial<NotifyEvent> = {}): Notification {
  return notificationOf(LOG_ID, {
    seq, cursor: `${LOG_ID}.${seq}`, id: `evt_${LOG_ID}-${seq}`, type, timestamp: new Date(1_750_000_000_000 + seq).toISOString(), commitEnd: true,
    projectId: 'proj_1', sessionId: `sess_${seq % 2}`, data: { title: `title ${seq}`, message: `message ${seq}` }, ...more,
  });
}
