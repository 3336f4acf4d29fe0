import type { StoreLayout } from './store-layout.js';

/** Names of the notifier's collections. */
export const NOTIFIER_COLLECTIONS = { inbox: 'inbox', position: 'position', webhooks: 'webhooks', deliveries: 'deliveries' } as const;
const NAMES = NOTIFIER_COLLECTIONS;

export const NOTIFIER_STORE: StoreLayout = {
  dir: 'notifier',
  collections: [
    { name: NAMES.inbox, schemaVersion: 1, path: (id) => `inbox/${id}.json`, shape: { id: 'string', seq: 'number', type: 'string' } },
    { name: NAMES.position, schemaVersion: 1, path: () => 'position.json', lazyKeys: ['place'], shape: { id: 'string', jumps: 'array', jumpCount: 'number' } },
    { name: NAMES.webhooks, schemaVersion: 1, path: (id) => `webhooks/${id}.json`, lazyKeys: ['lastDelivery'], shape: { id: 'string', url: 'string', types: 'array', secretVersion: 'number' } },
    { name: NAMES.deliveries, schemaVersion: 1, path: (id) => `deliveries/${id}.json`, shape: { id: 'string', webhookId: 'string', payload: 'object', state: 'string', attempts: 'number' } },
  ],
};
