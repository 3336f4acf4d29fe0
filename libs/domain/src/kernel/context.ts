import type { IdKind } from './id.js';

/** The two things the domain may not make itself; the same context makes the same events (design §1.6). */
export interface DecideContext {
  /** The time of this decision, RFC 3339 with milliseconds. */
  readonly now: string;
  newId(kind: IdKind): string;
}
