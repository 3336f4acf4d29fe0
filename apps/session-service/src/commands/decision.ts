import type { MutationReply } from '@orbitmesh/contracts';
import { AppError, jsonBytes, type DecideContext, type EventEnvelope, type FeedEvent, type Session } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import { ONE_COMMIT_BYTES_MAX } from '../limits.js';
import type { Indexes } from '../store/indexes.js';

/** What one command writes: all of it or nothing. */
export interface Change {
  puts?: { collection: string; id: string; doc: object }[];
  deletes?: { collection: string; id: string }[];
  events?: FeedEvent[];
  /** Sessions whose events before this change are kept no longer. */
  trims?: string[];
}

/** What a decision is made on: the pending view, the time, new ids. All of it is synchronous. */
export interface Decide extends DecideContext {
  readonly view: View;
  /** Over that view. */
  readonly indexes: Indexes;
  /** Sessions that have not ended. */
  live(): Iterable<Session>;
  /** Where the feed will stand; the next event gets the number after it. */
  readonly headSeq: number;
}

/** What a user's command comes to. Without puts, deletes and events nothing is written. */
export interface Decision<T> extends Change {
  status: MutationReply['status'];
  /** The answer, or how it is made from the commit's events, for one that shows their numbers. */
  body: T | ((events: readonly EventEnvelope[]) => T);
}

/** What a command of the system comes to. */
export interface Effect<T> extends Change {
  result: T;
}

/** What `body` comes to once the events have their numbers. */
export function bodyOf<T>({ body }: Decision<T>, events: readonly EventEnvelope[]): T {
  return typeof body === 'function' ? (body as (events: readonly EventEnvelope[]) => T)(events) : body;
}

/**
 * A change that grows with what is there says so itself, before the log refuses it.
 * @param docs each is written once as it is and once in its event
 * @throws LIMIT_REACHED
 */
export function assertOneCommit(docs: readonly object[], remedy: string): void {
  const bytes = 2 * docs.reduce((sum, doc) => sum + jsonBytes(doc), 0);
  if (bytes > ONE_COMMIT_BYTES_MAX) throw new AppError('LIMIT_REACHED', `That would change ${docs.length} documents of ${bytes} bytes at once. ${remedy}`, { documents: docs.length, bytes, max: ONE_COMMIT_BYTES_MAX });
}

export const isEmpty = (change: Change): boolean =>
  !change.puts?.length && !change.deletes?.length && !change.events?.length && !change.trims?.length;
