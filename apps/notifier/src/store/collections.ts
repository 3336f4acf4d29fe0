import type { Delivery, Notification, Webhook } from '@orbitmesh/contracts';
import type { CollectionSpec } from '@orbitmesh/storage';
import type { Position } from '../inbox/position.js';

export const COLLECTIONS = { inbox: 'inbox', position: 'position', webhooks: 'webhooks', deliveries: 'deliveries' } as const;

const INBOX: CollectionSpec<Notification> = { name: COLLECTIONS.inbox, schemaVersion: 1, path: (id) => `inbox/${id}.json` };
const POSITION: CollectionSpec<Position> = { name: COLLECTIONS.position, schemaVersion: 1, path: () => 'position.json', lazyKeys: ['place'] };
const WEBHOOKS: CollectionSpec<Webhook> = { name: COLLECTIONS.webhooks, schemaVersion: 1, path: (id) => `webhooks/${id}.json`, lazyKeys: ['lastDelivery'] };
const DELIVERIES: CollectionSpec<Delivery> = { name: COLLECTIONS.deliveries, schemaVersion: 1, path: (id) => `deliveries/${id}.json` };

/** Everything under `$ORBITMESH_HOME/notifier` that is a document. */
export const COLLECTION_SPECS: CollectionSpec[] = [INBOX, POSITION, WEBHOOKS, DELIVERIES];
