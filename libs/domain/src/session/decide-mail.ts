import { ID_CHARS_MAX } from '../kernel/id.js';
import { jsonBytes } from '../kernel/text.js';
import { PENDING_INPUTS_BYTES_MAX, PENDING_INPUTS_MAX } from '../limits.js';
import type { Mail } from '../work/mail.js';
import { isEnding } from './decide-end.js';
import type { Decision } from './decision.js';
import { mailSection, mailText } from './mail-text.js';
import { answerNeedsInput } from './needs-input.js';
import type { PendingInput, Session } from './session.js';

/**
 * Between two turns: a turn ended in order, and nobody has broken it off, so that a word to the agent begins the next. An
 * agent without turns (`process`) is never there; it asks for its mail.
 */
export function takesMail(session: Session): boolean {
  const { state, desired, turn, mode, report } = session;
  if (state !== 'running' || desired.state !== 'running' || isEnding(session)) return false;
  return turn.startedAt !== null && !turn.active && turn.stopReason === 'end_turn' && !(mode === 'task' && report);
}

/** Mail that is queued for the session and not on its way to the agent yet, oldest first. */
export function undeliveredMail(session: Session, queued: readonly Mail[]): Mail[] {
  const onItsWay = new Set(session.pendingInputs.flatMap(({ mailIds }) => mailIds ?? []));
  return queued.filter(({ id }) => !onItsWay.has(id));
}

/** As much of the waiting mail as fits becomes one input (design §4.4); the rest follows after the next turn. */
export function deliverMail(d: Decision): void {
  if (d.mail.length === 0 || !takesMail(d.session)) return;
  const mails = fitting(d.session.pendingInputs, undeliveredMail(d.session, d.mail), d.now);
  if (mails.length === 0) return;
  d.record({ type: 'input_queued', input: inputOf(d.ctx.newId('input'), mails, d.now), by: 'mail' });
  takeAnswer(d, mails);
}

/** Where its parent or a person has spoken since it asked, that is the answer; another's mail is not, nor is what was sent before. */
export function takeAnswer(d: Decision, mails: readonly Pick<Mail, 'fromSessionId' | 'createdAt'>[]): void {
  const { needsInput, parentSessionId } = d.session;
  const answers = needsInput && mails.some(({ fromSessionId, createdAt }) => createdAt >= needsInput.since && (fromSessionId === null || fromSessionId === parentSessionId));
  if (answers) answerNeedsInput(d);
}

function inputOf(inputId: string, mails: readonly Mail[], at: string): PendingInput {
  return { inputId, text: mailText(mails), source: 'mail', at, mailIds: mails.map(({ id }) => id) };
}

/** As many as fit beside what is on its way already. Counted up, mail by mail: a mailbox holds thousands, and the whole text is long. */
function fitting(pending: readonly PendingInput[], mails: readonly Mail[], at: string): Mail[] {
  if (pending.length >= PENDING_INPUTS_MAX) return [];
  let bytes = jsonBytes([...pending, inputOf('x'.repeat(ID_CHARS_MAX), [], at)]);
  let count = 0;
  for (const mail of mails) {
    // Never too little: beside its own text its id is named in the list of them, and at most twice in how to answer.
    bytes += jsonBytes(mailSection(mail)) + 4 * jsonBytes(mail.id);
    if (bytes > PENDING_INPUTS_BYTES_MAX) break;
    count += 1;
  }
  return mails.slice(0, count);
}
