import { OUTCOMES } from './outcome.js';
import type { Session, SessionView } from './session.js';
import type { SessionStatus } from './session-state.js';

/**
 * The spec's work status, from state and outcome (the table in design §4.1). It holds at the end of a
 * commit; inside a path it is what the table says of that step.
 */
export function statusOf(session: Pick<Session, 'state' | 'outcome' | 'transitions' | 'report'>): SessionStatus {
  switch (session.state) {
    case 'created':
    case 'starting':
      return 'spawning';
    case 'running':
    case 'paused':
      return 'working';
    case 'stopping':
      return session.transitions.at(-1)?.from === 'error' ? 'failed' : 'working';
    case 'stopped':
      return session.outcome ? OUTCOMES[session.outcome.code].status : 'failed';
    case 'error':
      return session.report?.kind === 'completed' ? 'completed' : 'failed';
  }
}

const BOOKKEEPING = ['pendingInputs', 'nudged', 'turn', 'approvals', 'report', 'interruptRequestedAt', 'lastFactAt', 'answeredAt'] as const satisfies (keyof Session)[];

/** A session as GET answers it: with its status, without our bookkeeping. */
export function sessionView(session: Session): SessionView {
  // One of an earlier version has neither.
  const { runnerLabels = {}, priority = 0 } = session;
  const view: Partial<Session> & { status: SessionStatus } = { ...session, runnerLabels, priority, status: statusOf(session) };
  for (const key of BOOKKEEPING) delete view[key];
  return view as SessionView;
}
