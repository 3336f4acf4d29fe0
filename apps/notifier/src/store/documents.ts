import { AppError, isId, type ErrorCode } from '@orbitmesh/domain';
import type { Delivery, Notification, Webhook } from '@orbitmesh/contracts';
import type { View } from '@orbitmesh/storage';
import { COLLECTIONS } from './collections.js';

/** What a view holds, by noun. @throws NOTIFICATION_NOT_FOUND */
export const notificationIn = (view: View, id: string): Notification => found(view, COLLECTIONS.inbox, id, 'NOTIFICATION_NOT_FOUND');

/** @throws WEBHOOK_NOT_FOUND */
export const webhookIn = (view: View, id: string): Webhook => found(view, COLLECTIONS.webhooks, id, 'WEBHOOK_NOT_FOUND');

/** @throws WEBHOOK_NOT_FOUND; DELIVERY_NOT_FOUND, also when it is another webhook's. */
export function deliveryIn(view: View, webhookId: string, id: string): Delivery {
  webhookIn(view, webhookId);
  const delivery = found<Delivery>(view, COLLECTIONS.deliveries, id, 'DELIVERY_NOT_FOUND');
  return delivery.webhookId === webhookId ? delivery : missing('DELIVERY_NOT_FOUND', id);
}

export const put = <T extends { id: string }>(collection: string, doc: T): { collection: string; id: string; doc: T } =>
  ({ collection, id: doc.id, doc });

/** @throws REVISION_MISMATCH when the caller saw another revision (If-Match). */
export function assertRevision(doc: { revision: number }, ifMatch: number | undefined): void {
  if (ifMatch !== undefined && ifMatch !== doc.revision) {
    throw new AppError('REVISION_MISMATCH', `The revision is ${doc.revision}, which If-Match does not name.`, { revision: doc.revision });
  }
}

function found<T>(view: View, collection: string, id: string, code: ErrorCode): T {
  return (isId(id) ? view.get<T>(collection, id) : undefined) ?? missing(code, id);
}

/** An id from outside may be anything; only a bounded piece of it goes into an answer. */
function missing(code: ErrorCode, id: string): never {
  throw new AppError(code, undefined, { id: String(id).slice(0, 80) });
}
