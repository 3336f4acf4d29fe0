import { AppError } from '../errors/app-error.js';
import { abbreviate } from '../kernel/text.js';
import { REASON_BYTES_MAX } from '../limits.js';
import { intendEnd, isEnding } from './decide-end.js';
import type { Decision } from './decision.js';
import { reportOutcome } from './ending.js';
import { openApprovals } from './needs-input.js';
import { OUTCOMES, type OutcomeCode } from './outcome.js';
import type { Desired, Session } from './session.js';
import type { SessionCommand } from './session-command.js';
import { InvalidTransitionError, isTerminal } from './session-state.js';

type Command<T extends SessionCommand['type']> = Extract<SessionCommand, { type: T }>;

/** Nothing changes where it is ending already. */
export function stop(d: Decision, { reason }: Command<'stop'>): void {
  if (isEnding(d.session)) return;
  if (isIdleInteractive(d.session)) return intendEnd(d, 'finished', reason || 'ended by its user');
  intendEnd(d, 'stopped_by_user', reason || 'stopped by its user');
}

/** Where it is ending already, only the intent grows harder: the state stays, and so does the outcome that was intended first. */
export function kill(d: Decision, { reason }: Command<'kill'>): void {
  const why = reason || 'killed by its user';
  if (!isEnding(d.session)) return intendEnd(d, 'killed', why, true);
  const { outcome } = d.session.desired;
  // Killed work is never success: only what the agent itself reported outlives a kill.
  escalate(d, why, outcome === 'finished' ? 'killed' : outcome);
}

/** The system ends it; an outcome that means success needs the agent's own report. @throws CONFLICT */
export function end(d: Decision, { outcome, message, kill: hard = false }: Command<'end'>): void {
  const { report } = d.session;
  const claimed: OutcomeCode | null = report && reportOutcome(report);
  const needsReport = OUTCOMES[outcome].status === 'completed' || outcome === 'reported_failed';
  if (needsReport && outcome !== claimed) throw new AppError('CONFLICT', `Nothing shows that the session ended as ${outcome}.`, { outcome });
  if (!isEnding(d.session)) return intendEnd(d, outcome, message, hard);
  if (hard) escalate(d, message, d.session.desired.outcome);
}

/** Recorded as intent; the state follows when the runner says `paused`. @throws INVALID_TRANSITION unless it runs. */
export function pause(d: Decision, { reason }: Command<'pause'>): void {
  if (d.session.state !== 'running') throw new InvalidTransitionError(d.session.state, 'paused');
  want(d, 'paused', reason || 'paused by its user');
}

/** Takes back a pause, done or only intended. @throws INVALID_TRANSITION where there is none. */
export function resume(d: Decision, { reason }: Command<'resume'>): void {
  const { state, desired } = d.session;
  const pausing = state === 'running' && desired.state === 'paused';
  if (state !== 'paused' && !pausing) throw new InvalidTransitionError(state, 'running');
  want(d, 'running', reason || 'resumed by its user');
}

/** Breaks off the turn that runs. @throws SESSION_ENDED */
export function interrupt(d: Decision): void {
  if (isEnding(d.session)) throw new AppError('SESSION_ENDED', 'The session has ended or is ending.', { sessionId: d.session.id });
  if (d.session.turn.active && d.session.interruptRequestedAt === null) d.record({ type: 'interrupt_requested', at: d.now });
}

function escalate(d: Decision, reason: string, outcome: Desired['outcome']): void {
  const { session, now } = d;
  if (isTerminal(session) || session.desired.state === 'killed') return;
  d.record({ type: 'desired', desired: { state: 'killed', reason: abbreviate(reason, REASON_BYTES_MAX), at: now, ...(outcome && { outcome }) } });
}

function want(d: Decision, state: 'running' | 'paused', reason: string): void {
  if (d.session.desired.state !== state) d.record({ type: 'desired', desired: { state, reason: abbreviate(reason, REASON_BYTES_MAX), at: d.now } });
}

/** An agent without turns is never idle: what it does between its outputs is not known. */
function isIdleInteractive(session: Session): boolean {
  const between = !session.turn.active && session.turn.startedAt !== null && session.pendingInputs.length === 0;
  return session.mode === 'interactive' && between && openApprovals(session).length === 0;
}
