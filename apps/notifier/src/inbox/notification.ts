import { createHash } from 'node:crypto';
import { NOTIFICATION_TYPES, type EventEnvelope, type NotificationData, type NotificationType } from '@orbitmesh/domain';
import type { Notification, WebhookType } from '@orbitmesh/contracts';
import { base32 } from '../kernel/base32.js';
import { TEXT_CHARS_MAX } from '../limits.js';

const TYPES: ReadonlySet<string> = new Set(NOTIFICATION_TYPES);

export type NotifyEvent = EventEnvelope<NotificationType, NotificationData>;

export function isNotifyEvent(event: EventEnvelope): event is NotifyEvent {
  return TYPES.has(event.type);
}

/**
 * The same event always makes the same id: a ULID of the event's time, its seq (10 digits) and the log it is of (6 digits), so that
 * entries sort by time, then by seq, and a log that was begun anew makes other ids.
 */
export function notificationId(logId: string, event: Pick<EventEnvelope, 'seq' | 'timestamp'>): string {
  const log = createHash('sha256').update(logId).digest().readUIntBE(0, 4) % 32 ** 6;
  return `ntf_${base32(Math.max(0, Date.parse(event.timestamp) || 0), 10)}${base32(event.seq, 10)}${base32(log, 6)}`;
}

/** One inbox entry of one `notify:*` event, unread. */
export function notificationOf(logId: string, event: NotifyEvent): Notification {
  const { data, projectId, sessionId, taskId } = event;
  return {
    id: notificationId(logId, event),
    eventId: event.id,
    seq: event.seq,
    type: event.type,
    timestamp: event.timestamp,
    ...(projectId !== undefined && { projectId }),
    ...(sessionId !== undefined && { sessionId }),
    ...(taskId !== undefined && { taskId }),
    data: { ...data, title: cut(data.title), message: cut(data.message) },
    readAt: null,
    revision: 1,
  };
}

/** Do the types that somebody asks for have this one among them? */
export function typesInclude(asked: readonly WebhookType[], type: NotificationType): boolean {
  return asked.includes('notify:*') || asked.includes(type);
}

function cut(text: string): string {
  if (text.length <= TEXT_CHARS_MAX) return text;
  const head = text.slice(0, TEXT_CHARS_MAX - 1);
  // Not between the halves of a surrogate pair.
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}
