import { NOTIFICATION_TYPES, type NotificationType } from '@orbitmesh/domain';

/** What a webhook may ask for: exact types, or all of them. */
export const WEBHOOK_TYPES = ['notify:*', ...NOTIFICATION_TYPES] as const;
export type WebhookType = NotificationType | 'notify:*';
export const DELIVERY_STATES = ['pending', 'delivered', 'parked'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface CreateWebhookBody {
  url: string;
  /** @default the URL's host */
  name?: string;
  /** @default ['notify:*'] */
  types?: WebhookType[];
  /** null: of every project. Projects belong to session-service, so whether there is such a project is not asked. @default null */
  projectId?: string | null;
  /** @default true */
  active?: boolean;
}
export type UpdateWebhookBody = Partial<CreateWebhookBody>;

/** Marks read whatever all given fields match; everything that is unread when none is given. */
export interface ReadNotificationsBody {
  /** This one, and all that the list gives before it. */
  upTo?: string;
  projectId?: string;
  sessionId?: string;
}
