import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import { abbreviate, jsonBytes } from '../kernel/text.js';
import { MAIL_BODY_BYTES_MAX, MAIL_RECIPIENTS_MAX, MAIL_SENDING_BYTES_MAX, SUBJECT_BYTES_MAX } from '../limits.js';
import type { Mail, MailBroadcast, MailPriority, MailState, MailType } from './mail.js';
import type { Written } from './written.js';

/** What one mail says, whoever gets it. */
export interface Letter {
  fromSessionId: string | null;
  fromName: string;
  type: MailType;
  subject: string;
  body: string;
  priority: MailPriority;
}
/** One recipient; `sessionId` null: the people. */
export interface Addressee { projectId: string; sessionId: string | null }

/** One mail to one recipient. @throws DOCUMENT_TOO_LARGE */
export function createMail(letter: Letter, to: Addressee, replyTo: Mail | null, ctx: DecideContext): Written<Mail> {
  assertBody(letter);
  const id = ctx.newId('mail');
  const doc = mailOf(letter, to, { id, threadId: replyTo?.threadId ?? id, broadcastId: null, replyToMailId: replyTo?.id ?? null }, ctx);
  return { doc, events: [mailEvent('mail:received', doc, ctx)] };
}

/**
 * The same to everybody of an audience: a mail each, one thread. An empty audience is no mail, and no mistake.
 * @param full sessions of the audience that have no room for it
 * @throws DOCUMENT_TOO_LARGE, LIMIT_REACHED
 */
export function createBroadcast(letter: Letter, audience: readonly Addressee[], ctx: DecideContext, full: string[] = []): { broadcast: MailBroadcast; mails: Mail[]; events: FeedEvent[] } {
  assertBody(letter);
  const broadcastId = ctx.newId('broadcast');
  const bytes = audience.length * jsonBytes(letter.body);
  if (audience.length > MAIL_RECIPIENTS_MAX || bytes > MAIL_SENDING_BYTES_MAX) {
    throw new AppError('LIMIT_REACHED', 'Too many recipients for one sending, or too much text for so many.', {
      recipients: audience.length, max: MAIL_RECIPIENTS_MAX, bytes, bytesMax: MAIL_SENDING_BYTES_MAX,
    });
  }
  const mails = audience.map((to) => mailOf(letter, to, { id: ctx.newId('mail'), threadId: broadcastId, broadcastId, replyToMailId: null }, ctx));
  const recipients = mails.map(({ id, toSessionId }) => ({ mailId: id, toSessionId: toSessionId! }));
  return { broadcast: { broadcastId, threadId: broadcastId, type: letter.type, recipients, full }, mails, events: mails.map((mail) => mailEvent('mail:received', mail, ctx)) };
}

/** It is with its recipient now; what was delivered, or read, stays as it is. */
export function deliverMailTo(mail: Mail, deliveredBy: NonNullable<Mail['deliveredBy']>, ctx: Pick<DecideContext, 'now'>): Written<Mail> {
  if (mail.state !== 'queued') return { doc: mail, events: [] };
  const doc = moved(mail, { state: 'delivered', deliveredBy, deliveredAt: ctx.now }, ctx);
  return { doc, events: [mailEvent('mail:delivered', doc, ctx)] };
}

/** Only an explicit read is one (design §4.4). Reading what is read changes nothing. */
export function readMail(mail: Mail, ctx: DecideContext): Written<Mail> {
  if (mail.state === 'read') return { doc: mail, events: [] };
  const doc = moved(mail, { state: 'read', readAt: ctx.now, deliveredAt: mail.deliveredAt ?? ctx.now }, ctx);
  return { doc, events: [mailEvent('mail:read', doc, ctx)] };
}

/** What an ended session never got goes to the one that continues it. */
export function forwardMail(mail: Mail, toSessionId: string, ctx: DecideContext): Written<Mail> {
  const doc = moved(mail, { toSessionId }, ctx);
  return { doc, events: [mailEvent('mail:received', doc, ctx)] };
}

export function mailDeleted(mail: Mail, ctx: DecideContext): FeedEvent {
  const { id, projectId, fromSessionId, toSessionId, threadId } = mail;
  return { ...mailEvent('mail:deleted', mail, ctx), data: { id, projectId, fromSessionId, toSessionId, threadId } };
}

/** What a session that asked for its mail is given (design §4.4). */
export function isWaitingFor(mail: Mail, state: MailState | 'unread'): boolean {
  return state === 'unread' ? mail.state !== 'read' : mail.state === state;
}

/** The subject of an answer. */
export function replySubject(subject: string): string {
  return abbreviate(/^re:/i.test(subject) ? subject : `Re: ${subject}`.trim(), SUBJECT_BYTES_MAX);
}

type Names = Pick<Mail, 'id' | 'threadId' | 'broadcastId' | 'replyToMailId'>;

function mailOf(letter: Letter, to: Addressee, names: Names, { now }: DecideContext): Mail {
  return {
    id: names.id, projectId: to.projectId, fromSessionId: letter.fromSessionId, fromName: letter.fromName, toSessionId: to.sessionId, broadcastId: names.broadcastId,
    type: letter.type, subject: letter.subject, body: letter.body, priority: letter.priority, threadId: names.threadId, replyToMailId: names.replyToMailId,
    state: 'queued', deliveredBy: null, deliveredAt: null, readAt: null, createdAt: now, updatedAt: now, revision: 1,
  };
}

function moved(mail: Mail, fields: Partial<Mail>, { now }: Pick<DecideContext, 'now'>): Mail {
  return { ...mail, ...fields, updatedAt: now, revision: mail.revision + 1 };
}

/** One event a recipient, with its `sessionId`; the sender is in `data` (design §5). */
function mailEvent(type: `mail:${'received' | 'delivered' | 'read' | 'deleted'}`, mail: Mail, { now }: Pick<DecideContext, 'now'>): FeedEvent {
  const { projectId, toSessionId } = mail;
  return { type, timestamp: now, projectId, ...(toSessionId !== null && { sessionId: toSessionId }), data: mail };
}

function assertBody({ body }: Letter): void {
  const bytes = jsonBytes(body);
  if (bytes > MAIL_BODY_BYTES_MAX) {
    throw new AppError('DOCUMENT_TOO_LARGE', `The mail's body is ${bytes} bytes; it may be ${MAIL_BODY_BYTES_MAX}. Put it into a file, and mail where it is.`, { bytes, max: MAIL_BODY_BYTES_MAX });
  }
}
