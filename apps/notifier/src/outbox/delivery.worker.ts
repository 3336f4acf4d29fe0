import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Delivery, Webhook } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Clock, type Stop } from '../kernel/clock.js';
import { ATTEMPTS_IN_FLIGHT_MAX, LOOK_AGAIN_MS, RECORD_RETRY_MS, SHUTDOWN_GRACE_MS } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { NotifierStore } from '../store/notifier.store.js';
import { WebhookSecrets } from '../webhooks/webhook-secrets.js';
import { nextOf, type AttemptResult } from './delivery.js';
import { AttemptRecorder } from './attempt-recorder.js';
import { HttpSender } from './http-sender.js';

interface Flight { deliveryId: string; stop: AbortController; done: Promise<void> }

/**
 * Sends what waits: one delivery of a webhook at a time, several webhooks at once. It looks at what is on disk, after every commit and
 * whenever a time has come, and keeps nothing else: after a restart the same look finds the same work.
 */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly flights = new Map<string, Flight>();
  /** When each webhook had its turn; counts up. */
  private readonly turns = new Map<string, number>();
  private turn = 0;
  private looking = false;
  private stopped = false;
  private stopTimer: Stop = () => undefined;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly store: NotifierStore, private readonly secrets: WebhookSecrets, private readonly sender: HttpSender, private readonly recorder: AttemptRecorder,
    private readonly clock: Clock, @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = this.store.onCommitted(() => this.lookSoon());
    this.lookSoon();
  }

  /** What is on its way may end; what does not is cut, and sent again after the next start. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.stopListening();
    this.stopTimer();
    const cut = this.clock.after(SHUTDOWN_GRACE_MS, () => { for (const { stop } of this.flights.values()) stop.abort(); });
    await Promise.all([...this.flights.values()].map(({ done }) => done));
    cut();
  }

  get inFlight(): number {
    return this.flights.size;
  }

  /** Once for all that happens in this turn of the event loop. */
  private lookSoon(): void {
    if (this.looking || this.stopped) return;
    this.looking = true;
    setImmediate(() => {
      this.looking = false;
      if (!this.stopped) this.look();
    });
  }

  private look(): void {
    this.stopTimer();
    this.cutWhatIsGone();
    const now = this.clock.wall();
    let wakeAt = now + LOOK_AGAIN_MS;
    for (const webhook of this.inTurn()) {
      // Whoever ends looks again.
      if (this.flights.size >= ATTEMPTS_IN_FLIGHT_MAX) return;
      const next = nextOf(this.waitingOf(webhook.id), now);
      if (next && 'due' in next) this.start(webhook, next.due);
      else if (next) wakeAt = Math.min(wakeAt, next.at);
    }
    if (this.store.deliveries.waiting().length > this.flights.size) this.stopTimer = this.clock.after(wakeAt - now, () => this.lookSoon());
  }

  /** Those with something to send and nothing on its way; the one whose turn was longest ago first. */
  private inTurn(): Webhook[] {
    const webhooks = this.store.deliveries.waiting().filter((id) => !this.flights.has(id)).flatMap((id) => this.store.durable.get<Webhook>(COLLECTIONS.webhooks, id) ?? []);
    return webhooks.filter(({ active }) => active).sort((a, b) => (this.turns.get(a.id) ?? 0) - (this.turns.get(b.id) ?? 0));
  }

  /** What waits now and did so on disk: nothing goes out of a commit that may still fail. */
  private waitingOf(webhookId: string): Delivery[] {
    const durable = this.store.deliveries.of(webhookId, 'pending').flatMap((id) => this.store.durable.get<Delivery>(COLLECTIONS.deliveries, id) ?? []);
    return durable.filter(({ state }) => state === 'pending');
  }

  /** The webhook was deleted or set inactive, with its deliveries. */
  private cutWhatIsGone(): void {
    for (const { deliveryId, stop } of this.flights.values()) {
      if (!this.store.durable.has(COLLECTIONS.deliveries, deliveryId)) stop.abort();
    }
  }

  private start(webhook: Webhook, delivery: Delivery): void {
    const stop = new AbortController();
    this.turns.set(webhook.id, this.turn += 1);
    const done = this.deliver(webhook, delivery, stop.signal).finally(() => {
      this.flights.delete(webhook.id);
      this.lookSoon();
    });
    this.flights.set(webhook.id, { deliveryId: delivery.id, stop, done });
  }

  private async deliver(webhook: Webhook, { id, payload }: Delivery, stop: AbortSignal): Promise<void> {
    const body = JSON.stringify(payload);
    const result = await this.attempt(webhook, id, body, stop);
    if (result === null) return;
    while (!(await this.recorder.record(id, result))) {
      if (this.stopped) return;
      await this.pause(RECORD_RETRY_MS, stop);
    }
  }

  /** Until the time is over, or we stop. */
  private pause(ms: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        cancel();
        stop.removeEventListener('abort', over);
        resolve();
      };
      const cancel = this.clock.after(ms, over);
      stop.addEventListener('abort', over);
    });
  }

  private async attempt(webhook: Webhook, id: string, body: string, stop: AbortSignal): Promise<AttemptResult | null> {
    try {
      const headers = {
        'content-type': 'application/json', 'user-agent': 'OrbitMesh-Webhook/1',
        ...this.secrets.headersFor(webhook, id, Math.floor(this.clock.wall() / 1_000), body),
      };
      return await this.sender.send({ url: webhook.url, headers, body }, stop);
    } catch (error) {
      // Ours, then; it must not end the loop, and is visible where every failure is.
      this.logger.error({ err: error, webhookId: webhook.id, deliveryId: id }, 'webhook request could not be made');
      return { status: null, error: 'The request could not be made.', retryAfterMs: null };
    }
  }
}
