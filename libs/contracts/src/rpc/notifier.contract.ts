import type { NotificationData, NotificationType } from '@orbitmesh/domain';
import type { CreateWebhookBody, DeliveryState, ReadNotificationsBody, UpdateWebhookBody, WebhookType } from '../http/webhook.bodies.js';
import { REQUEST_TIMEOUT_MS } from './limits.js';
import type { MetricsReport } from './metrics.js';
import { defineRpc, type CommandMeta, type MutationReply, type Page, type PageQuery } from './rpc.js';
import type { ServiceHealth } from './session.contract.js';

/** One entry of the inbox; made from exactly one `notify:*` event, whose seq is in its id. */
export interface Notification {
  id: string;
  eventId: string;
  seq: number;
  type: NotificationType;
  timestamp: string;
  projectId?: string;
  sessionId?: string;
  taskId?: string;
  data: NotificationData;
  readAt: string | null;
  revision: number;
}

/** Where notifications go out to. Its secret is computed, so it is nowhere in here (ADR-0010). */
export interface Webhook {
  id: string;
  url: string;
  name: string;
  types: WebhookType[];
  projectId: string | null;
  active: boolean;
  /** Which secret signs; `rotate-secret` makes it one more. */
  secretVersion: number;
  createdAt: string;
  updatedAt: string;
  /** Counts what people changed: it does not move with `lastDelivery`. */
  revision: number;
  /** What came of the latest attempt. */
  lastDelivery: LastDelivery | null;
}
export interface LastDelivery { id: string; state: DeliveryState; status: number | null; error: string | null; at: string }

/** The body of the request, as it is signed and sent; the same bytes at every attempt. */
export interface WebhookPayload {
  /** The delivery's id, also the header `webhook-id`: by it a receiver knows what it has already. */
  id: string;
  type: NotificationType | 'webhook:test';
  /** When it happened. */
  timestamp: string;
  data: NotificationData & {
    webhookId: string;
    projectId?: string; sessionId?: string; taskId?: string;
    /** Not in a test. The same in the deliveries of all webhooks. */
    eventId?: string; notificationId?: string; seq?: number; cursor?: string;
  };
}

/** One notification on its way to one webhook. */
export interface Delivery {
  id: string;
  webhookId: string;
  payload: WebhookPayload;
  state: DeliveryState;
  attempts: number;
  /** null when there will be none. */
  nextAttemptAt: string | null;
  lastAttemptAt: string | null;
  /** HTTP status of the latest attempt; null when there was no answer. */
  lastStatus: number | null;
  /** What was wrong with the latest attempt, or why it was parked, in our words; what the endpoint said is not kept. */
  lastError: string | null;
  parkedReason: ParkedReason | null;
  createdAt: string;
  updatedAt: string;
  revision: number;
}
/** `attempts`: the last one failed; `gone`: 410; `queue_full`: newer ones needed the room. */
export type ParkedReason = 'attempts' | 'gone' | 'queue_full';

type InboxFilter = { unread?: boolean; sessionId?: string; projectId?: string; types?: WebhookType[] };

const rpc = <Req, Res>(name: string) => defineRpc<Req, Res>('notifier', name, REQUEST_TIMEOUT_MS);
/** A mutation: the request is its fields plus `meta`. */
const command = <Req extends object, Doc>(name: string) => rpc<Req & { meta: CommandMeta }, MutationReply<Doc>>(name);

export const NotifierRpc = {
  list: rpc<PageQuery & InboxFilter, Page<Notification>>('inbox.list'),
  get: rpc<{ id: string }, Notification>('inbox.get'),
  markRead: command<{ id: string }, Notification>('inbox.markRead'),
  markUnread: command<{ id: string }, Notification>('inbox.markUnread'),
  readMany: command<{ body: ReadNotificationsBody }, { read: number }>('inbox.readMany'),

  createWebhook: command<{ body: CreateWebhookBody }, Webhook>('webhook.create'),
  listWebhooks: rpc<PageQuery & { projectId?: string }, Page<Webhook>>('webhook.list'),
  getWebhook: rpc<{ id: string }, Webhook>('webhook.get'),
  updateWebhook: command<{ id: string; body: UpdateWebhookBody }, Webhook>('webhook.update'),
  deleteWebhook: command<{ id: string }, null>('webhook.delete'),
  webhookSecret: rpc<{ id: string }, { secret: string }>('webhook.secret'),
  rotateWebhookSecret: command<{ id: string }, Webhook>('webhook.rotateSecret'),
  testWebhook: command<{ id: string }, Delivery>('webhook.test'),
  listDeliveries: rpc<{ id: string; state?: DeliveryState } & PageQuery, Page<Delivery>>('webhook.delivery.list'),
  getDelivery: rpc<{ id: string; deliveryId: string }, Delivery>('webhook.delivery.get'),
  retryDelivery: command<{ id: string; deliveryId: string }, Delivery>('webhook.delivery.retry'),

  health: rpc<Record<string, never>, ServiceHealth>('health'),
  metrics: rpc<Record<string, never>, MetricsReport>('metrics'),
} as const;
