import { Injectable } from '@nestjs/common';
import { AppError, assertId } from '@orbitmesh/domain';
import type { CreateWebhookBody, MutationReply, NotifierRpc, Page, RpcRequest, Webhook } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Commands } from '../commands/commands.js';
import type { Decision } from '../commands/decision.js';
import { WEBHOOKS_MAX } from '../limits.js';
import { DeliveryCounts } from '../outbox/delivery-counts.js';
import { withoutPending } from '../outbox/without-pending.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, put, webhookIn } from '../store/documents.js';
import { NotifierStore } from '../store/notifier.store.js';
import { WebhookSecrets } from './webhook-secrets.js';

type Request<K extends keyof typeof NotifierRpc> = RpcRequest<(typeof NotifierRpc)[K]>;

/** What people do with webhooks. Reads show only what is durable. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly store: NotifierStore, private readonly commands: Commands, private readonly secrets: WebhookSecrets, private readonly counts: DeliveryCounts,
  ) {}

  /** Oldest first. With `projectId`: those of that project alone. */
  list({ projectId, cursor, limit }: Request<'listWebhooks'>): Page<Webhook> {
    const webhooks = [...this.store.durable.list<Webhook>(COLLECTIONS.webhooks)];
    return pageOf(webhooks.filter((webhook) => projectId === undefined || webhook.projectId === projectId), { cursor, limit }, ({ id }) => id);
  }

  /** @throws WEBHOOK_NOT_FOUND */
  get(id: string): Webhook {
    assertId(id);
    return webhookIn(this.store.durable, id);
  }

  /** Who may read the webhook may read it: it is as old as the webhook and changes only by `rotateSecret`. @throws WEBHOOK_NOT_FOUND */
  secret(id: string): { secret: string } {
    return { secret: this.secrets.secretOf(this.get(id)) };
  }

  /** @throws LIMIT_REACHED */
  async create({ body, meta }: Request<'createWebhook'>): Promise<MutationReply<Webhook>> {
    return this.commands.run(meta, ({ view, now, newId }) => {
      if (view.count(COLLECTIONS.webhooks) >= WEBHOOKS_MAX) throw new AppError('LIMIT_REACHED', `There may be at most ${WEBHOOKS_MAX} webhooks.`, { max: WEBHOOKS_MAX });
      const { url, name, types, projectId, active } = body;
      const webhook: Webhook = {
        id: newId('webhook'), url, name: name ?? new URL(url).host, types: types ?? ['notify:*'], projectId: projectId ?? null, active: active ?? true,
        secretVersion: 1, createdAt: now, updatedAt: now, revision: 1, lastDelivery: null,
      };
      return { status: 201, body: webhook, puts: [put(COLLECTIONS.webhooks, webhook)] };
    });
  }

  /** What waits goes to the new URL; other types or another project are for what happens from now on. @throws WEBHOOK_NOT_FOUND, REVISION_MISMATCH */
  update({ id, body, meta }: Request<'updateWebhook'>): Promise<MutationReply<Webhook>> {
    return this.change(id, meta, (webhook, now) => {
      const after = merged(webhook, body);
      if (after === null) return { status: 200, body: webhook };
      const changed = { ...after, updatedAt: now, revision: webhook.revision + 1 };
      return { status: 200, body: changed, puts: [put(COLLECTIONS.webhooks, changed)], deletes: changed.active ? [] : withoutPending(this.store, id) };
    });
  }

  /** With all its deliveries. @throws WEBHOOK_NOT_FOUND, REVISION_MISMATCH */
  remove({ id, meta }: Request<'deleteWebhook'>): Promise<MutationReply<null>> {
    return this.change(id, meta, () => ({
      status: 204, body: null,
      deletes: [{ collection: COLLECTIONS.webhooks, id }, ...this.store.deliveries.allOf(id).map((delivery) => ({ collection: COLLECTIONS.deliveries, id: delivery }))],
    }));
  }

  /** The secret before signs nothing any more; what is refused meanwhile is sent again. @throws WEBHOOK_NOT_FOUND, REVISION_MISMATCH */
  rotateSecret({ id, meta }: Request<'rotateWebhookSecret'>): Promise<MutationReply<Webhook>> {
    return this.change(id, meta, (webhook, now) => {
      const rotated = { ...webhook, secretVersion: webhook.secretVersion + 1, updatedAt: now, revision: webhook.revision + 1 };
      return { status: 200, body: rotated, puts: [put(COLLECTIONS.webhooks, rotated)] };
    });
  }

  private async change<T>(id: string, meta: Request<'deleteWebhook'>['meta'], decide: (webhook: Webhook, now: string) => Decision<T>): Promise<MutationReply<T>> {
    assertId(id);
    let dropped = 0;
    const reply = await this.commands.run(meta, ({ view, now }) => {
      const webhook = webhookIn(view, id);
      assertRevision(webhook, meta.ifMatch);
      const decision = decide(webhook, now);
      dropped = waitingAmong(this.store, id, decision.deletes);
      return decision;
    });
    if (dropped > 0) this.counts.dropped('pending', dropped);
    return reply;
  }
}

/** null when it changes nothing. */
function merged(webhook: Webhook, body: Partial<CreateWebhookBody>): Webhook | null {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as Partial<CreateWebhookBody>;
  const after: Webhook = { ...webhook, ...given };
  return JSON.stringify(after) === JSON.stringify(webhook) ? null : after;
}

function waitingAmong(store: NotifierStore, webhookId: string, deletes: Decision<unknown>['deletes'] = []): number {
  const waiting = new Set(store.deliveries.of(webhookId, 'pending'));
  return deletes.filter(({ id }) => waiting.has(id)).length;
}
