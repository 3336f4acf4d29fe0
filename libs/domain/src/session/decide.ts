import { AppError } from '../errors/app-error.js';
import type { DecideContext } from '../kernel/context.js';
import type { Mail } from '../work/mail.js';
import { createSession } from './create-session.js';
import { answerApproval, expireApprovals } from './decide-approval.js';
import { failInput, takeFacts } from './decide-facts.js';
import { end, interrupt, kill, pause, resume, stop } from './decide-intent.js';
import { claim, loseRunner, missRun, place, wait } from './decide-run.js';
import { deliverMail, takeAnswer } from './decide-mail.js';
import { input, timeline } from './decide-talk.js';
import { Decision } from './decision.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';
import type { SessionCommand, SpawnCommand } from './session-command.js';

type LiveCommand = Exclude<SessionCommand, SpawnCommand>;
type Rules = { [T in LiveCommand['type']]: (d: Decision, command: Extract<LiveCommand, { type: T }>) => void };

const RULES: Rules = {
  place, wait, claim, stop, kill, pause, resume, interrupt, input, timeline, end,
  answer_approval: answerApproval,
  refuse_input: (d, command) => {
    if (d.session.pendingInputs.some(({ inputId }) => inputId === command.inputId)) failInput(d, command, d.now);
  },
  deliver_mail: deliverMail,
  take_mail: (d, { mails }) => takeAnswer(d, mails),
  expire_approvals: expireApprovals,
  facts: takeFacts,
  runner_lost: loseRunner,
  run_absent: missRun,
  rename: (d, { name }) => {
    if (name !== d.session.name) d.record({ type: 'renamed', name });
  },
};

/**
 * What a command comes to, from the session and the mail queued for it alone: the same session, mail, command and context make the same
 * changes. No change at all is an answer too.
 * @throws AppError when the session does not take the command (each rule says its codes).
 */
export function decide(session: Session | null, command: SessionCommand, ctx: DecideContext, mail: readonly Mail[] = []): SessionChange[] {
  if (command.type === 'spawn') {
    if (session) throw new AppError('CONFLICT', 'There is such a session already.', { sessionId: session.id });
    return [{ type: 'spawned', session: createSession(command, ctx) }];
  }
  if (!session) throw new AppError('SESSION_NOT_FOUND');
  const decision = new Decision(session, ctx, mail);
  const rule = RULES[command.type] as (d: Decision, command: LiveCommand) => void;
  rule(decision, command);
  if (decision.changes.length > 0) decision.record({ type: 'revised', at: ctx.now });
  return decision.changes;
}
