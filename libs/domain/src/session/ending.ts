import type { RunFact } from '../provider/fact.js';
import { OUTCOMES, type Outcome, type OutcomeCode } from './outcome.js';
import type { Report, Session } from './session.js';
import type { SessionState } from './session-state.js';

/** What is known of the end of a session's run. */
export type EndEvidence =
  | Extract<RunFact, { type: 'run_ended' | 'start_failed' }>
  | { type: 'runner_lost'; message: string }
  /** No run was ever claimed: there is nothing to end. */
  | { type: 'never_ran' };

/** How it ended, before any report is asked: it decides the state. */
export interface Ending { code: OutcomeCode; message: string; exitCode?: number; signal?: string }

type Ended = Pick<Session, 'desired' | 'turn' | 'error'>;

/**
 * How it ended, from evidence alone (design §4.1): what could not be ended or is out of sight comes
 * first, then the intent that was recorded before, then what the run itself showed.
 */
export function endingOf(session: Ended, evidence: EndEvidence): Ending {
  if (evidence.type === 'run_ended' && evidence.left > 0) {
    return { ...exitOf(evidence), code: 'unkillable', message: `${evidence.left} processes could not be ended.` };
  }
  if (evidence.type === 'runner_lost') return { code: 'runner_lost', message: evidence.message };
  if (evidence.type === 'run_ended' && evidence.cause === 'lost') {
    return { code: 'runner_lost', message: evidence.message ?? 'The run was lost with its runner.' };
  }
  const { outcome, reason } = session.desired;
  if (outcome) return { ...(evidence.type === 'run_ended' && exitOf(evidence)), code: outcome, message: reason };
  if (evidence.type === 'never_ran') return { code: 'killed', message: reason };
  if (evidence.type === 'start_failed') return { code: evidence.code, message: evidence.message };
  return { ...exitOf(evidence), ...unaskedEnd(session, evidence) };
}

/** Nobody here had asked for the end. */
function unaskedEnd(session: Ended, { cause, exitCode, signal, message }: Extract<EndEvidence, { type: 'run_ended' }>): Ending {
  switch (cause) {
    case 'exited':
      if (exitCode === 0 && !session.turn.active) return { code: 'finished', message: message ?? 'The agent ended with exit code 0.' };
      if (exitCode === 0) return { code: 'agent_exit', message: message ?? 'The agent left in the middle of a turn.' };
      return troubleOf(session, { code: 'agent_exit', message: message ?? `The agent ended with exit code ${exitCode ?? 'unknown'}.` });
    case 'killed':
      return { code: 'killed', message: message ?? 'The runner killed it.' };
    case 'stopped':
      // Told while its intent could not be recorded (a full disk): the runner's word is the record of it.
      return { code: 'stopped_by_user', message: message ?? 'The runner was told to stop it.' };
    case 'shutdown':
      return { code: 'shutdown', message: message ?? 'The runner shut down.' };
    default:
      return troubleOf(session, { code: 'agent_crash', message: message ?? `The agent died${signal ? ` of ${signal}` : ''}.` });
  }
}

const TROUBLES = ['usage_limit', 'rate_limit', 'overloaded', 'bad_request', 'auth_required', 'refused', 'token_limit'] as const satisfies OutcomeCode[];

/** An error that the agent named shortly before says more than the way its process ended. */
export function troubleOf({ error }: Pick<Session, 'error'>, otherwise: Ending): Ending {
  const code = TROUBLES.find((trouble) => trouble === error?.code);
  return code && error ? { ...otherwise, code, message: error.message } : otherwise;
}

/** The first terminal report decides code and status, whatever followed (design §4.1). */
export function outcomeOf(report: Report | null, ending: Ending, at: string): Outcome {
  const { code, message, ...exit } = ending;
  return report
    ? { code: reportOutcome(report), message: report.message, at, reported: true, ...exit }
    : { code, message, at, reported: false, ...exit };
}

/** The outcome code a report leads to. */
export function reportOutcome({ kind }: Pick<Report, 'kind'>): 'completed' | 'reported_failed' {
  return kind === 'completed' ? 'completed' : 'reported_failed';
}

const CANCELLED: readonly OutcomeCode[] = ['stopped_by_user', 'killed', 'shutdown'];

/** The legal path from a state to the end of that code, in one commit (design §4.1). Empty when it has ended. */
export function endPath(from: SessionState, code: OutcomeCode): readonly SessionState[] {
  const inOrder = OUTCOMES[code].state === 'stopped';
  switch (from) {
    case 'created':
      return ['starting', ...endPath('starting', code)];
    case 'starting':
      if (!inOrder) return ['error'];
      return CANCELLED.includes(code) ? ['error', 'stopping', 'stopped'] : ['running', 'stopping', 'stopped'];
    case 'running':
      return inOrder ? ['stopping', 'stopped'] : ['error'];
    case 'paused':
      return ['stopping', OUTCOMES[code].state];
    case 'stopping':
      return [OUTCOMES[code].state];
    case 'stopped':
    case 'error':
      return [];
  }
}

function exitOf({ exitCode, signal }: { exitCode?: number; signal?: string }): Pick<Ending, 'exitCode' | 'signal'> {
  return { ...(exitCode !== undefined && { exitCode }), ...(signal !== undefined && { signal }) };
}
