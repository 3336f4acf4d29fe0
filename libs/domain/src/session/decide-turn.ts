import type { RunFact } from '../provider/fact.js';
import { intendEnd, isEnding } from './decide-end.js';
import { deliverMail, takesMail, undeliveredMail } from './decide-mail.js';
import { endReportedTask, queueInput } from './decide-talk.js';
import type { Decision } from './decision.js';
import { troubleOf, type Ending } from './ending.js';
import { raiseNeedsInput } from './needs-input.js';
import { NUDGE } from './prompt.js';
import type { PendingInput } from './session.js';

type TurnEnded = Extract<RunFact, { type: 'turn_ended' }>;

/** In mode `interactive` a turn's end is only that; in mode `task` it may be the session's (design §4.1). */
export function endTurn(d: Decision, { stopReason, message }: TurnEnded, at: string): void {
  const asked = d.session.interruptRequestedAt !== null;
  d.record({ type: 'turn_ended', at, stopReason });
  if (stopReason === 'error' && !d.session.error) d.record({ type: 'erred', code: 'agent_error', message: message ?? 'The turn ended with an error.', at });
  deliverMail(d);
  if (d.session.mode !== 'task' || isEnding(d.session)) return;
  if (d.session.report) return endReportedTask(d);
  if (stopReason === 'end_turn') return endSilentTurn(d);
  if (stopReason === 'cancelled') {
    if (!asked) raiseNeedsInput(d, 'driver', message ?? 'The turn was broken off. Say how to go on.');
    return;
  }
  const { code, message: why } = failureOf(d, stopReason, message);
  intendEnd(d, code, why);
}

/**
 * A turn that ended in order and without a report: asked once, then it is finished. Waiting for somebody is no silence, and
 * neither is mail that it could not be given yet because it is to pause: then it is asked again, as that mail may be gone by then.
 */
function endSilentTurn(d: Decision): void {
  const { session } = d;
  if (session.pendingInputs.length > 0 || session.needsInput) return;
  if (session.nudged && undeliveredMail(session, d.mail).length === 0) return intendEnd(d, 'finished', 'The agent ended its turn, and again after being asked for a report.');
  queueInput(d, { inputId: d.ctx.newId('input'), text: NUDGE, source: 'system', at: d.now }, 'system');
}

/** An input that would have begun the next turn did not reach the agent: nobody else asks for the report of the last one. */
export function goOnWithout(d: Decision, { source }: PendingInput, reason: string): void {
  if (d.session.mode !== 'task' || d.session.needsInput || !takesMail(d.session)) return;
  if (source !== 'system') return endSilentTurn(d);
  // Not its end: an agent that closed its stdin may be about to crash.
  raiseNeedsInput(d, 'driver', `The agent ended its turn, and could not be asked for a report: ${reason}`);
}

function failureOf(d: Decision, stopReason: Exclude<TurnEnded['stopReason'], 'end_turn' | 'cancelled'>, message: string | undefined): Ending {
  switch (stopReason) {
    case 'max_tokens':
      return { code: 'token_limit', message: message ?? 'The turn ended at the limit of tokens.' };
    case 'max_turn_requests':
      return { code: 'token_limit', message: message ?? 'The turn ended at the limit of model requests.' };
    case 'refusal':
      return { code: 'refused', message: message ?? 'The agent refused.' };
    case 'error':
      return troubleOf(d.session, { code: 'agent_error', message: message ?? d.session.error?.message ?? 'The turn ended with an error.' });
  }
}
