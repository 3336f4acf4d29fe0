import { Injectable } from '@nestjs/common';
import type { Delivery, Notification, Webhook } from '@orbitmesh/contracts';
import { typesInclude } from '../inbox/notification.js';
import { DELIVERIES_PER_WEBHOOK_MAX, DELIVERY_OWN_BYTES, PENDING_PER_WEBHOOK_MAX } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { NotifierStore, type Change } from '../store/notifier.store.js';
import { deliveryOf, parkedFor } from './delivery.js';
import { DeliveryCounts } from './delivery-counts.js';

/** Bounds of one webhook's deliveries. */
export interface OutboxBounds { pendingMax: number; deliveriesMax: number }
const BOUNDS: OutboxBounds = { pendingMax: PENDING_PER_WEBHOOK_MAX, deliveriesMax: DELIVERIES_PER_WEBHOOK_MAX };

/** What is to be written, and what of it is to be counted once it is. */
export interface Outgoing extends Required<Change> { parked: number; droppedParked: number }

/** What of the inbox goes out to which webhooks: the documents, for the commit that adds the entries. */
@Injectable()
export class Outbox {
  constructor(private readonly store: NotifierStore, private readonly counts: DeliveryCounts, private readonly bounds: OutboxBounds = BOUNDS) {}

  /** Deliveries of these entries, and what makes room for them. Decided on what is pending: no await up to the commit. */
  plan(entries: readonly Notification[], logId: string, now: string): Outgoing {
    const outgoing: Outgoing = { puts: [], deletes: [], parked: 0, droppedParked: 0 };
    if (entries.length === 0) return outgoing;
    for (const webhook of this.store.pending.list<Webhook>(COLLECTIONS.webhooks)) {
      const added = entries.filter((entry) => wants(webhook, entry)).map((entry) => deliveryOf(entry, webhook, logId, now))
        .filter(({ id }) => !this.store.pending.has(COLLECTIONS.deliveries, id));
      if (added.length > 0) this.add(outgoing, webhook.id, added, now);
    }
    return outgoing;
  }

  /** A delivery that a person asked for; whether there is room for it is for the caller to say. */
  one(delivery: Delivery, now: string): Outgoing {
    const outgoing: Outgoing = { puts: [], deletes: [], parked: 0, droppedParked: 0 };
    this.add(outgoing, delivery.webhookId, [delivery], now);
    return outgoing;
  }

  hasRoom(webhookId: string): boolean {
    return this.store.deliveries.of(webhookId, 'pending').length < this.bounds.pendingMax;
  }

  /** At most what an entry adds to a commit: each delivery may push out an older one. */
  bytesOf(entry: Notification): number {
    const bytes = Buffer.byteLength(JSON.stringify(entry));
    return bytes + this.store.pending.count(COLLECTIONS.webhooks) * 2 * (bytes + DELIVERY_OWN_BYTES);
  }

  /** Call when it is durable. */
  count({ parked, droppedParked }: Outgoing): void {
    if (parked > 0) this.counts.parked('queue_full', parked);
    if (droppedParked > 0) this.counts.dropped('parked', droppedParked);
  }

  private add(outgoing: Outgoing, webhookId: string, added: Delivery[], now: string): void {
    const { deliveries, pending } = this.store;
    const changed = new Map(added.map((delivery) => [delivery.id, delivery]));
    const waiting = [...deliveries.of(webhookId, 'pending'), ...changed.keys()].sort();
    const parked = waiting.slice(0, Math.max(0, waiting.length - this.bounds.pendingMax));
    for (const id of parked) {
      const delivery = changed.get(id) ?? pending.get<Delivery>(COLLECTIONS.deliveries, id);
      if (delivery) changed.set(id, parkedFor('queue_full', `More than ${this.bounds.pendingMax} were waiting for this webhook.`, delivery, now));
    }
    const [delivered, given] = [deliveries.of(webhookId, 'delivered'), [...deliveries.of(webhookId, 'parked'), ...parked]];
    const over = waiting.length + delivered.length + deliveries.of(webhookId, 'parked').length - this.bounds.deliveriesMax;
    const dropped = [...delivered, ...given].slice(0, Math.max(0, over));
    for (const id of dropped) changed.delete(id);
    outgoing.puts.push(...[...changed.values()].map((delivery) => put(COLLECTIONS.deliveries, delivery)));
    outgoing.deletes.push(...dropped.map((id) => ({ collection: COLLECTIONS.deliveries, id })));
    outgoing.parked += parked.length;
    outgoing.droppedParked += Math.max(0, dropped.length - delivered.length);
  }
}

function wants(webhook: Webhook, entry: Notification): boolean {
  return webhook.active && typesInclude(webhook.types, entry.type) && (webhook.projectId === null || webhook.projectId === entry.projectId);
}
