import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import { sessionEvent } from '../feed/events.js';
import type { DecideContext } from '../kernel/context.js';
import { sessionUpdated } from './session-feed.js';
import { isTerminal } from './session-state.js';
import type { Session, TranscriptRemoved } from './session.js';

/**
 * What retention does to a session: its events up to now go, which it says from then on, as does the first event that it has left.
 * @throws SESSION_NOT_TERMINAL
 */
export function removeTranscript(
  session: Session, removed: Omit<TranscriptRemoved, 'at'>, { now }: Pick<DecideContext, 'now'>,
): { session: Session; events: FeedEvent[] } {
  if (!isTerminal(session)) throw new AppError('SESSION_NOT_TERMINAL', undefined, { sessionId: session.id, state: session.state });
  const after: Session = { ...session, transcriptRemoved: { at: now, ...removed }, updatedAt: now, revision: session.revision + 1 };
  return { session: after, events: [sessionEvent('session:transcript_removed', session.id, removed, now, session.projectId), sessionUpdated(after, now)] };
}
