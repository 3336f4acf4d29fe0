import { Injectable } from '@nestjs/common';
import { AppError, assertId } from '@orbitmesh/domain';
import type { Delivery, MutationReply, NotifierRpc, Page, RpcRequest, Webhook } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Commands } from '../commands/commands.js';
import { rearmed, testDelivery } from '../outbox/delivery.js';
import { Outbox, type Outgoing } from '../outbox/outbox.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, deliveryIn, put, webhookIn } from '../store/documents.js';
import { NotifierStore } from '../store/notifier.store.js';

type Request<K extends keyof typeof NotifierRpc> = RpcRequest<(typeof NotifierRpc)[K]>;

/** What people do with what goes out to a webhook. Reads show only what is durable. */
@Injectable()
export class DeliveriesService {
  constructor(private readonly store: NotifierStore, private readonly outbox: Outbox, private readonly commands: Commands) {}

  /** Oldest first. @throws WEBHOOK_NOT_FOUND */
  list({ id, state, cursor, limit }: Request<'listDeliveries'>): Page<Delivery> {
    assertId(id);
    webhookIn(this.store.durable, id);
    const deliveries = [...this.store.durable.list<Delivery>(COLLECTIONS.deliveries)].filter((one) => one.webhookId === id && (state === undefined || one.state === state));
    return pageOf(deliveries, { cursor, limit }, (delivery) => delivery.id);
  }

  /** @throws WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND */
  get({ id, deliveryId }: Request<'getDelivery'>): Delivery {
    assertId(id);
    assertId(deliveryId, 'deliveryId');
    return deliveryIn(this.store.durable, id, deliveryId);
  }

  /** @throws WEBHOOK_NOT_FOUND, REVISION_MISMATCH, CONFLICT while the webhook is inactive, LIMIT_REACHED */
  async test({ id, meta }: Request<'testWebhook'>): Promise<MutationReply<Delivery>> {
    assertId(id);
    let outgoing: Outgoing | undefined;
    const reply = await this.commands.run(meta, ({ view, now, newId }) => {
      const webhook = webhookIn(view, id);
      assertRevision(webhook, meta.ifMatch);
      this.assertServed(webhook);
      const delivery = testDelivery(newId('delivery'), webhook, now);
      outgoing = this.outbox.one(delivery, now);
      return { status: 202, body: delivery, puts: outgoing.puts, deletes: outgoing.deletes };
    });
    if (outgoing) this.outbox.count(outgoing);
    return reply;
  }

  /**
   * A parked one begins anew; one that waits is due at once.
   * @throws WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND, REVISION_MISMATCH, LIMIT_REACHED; CONFLICT when it was delivered, or the webhook is inactive.
   */
  async retry({ id, deliveryId, meta }: Request<'retryDelivery'>): Promise<MutationReply<Delivery>> {
    assertId(id);
    assertId(deliveryId, 'deliveryId');
    return this.commands.run(meta, ({ view, now }) => {
      const delivery = deliveryIn(view, id, deliveryId);
      assertRevision(delivery, meta.ifMatch);
      if (delivery.state === 'delivered') throw new AppError('CONFLICT', 'The delivery was taken; it is not sent twice.', { state: delivery.state });
      if (delivery.state === 'parked') this.assertServed(webhookIn(view, id));
      const due = delivery.state === 'parked' ? rearmed(delivery, now) : { ...delivery, nextAttemptAt: now, updatedAt: now, revision: delivery.revision + 1 };
      return { status: 202, body: due, puts: [put(COLLECTIONS.deliveries, due)] };
    });
  }

  /** @throws CONFLICT, LIMIT_REACHED */
  private assertServed(webhook: Webhook): void {
    if (!webhook.active) throw new AppError('CONFLICT', 'The webhook is inactive; set `active` first.', { active: false });
    if (!this.outbox.hasRoom(webhook.id)) throw new AppError('LIMIT_REACHED', 'Too many deliveries are waiting for this webhook already.');
  }
}
