import type { Delivery, Notification, Webhook } from '@orbitmesh/contracts';
import type { CollectionSpec } from '@orbitmesh/storage';
import type { Position } from '../inbox/position.js';

export const COLLECTIONS = { inbox: 'inbox', position: 'position', webhooks: 'webhooks', deliveries: 'deliveries' } as const;

const INBOX: CollectionSpec<Notification> = { name: COLLECTIONS.inbox, schemaVersion: 1, path: (id) => `inbox/${id}.json`, shape: { id: 'string', seq: 'number', type: 'string' } };
const POSITION: CollectionSpec<Position> = { name: COLLECTIONS.position, schemaVersion: 1, path: () => 'position.json', lazyKeys: ['place'], shape: { id: 'string', jumps: 'array', jumpCount: 'number' } };
const WEBHOOKS: CollectionSpec<Webhook> = { name: COLLECTIONS.webhooks, schemaVersion: 1, path: (id) => `webhooks/${id}.json`, lazyKeys: ['lastDelivery'], shape: { id: 'string', url: 'string', types: 'array', secretVersion: 'number' } };
const DELIVERIES: CollectionSpec<Delivery> = { name: COLLECTIONS.deliveries, schemaVersion: 1, path: (id) => `deliveries/${id}.json`, shape: { id: 'string', webhookId: 'string', payload: 'object', state: 'string', attempts: 'number' } };

/** Everything under `$ORBITMESH_HOME/notifier` that is a document. */
export const COLLECTION_SPECS: CollectionSpec[] = [INBOX, POSITION, WEBHOOKS, DELIVERIES];
