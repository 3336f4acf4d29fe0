import type { MutationReply } from '@orbitmesh/contracts';
import type { IdKind } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import type { Change } from '../store/notifier.store.js';

/** What a decision is made on: the pending view, the time, new ids. All of it is synchronous. */
export interface Decide {
  readonly view: View;
  /** RFC 3339. */
  readonly now: string;
  newId(kind: IdKind): string;
}

/** What a command comes to. Without puts and deletes nothing is written. */
export interface Decision<T> extends Change {
  status: MutationReply['status'];
  body: T;
}
