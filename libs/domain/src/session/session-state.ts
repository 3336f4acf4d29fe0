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
