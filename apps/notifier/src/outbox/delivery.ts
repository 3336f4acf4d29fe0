import { createHash } from 'node:crypto';
import type { Delivery, LastDelivery, Notification, ParkedReason, Webhook } from '@orbitmesh/contracts';
import { base32 } from '../kernel/base32.js';
import { ATTEMPTS_IN_ORDER, RETRY_AFTER_MS_MAX } from '../limits.js';
import type { RetrySchedule } from './retry-schedule.js';

/** What one request came to; `error` null: taken. */
export interface AttemptResult {
  /** null: there was no answer. */
  status: number | null;
  error: string | null;
  /** What the endpoint's `Retry-After` asks for, ms. */
  retryAfterMs: number | null;
}

/** "This endpoint is gone for good": the one answer that ends more than its own delivery. */
export const GONE = 410;

/**
 * The same event and webhook always make the same id: a ULID of the event's time, its seq (8 digits) and a hash of log and webhook
 * (8 digits). So deliveries sort as the inbox does, and what is read again from the feed goes out under the id it had.
 */
export function deliveryId(logId: string, webhookId: string, { seq, timestamp }: Pick<Notification, 'seq' | 'timestamp'>): string {
  const hash = createHash('sha256').update(`${logId}\n${webhookId}`).digest().readUIntBE(0, 6) % 32 ** 8;
  return `dlv_${base32(Math.max(0, Date.parse(timestamp) || 0), 10)}${base32(seq, 8)}${base32(hash, 8)}`;
}

/** Due at once. */
export function deliveryOf(entry: Notification, webhook: Webhook, logId: string, now: string): Delivery {
  const { projectId, sessionId, taskId, seq, type, timestamp } = entry;
  const id = deliveryId(logId, webhook.id, entry);
  const data = {
    ...entry.data, webhookId: webhook.id, ...(projectId !== undefined && { projectId }), ...(sessionId !== undefined && { sessionId }), ...(taskId !== undefined && { taskId }),
    eventId: entry.eventId, notificationId: entry.id, seq, cursor: `${logId}.${seq}`,
  };
  return newDelivery({ id, type, timestamp, data }, webhook, now);
}

/** What a person sends to see whether it arrives. */
export function testDelivery(id: string, webhook: Webhook, now: string): Delivery {
  const data = { title: 'Test', message: `A test of the webhook ${webhook.name}; nothing has happened.`, webhookId: webhook.id };
  return newDelivery({ id, type: 'webhook:test', timestamp: now, data }, webhook, now);
}

function newDelivery(payload: Delivery['payload'], { id: webhookId }: Webhook, now: string): Delivery {
  return {
    id: payload.id, webhookId, payload, state: 'pending', attempts: 0, nextAttemptAt: now, lastAttemptAt: null, lastStatus: null, lastError: null, parkedReason: null,
    createdAt: now, updatedAt: now, revision: 1,
  };
}

const isTest = ({ payload }: Delivery): boolean => payload.type === 'webhook:test';

/** What a delivery is after an attempt at `at` (ms). A test is tried once: whoever asked for it is there to see why it failed. */
export function afterAttempt(delivery: Delivery, result: AttemptResult, at: number, schedule: RetrySchedule): Delivery {
  const now = new Date(at).toISOString();
  const attempts = delivery.attempts + 1;
  const attempted: Delivery = { ...delivery, attempts, lastAttemptAt: now, lastStatus: result.status, lastError: result.error, updatedAt: now, revision: delivery.revision + 1 };
  if (result.error === null) return { ...attempted, state: 'delivered', nextAttemptAt: null, parkedReason: null };
  const delay = result.status === GONE || isTest(delivery) ? null : schedule.delayAfter(attempts);
  if (delay === null) return { ...attempted, state: 'parked', nextAttemptAt: null, parkedReason: result.status === GONE ? 'gone' : 'attempts' };
  const wait = Math.max(delay, Math.min(result.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX));
  return { ...attempted, nextAttemptAt: new Date(at + wait).toISOString() };
}

/** Given up without a further attempt. */
export function parkedFor(reason: ParkedReason, error: string, delivery: Delivery, now: string): Delivery {
  return { ...delivery, state: 'parked', nextAttemptAt: null, parkedReason: reason, lastError: error, updatedAt: now, revision: delivery.revision + 1 };
}

/** All attempts begin anew, the first at once. */
export function rearmed(delivery: Delivery, now: string): Delivery {
  return { ...delivery, state: 'pending', attempts: 0, nextAttemptAt: now, parkedReason: null, updatedAt: now, revision: delivery.revision + 1 };
}

export function lastDeliveryOf({ id, state, lastStatus, lastError, lastAttemptAt, updatedAt }: Delivery): LastDelivery {
  return { id, state, status: lastStatus, error: lastError, at: lastAttemptAt ?? updatedAt };
}

/**
 * Which of a webhook's waiting deliveries (oldest first) goes out now; else when to look again. A failing one keeps its place for its
 * first attempts, so that order survives a receiver's restart; then those behind it go on. Tests do not queue.
 */
export function nextOf(waiting: readonly Delivery[], now: number): { due: Delivery } | { at: number } | null {
  const test = waiting.find(isTest);
  if (test) return { due: test };
  let earliest = Infinity;
  for (const delivery of waiting) {
    const at = delivery.nextAttemptAt === null ? now : Date.parse(delivery.nextAttemptAt);
    if (at <= now || at > now + RETRY_AFTER_MS_MAX) return { due: delivery };
    earliest = Math.min(earliest, at);
    if (delivery.attempts < ATTEMPTS_IN_ORDER) break;
  }
  return earliest === Infinity ? null : { at: earliest };
}
