import { abbreviate } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX, REASON_BYTES_MAX } from '../limits.js';
import { cancelApprovals } from './decide-approval.js';
import type { Decision } from './decision.js';
import { endPath, endingOf, outcomeOf, type EndEvidence } from './ending.js';
import { clearNeedsInput } from './needs-input.js';
import { note } from './note.js';
import { OUTCOMES, type OutcomeCode } from './outcome.js';
import type { Session } from './session.js';
import { isTerminal } from './session-state.js';

/** It has ended, or somebody decided that it is to end. */
export function isEnding(session: Session): boolean {
  return isTerminal(session) || session.desired.outcome !== undefined;
}

/** A process of it may be alive, so only its runner can say that it ended. */
export function runMayLive({ state, run }: Session): boolean {
  if (state === 'created') return false;
  return state !== 'starting' || run?.claimedAt !== undefined || (run?.ackedRunSeq ?? 0) > 0;
}

/**
 * Placed, and never heard of: as nothing is executed before its record is durable, a run that its runner does not
 * hold was not executed, and the same start may be sent again.
 */
export function awaitsStart({ state, run }: Session): boolean {
  return state === 'starting' && run !== null && run.startedAt === undefined && run.ackedRunSeq === 0;
}

/**
 * Records how the session is to end, and takes the first step there: `stopping` where it runs, the
 * whole path where no run was ever claimed. While `starting` the intent alone is recorded.
 */
export function intendEnd(d: Decision, outcome: OutcomeCode, reason: string, kill = false): void {
  const at = d.now;
  d.record({ type: 'desired', desired: { state: kill ? 'killed' : 'stopped', reason: abbreviate(reason, REASON_BYTES_MAX), at, outcome } });
  if (!runMayLive(d.session)) return endNow(d, { type: 'never_ran' });
  settleQuestions(d, reason);
  if (d.session.state !== 'starting') d.record({ type: 'moved', to: 'stopping', reason, at });
}

/** Takes the legal path to the end, in this commit (design §4.1). */
export function endNow(d: Decision, evidence: EndEvidence): void {
  const ending = endingOf(d.session, evidence);
  const at = d.now;
  settleQuestions(d, ending.message);
  for (const to of endPath(d.session.state, ending.code)) d.record({ type: 'moved', to, reason: ending.message, at });
  if (OUTCOMES[ending.code].state === 'error') d.record({ type: 'erred', code: ending.code, message: ending.message, at });
  const outcome = outcomeOf(d.session.report, ending, at);
  note(d, 'stopped', `${outcome.code}: ${outcome.message}`);
  d.record({ type: 'ended', outcome: { ...outcome, message: abbreviate(outcome.message, MESSAGE_BYTES_MAX) }, at });
}

/** Nobody is asked anything any more. */
function settleQuestions(d: Decision, reason: string): void {
  cancelApprovals(d, reason);
  clearNeedsInput(d);
}
