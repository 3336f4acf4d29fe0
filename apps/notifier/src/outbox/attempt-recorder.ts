import { Inject, Injectable } from '@nestjs/common';
import type { Delivery, Webhook } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Clock } from '../kernel/clock.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { NotifierStore, type Change } from '../store/notifier.store.js';
import { afterAttempt, GONE, lastDeliveryOf, type AttemptResult } from './delivery.js';
import { DeliveryCounts } from './delivery-counts.js';
import { RetrySchedule } from './retry-schedule.js';
import { withoutPending } from './without-pending.js';

interface Outcome extends Change { delivery: Delivery; webhook: Webhook; dropped: number }

/** Writes down what came of an attempt, with what follows from it, in one commit. */
@Injectable()
export class AttemptRecorder {
  constructor(
    private readonly store: NotifierStore, private readonly schedule: RetrySchedule, private readonly counts: DeliveryCounts, private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** False when it could not be written: try again, the endpoint has it. */
  async record(deliveryId: string, result: AttemptResult): Promise<boolean> {
    const outcome = this.decide(deliveryId, result);
    try {
      if (outcome) await this.store.commit(outcome);
    } catch (error) {
      this.logger.error({ err: error, deliveryId }, 'what came of a delivery could not be written, trying again');
      return false;
    }
    this.tell(outcome, result);
    return true;
  }

  /** null when there is nothing to write any more. */
  private decide(deliveryId: string, result: AttemptResult): Outcome | null {
    const before = this.store.pending.get<Delivery>(COLLECTIONS.deliveries, deliveryId);
    const webhook = before && this.store.pending.get<Webhook>(COLLECTIONS.webhooks, before.webhookId);
    // Deleted meanwhile; or parked to make room, which a failure does not change.
    if (!webhook || (before.state !== 'pending' && result.error !== null)) return null;
    const delivery = afterAttempt(before, result, this.clock.wall(), this.schedule);
    const heard: Webhook = { ...webhook, lastDelivery: lastDeliveryOf(delivery) };
    if (result.status !== GONE) return { delivery, webhook: heard, dropped: 0, puts: [put(COLLECTIONS.deliveries, delivery), put(COLLECTIONS.webhooks, heard)] };
    const closed: Webhook = { ...heard, active: false, updatedAt: delivery.updatedAt, revision: webhook.revision + 1 };
    const deletes = withoutPending(this.store, webhook.id).filter(({ id }) => id !== deliveryId);
    return { delivery, webhook: closed, dropped: deletes.length, puts: [put(COLLECTIONS.deliveries, delivery), put(COLLECTIONS.webhooks, closed)], deletes };
  }

  private tell(outcome: Outcome | null, { status, error }: AttemptResult): void {
    if (error !== null) this.counts.failedAttempt();
    if (!outcome) return;
    const { delivery, webhook, dropped } = outcome;
    // Never the URL: a token may be in it.
    const fields = { webhookId: webhook.id, deliveryId: delivery.id, attempts: delivery.attempts, status };
    if (delivery.state === 'delivered') this.counts.delivered();
    else if (delivery.state === 'pending') this.logger.info({ ...fields, reason: error, nextAttemptAt: delivery.nextAttemptAt }, 'webhook delivery failed, trying again');
    else {
      this.counts.parked(delivery.parkedReason ?? 'attempts');
      this.logger.warn({ ...fields, reason: error }, 'webhook delivery parked');
    }
    if (dropped > 0) this.counts.dropped('pending', dropped);
    if (delivery.parkedReason === 'gone') this.logger.warn({ webhookId: webhook.id, dropped }, 'webhook endpoint is gone, webhook set inactive');
  }
}
