import { REASON_BYTES_MAX, TRANSITIONS_BYTES_MAX, TRANSITIONS_MAX } from '../limits.js';
import { abbreviate, jsonBytes } from '../kernel/text.js';
import type { Session, Transition } from './session.js';
import { InvalidTransitionError, canTransition, type SessionState } from './session-state.js';

/**
 * The session one edge further, with its history; the one given is left as it was. `at` is RFC 3339
 * and defaults to the session's own `updatedAt`: the domain has no clock.
 * @throws INVALID_TRANSITION when the table has no such edge.
 */
export function transition(session: Session, to: SessionState, reason: string, at: string = session.updatedAt): Session {
  if (!canTransition(session.state, to)) throw new InvalidTransitionError(session.state, to);
  const entry: Transition = { from: session.state, to, reason: abbreviate(reason, REASON_BYTES_MAX), at };
  const transitions = newest([...session.transitions, entry]);
  const dropped = session.transitions.length + 1 - transitions.length;
  return { ...session, state: to, updatedAt: at, transitions, transitionsDropped: session.transitionsDropped + dropped };
}

function newest(transitions: Transition[]): Transition[] {
  const kept = transitions.slice(-TRANSITIONS_MAX);
  while (kept.length > 1 && jsonBytes(kept) > TRANSITIONS_BYTES_MAX) kept.shift();
  return kept;
}
