/**
 * How a session ended (design §4.1): `status` is what its work came to, `state` where the machine
 * comes to rest.
 */
export const OUTCOMES = {
  completed: { status: 'completed', state: 'stopped' },
  finished: { status: 'completed', state: 'stopped' },
  reported_failed: { status: 'failed', state: 'stopped' },
  stopped_by_user: { status: 'failed', state: 'stopped' },
  killed: { status: 'failed', state: 'stopped' },
  shutdown: { status: 'failed', state: 'stopped' },
  agent_exit: { status: 'failed', state: 'error' },
  agent_crash: { status: 'failed', state: 'error' },
  /** Its turn ended with an error of the agent that is none of those below. */
  agent_error: { status: 'failed', state: 'error' },
  start_failed: { status: 'failed', state: 'error' },
  start_timeout: { status: 'failed', state: 'error' },
  stalled: { status: 'failed', state: 'error' },
  runner_lost: { status: 'failed', state: 'error' },
  usage_limit: { status: 'failed', state: 'error' },
  rate_limit: { status: 'failed', state: 'error' },
  overloaded: { status: 'failed', state: 'error' },
  bad_request: { status: 'failed', state: 'error' },
  auth_required: { status: 'failed', state: 'error' },
  refused: { status: 'failed', state: 'error' },
  token_limit: { status: 'failed', state: 'error' },
  config_invalid: { status: 'failed', state: 'error' },
  unkillable: { status: 'failed', state: 'error' },
  storage: { status: 'failed', state: 'error' },
} as const satisfies Record<string, { status: 'completed' | 'failed'; state: 'stopped' | 'error' }>;

export type OutcomeCode = keyof typeof OUTCOMES;

export interface Outcome {
  code: OutcomeCode;
  message: string;
  at: string;
  /** True when the agent itself said so. */
  reported: boolean;
  exitCode?: number;
  signal?: string;
}
