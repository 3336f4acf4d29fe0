import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import { jsonBytes } from '../kernel/text.js';
import { ENTITY_USER_BYTES_MAX } from '../limits.js';

/** One document as it is to be kept, and what to tell the feed, in order. */
export interface Written<T> { doc: T; events: FeedEvent[] }

/** The fields a patch really names: a key that is absent or undefined leaves the document as it is. */
export function given<T extends object, K extends keyof T>(patch: T, keys: readonly K[]): Partial<Pick<T, K>> {
  const fields: Partial<Pick<T, K>> = {};
  for (const key of keys) if (patch[key] !== undefined) fields[key] = patch[key];
  return fields;
}

/** @throws DOCUMENT_TOO_LARGE when users' fields leave no room for what the system appends. */
export function assertRoom(doc: object): void {
  assertBytes(doc, ENTITY_USER_BYTES_MAX, 'The rest of its 256 KiB is kept for what the system adds to it.');
}

/** @throws DOCUMENT_TOO_LARGE, saying why there is no more room */
export function assertBytes(doc: object, max: number, why: string): void {
  const bytes = jsonBytes(doc);
  if (bytes > max) throw new AppError('DOCUMENT_TOO_LARGE', `The document would be ${bytes} bytes; it may be ${max}. ${why}`, { bytes, max });
}
