/** A place that is told of notifications; the secret that signs is not part of it. */
export interface Webhook {
  id: string;
  url: string;
  name: string;
  types: string[];
  projectId: string | null;
  active: boolean;
  secretVersion: number;
  lastDelivery: Record<string, unknown> | null;
  createdAt: string;
  updatedAt: string;
  revision: number;
}

export interface CreateWebhookBody { url: string; name?: string; types?: string[]; projectId?: string | null; active?: boolean }
export type UpdateWebhookBody = Partial<CreateWebhookBody>;

export const DELIVERY_STATES = ['pending', 'delivered', 'parked'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event on its way to one webhook. */
export interface Delivery { id: string; webhookId: string; state: DeliveryState; createdAt: string; [more: string]: unknown }
