import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import { abbreviate } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX, SUBJECT_BYTES_MAX } from '../limits.js';
import type { Mail } from '../work/mail.js';
import { createMail, deliverMailTo, type Letter } from '../work/mail-commands.js';
import { isEnding } from './decide-end.js';
import { OUTCOMES, type Outcome } from './outcome.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';

/** What a session's mail is decided with. */
export interface Correspondence {
  /** Queued for the session, oldest first. */
  mail: readonly Mail[];
  /** Whoever started it; null when there is none. */
  parent: Session | null;
}

export const NO_CORRESPONDENCE: Correspondence = { mail: [], parent: null };

export interface MailSync { mails: Mail[]; events: FeedEvent[] }

/** What a commit of a session means for mail, in the same commit (design §4.4): what its agent was given, and what its parent is told. */
export function syncMail(changes: readonly SessionChange[], session: Session, { mail, parent }: Correspondence, ctx: DecideContext): MailSync {
  const sync: MailSync = { mails: [], events: [] };
  const write = ({ doc, events }: { doc: Mail; events: FeedEvent[] }): void => {
    if (events.length === 0) return;
    sync.mails.push(doc);
    sync.events.push(...events);
  };
  for (const change of changes) {
    if (change.type === 'input_settled' && change.delivered) {
      for (const id of change.mailIds ?? []) {
        const queued = mail.find((one) => one.id === id);
        if (queued) write(deliverMailTo(queued, 'input', ctx));
      }
    }
    const word = parent && !isEnding(parent) ? wordToParent(change, session) : null;
    if (word) write(createMail({ ...word, ...from(session) }, { projectId: parent!.projectId, sessionId: parent!.id }, null, ctx));
  }
  return sync;
}

/** Exactly once each: a session ends once, and an episode of needing input is raised once. */
function wordToParent(change: SessionChange, session: Session): Pick<Letter, 'subject' | 'body'> | null {
  switch (change.type) {
    case 'needs_input_raised':
      return word(`Needs input: ${session.name}`, [
        `Your session "${session.name}" (\`${session.id}\`) needs input: ${change.needsInput.message}`,
        change.needsInput.source === 'approval' ? 'It asks for a permission, which only a person can give.' : `Answer it with \`orbitmesh mail send --to ${session.id} "<your answer>"\`.`,
      ]);
    case 'ended':
      return word(`${ended(change.outcome)}: ${session.name}`, [
        `Your session "${session.name}" (\`${session.id}\`) has ended: ${change.outcome.code}. ${change.outcome.message}`,
        session.taskIds.length > 0 && `Its tasks: ${session.taskIds.map((id) => `\`${id}\``).join(', ')}.`,
        `What it did: \`orbitmesh session timeline ${session.id}\`.`,
      ]);
    default:
      return null;
  }
}

function word(subject: string, lines: readonly (string | false)[]): Pick<Letter, 'subject' | 'body'> {
  return { subject: abbreviate(subject, SUBJECT_BYTES_MAX), body: abbreviate(lines.filter(Boolean).join('\n\n'), 2 * MESSAGE_BYTES_MAX) };
}

function from(session: Session): Omit<Letter, 'subject' | 'body'> {
  return { fromSessionId: session.id, fromName: senderName(session), type: 'notification', priority: 'normal' };
}

/** Who a session's mail is from: the one it works as, else itself. */
export function senderName({ teamMember, name }: Pick<Session, 'teamMember' | 'name'>): string {
  return teamMember?.name ?? name;
}

const ended = ({ code }: Outcome): string => (OUTCOMES[code].status === 'completed' ? 'Finished' : 'Failed');
