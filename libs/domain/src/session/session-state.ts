import { AppError } from '../errors/app-error.js';

/** The spec's seven states. */
export const SESSION_STATES = ['created', 'starting', 'running', 'paused', 'stopping', 'stopped', 'error'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** The spec's work status, derived, never stored as the truth (design §4.1). */
export const SESSION_STATUSES = ['spawning', 'working', 'completed', 'failed'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** The spec's table: exactly these 11 edges. */
export const SESSION_TRANSITIONS: Readonly<Record<SessionState, readonly SessionState[]>> = {
  created: ['starting'],
  starting: ['running', 'error'],
  running: ['paused', 'stopping', 'error'],
  paused: ['running', 'stopping'],
  stopping: ['stopped', 'error'],
  stopped: [],
  error: ['stopping'],
};

export function canTransition(from: SessionState, to: SessionState): boolean {
  return SESSION_TRANSITIONS[from].includes(to);
}

/** Stopped or in error. `error` → `stopping` exists only inside the paths of one commit (design §4.1). */
export function isTerminal(session: SessionState | { readonly state: SessionState }): boolean {
  const state = typeof session === 'string' ? session : session.state;
  return state === 'stopped' || state === 'error';
}

/** The spec's `ErrInvalidTransition`; nothing was changed. */
export class InvalidTransitionError extends AppError {
  readonly allowed: readonly SessionState[];

  constructor(readonly from: SessionState, readonly to: SessionState) {
    const allowed = SESSION_TRANSITIONS[from];
    const next = allowed.length ? `it may become ${allowed.join(' or ')}` : 'it has ended';
    super('INVALID_TRANSITION', `A session that is ${from} cannot become ${to}; ${next}.`, { from, to, allowed: [...allowed] });
    this.allowed = allowed;
  }
}
