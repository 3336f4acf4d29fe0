import { isTerminal, type Session } from '@orbitmesh/domain';
import { COLLECTIONS } from '../store/collections.js';
import { isEmpty, type Change } from './decision.js';

/**
 * What is recorded on a full disk too, out of the store's reserve (ADR-0024): what removes something, and every change of
 * sessions that are on their way to their end, from the wish for it to the last fact; and that a wish changes nothing. All else
 * waits until there is room.
 */
export function isEssential(change: Change): boolean {
  const { puts = [], deletes = [], trims = [] } = change;
  if (deletes.length > 0 || trims.length > 0 || isEmpty(change)) return true;
  const sessions = puts.filter(({ collection }) => collection === COLLECTIONS.sessions).map(({ doc }) => doc as Session);
  return sessions.length > 0 && sessions.every((session) => isTerminal(session) || session.state === 'stopping' || ENDS.has(session.desired.state));
}

const ENDS: ReadonlySet<Session['desired']['state']> = new Set(['stopped', 'killed']);
