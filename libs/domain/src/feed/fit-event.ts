import { cutText, jsonBytes } from '../kernel/text.js';
import { FEED_EVENT_BYTES_MAX } from '../limits.js';
import type { FeedEvent } from './envelope.js';

/**
 * The event, at most 256 KiB with its envelope (design §2): its largest field is cut at a character
 * until it fits, and `data.truncated` names the first that was, with the bytes it had. A field that is
 * no text becomes the beginning of its JSON text.
 */
export function fitEvent(event: FeedEvent): FeedEvent {
  let size = jsonBytes(event);
  if (size <= FEED_EVENT_BYTES_MAX || !isRecord(event.data)) return event;
  const data: Record<string, unknown> = { ...event.data };
  while (size > FEED_EVENT_BYTES_MAX) {
    const [field, bytes] = largest(data);
    const text = typeof data[field] === 'string' ? data[field] : JSON.stringify(data[field]);
    data['truncated'] ??= { field, bytes: Buffer.byteLength(text) };
    const excess = jsonBytes({ ...event, data }) - FEED_EVENT_BYTES_MAX;
    data[field] = cutText(text, Math.max(0, bytes - 2 - excess));
    const next = jsonBytes({ ...event, data });
    if (next >= size) break; // ids alone cannot be this large
    size = next;
  }
  return { ...event, data };
}

function largest(data: Record<string, unknown>): [field: string, bytes: number] {
  return Object.entries(data)
    .filter(([field]) => field !== 'truncated')
    .map(([field, value]): [string, number] => [field, jsonBytes(value)])
    .reduce((most, entry) => (entry[1] > most[1] ? entry : most));
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
