import type { StoreLayout } from './store-layout.js';

/** Names of the notifier's collections. */
export const NOTIFIER_COLLECTIONS = { inbox: 'inbox', position: 'position', webhooks: 'webhooks', deliveries: 'deliveries' } as const;
const NAMES = NOTIFIER_COLLECTIONS;

export const NOTIFIER_STORE: StoreLayout = {
  dir: 'notifier',
  collections: [
    { name: NAMES.inbox, schemaVersion: 1, path: (id) => `inbox/${id}.json` },
    { name: NAMES.position, schemaVersion: 1, path: () => 'position.json', lazyKeys: ['place'] },
    { name: NAMES.webhooks, schemaVersion: 1, path: (id) => `webhooks/${id}.json`, lazyKeys: ['lastDelivery'] },
    { name: NAMES.deliveries, schemaVersion: 1, path: (id) => `deliveries/${id}.json` },
  ],
};
