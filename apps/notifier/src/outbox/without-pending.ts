import { COLLECTIONS } from '../store/collections.js';
import type { NotifierStore } from '../store/notifier.store.js';

/** What goes when a webhook is not to be served any more: everything that waits for it. */
export function withoutPending(store: NotifierStore, webhookId: string): { collection: string; id: string }[] {
  return store.deliveries.of(webhookId, 'pending').map((id) => ({ collection: COLLECTIONS.deliveries, id }));
}
