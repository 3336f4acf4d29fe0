import type { MutationReply } from '@orbitmesh/contracts';
import type { DecideContext, EventEnvelope, FeedEvent, Session } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import type { Indexes } from '../store/indexes.js';

/** What one command writes: all of it or nothing. */
export interface Change {
  puts?: { collection: string; id: string; doc: object }[];
  deletes?: { collection: string; id: string }[];
  events?: FeedEvent[];
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

export const isEmpty = (change: Change): boolean =>
  !change.puts?.length && !change.deletes?.length && !change.events?.length;
