import { AppError } from '../errors/app-error.js';
import { abbreviate } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import { awaitsStart, endNow, isEnding } from './decide-end.js';
import type { Decision } from './decision.js';
import type { SessionCommand } from './session-command.js';
import { InvalidTransitionError, isTerminal } from './session-state.js';

type Command<T extends SessionCommand['type']> = Extract<SessionCommand, { type: T }>;

/** A runner was found: epoch + 1. @throws CONFLICT when it is to end, INVALID_TRANSITION when it runs already. */
export function place(d: Decision, { runId, runnerId }: Command<'place'>): void {
  const { session, now } = d;
  if (isEnding(session)) throw new AppError('CONFLICT', 'The session is to end.', { sessionId: session.id });
  if (session.state !== 'created' && session.state !== 'starting') throw new InvalidTransitionError(session.state, 'starting');
  const epoch = (session.run?.epoch ?? 0) + 1;
  d.record({ type: 'placed', run: { runId, runnerId, epoch, placedAt: now, ackedRunSeq: 0 } });
  if (session.state === 'created') d.record({ type: 'moved', to: 'starting', reason: `placed on ${runnerId}`, at: now });
  stopWaiting(d);
}

/** Says what it waits for; `since` stays while it waits on. */
export function wait(d: Decision, command: Command<'wait'>): void {
  const { session } = d;
  const reason = abbreviate(command.reason, MESSAGE_BYTES_MAX);
  if (isTerminal(session) || session.waiting?.reason === reason) return;
  d.record({ type: 'waited', waiting: { reason, since: session.waiting?.since ?? d.now } });
}

export function stopWaiting(d: Decision): void {
  if (d.session.waiting) d.record({ type: 'waited', waiting: null });
}

/** Granted as often as it is asked for; the last time counts. @throws CONFLICT {stale: true} */
export function claim(d: Decision, { runId, epoch }: Command<'claim'>): void {
  const { session } = d;
  if (session.run?.runId !== runId || session.run.epoch !== epoch) throw stale('This is not the present run of the session.', runId, epoch);
  if (isEnding(session) || session.state !== 'starting') throw stale('This run of the session is not to be started.', runId, epoch);
  d.record({ type: 'claimed', at: d.now });
}

/** Nobody can say any more whether something of it is left. Another run's runner is nobody's loss. */
export function loseRunner(d: Decision, { runId, message }: Command<'runner_lost'>): void {
  if (isTerminal(d.session) || d.session.run?.runId !== runId) return;
  endNow(d, { type: 'runner_lost', message });
}

/**
 * Its runner is there and does not hold it. What never started is started again, or is
 * over at once when it is to end; of what did start nobody can say any more whether something is left.
 */
export function missRun(d: Decision, { runId, message }: Command<'run_absent'>): void {
  const { session } = d;
  if (isTerminal(session) || session.run?.runId !== runId || session.run.claimedAt === undefined) return;
  if (!awaitsStart(session)) return endNow(d, { type: 'runner_lost', message });
  if (isEnding(session)) endNow(d, { type: 'never_ran' });
}

export function stale(message: string, runId: string, epoch: number): AppError {
  return new AppError('CONFLICT', message, { stale: true, runId, epoch });
}
