import { AppError, isEnding, isTerminal, MAILBOX_MAX, QUEUED_MAIL_CHARS_MAX, PEOPLE_MAILBOX_MAX, type Actor, type Addressee, type Mail, type Session } from '@orbitmesh/domain';
import { validationError, type SendMailBody } from '@orbitmesh/contracts';
import type { Decide } from '../commands/decision.js';
import { sightOf, type Sight } from '../commands/reader.js';
import { mailNotFound, mailOf, projectOf, sessionOf, teamMemberOf } from '../store/documents.js';

/** To whom a mail goes: one recipient, perhaps as an answer, or everybody of an audience who has room for it. */
export type Address = { to: Addressee; replyTo: Mail | null } | { audience: Addressee[]; full: string[] };

/** In whose name it is sent: an agent's own session, the one a person names, or (null) a person. @throws FORBIDDEN, SESSION_NOT_FOUND */
export function senderOf(tx: Decide, body: SendMailBody, actor: Actor): Session | null {
  if (actor.kind !== 'agent') return body.fromSessionId === undefined ? null : sessionOf(tx.view, body.fromSessionId);
  if (body.fromSessionId !== undefined && body.fromSessionId !== actor.sessionId) {
    throw new AppError('FORBIDDEN', 'An agent may act only as its own session.', { sessionId: body.fromSessionId });
  }
  return sessionOf(tx.view, actor.sessionId);
}

/**
 * Recipients are resolved now, and never the sender.
 * @throws SESSION_NOT_FOUND, TEAM_MEMBER_NOT_FOUND, PROJECT_NOT_FOUND, MAIL_NOT_FOUND, SESSION_ENDED, MAIL_RECIPIENT_INVALID, LIMIT_REACHED, VALIDATION_FAILED
 */
export function addressOf(tx: Decide, body: SendMailBody, from: Session | null, actor: Actor): Address {
  if ([body.toSessionId, body.to, body.replyToMailId].filter((one) => one !== undefined).length !== 1) {
    throw validationError([{ pointer: '', detail: 'must have exactly one of toSessionId, to and replyToMailId' }], 'body');
  }
  const sight = sightOf(tx.view, actor);
  if (body.replyToMailId !== undefined) return answerTo(tx, body, from, actor);
  const one = body.toSessionId ?? (body.to!.kind === 'session' ? needed(body.to!.id) : undefined);
  if (one !== undefined) return { to: toSession(tx, sessionOf(tx.view, one, sight), body, from), replyTo: null };
  const audience = audienceOf(tx, body.to!, from, sight).filter((session) => session.id !== from?.id && !takesNoMail(session));
  const full = audience.filter(({ id }) => lackOfRoom(tx, id) !== null).map(({ id }) => id);
  return { audience: audience.filter(({ id }) => !full.includes(id)).map(({ id, projectId }) => ({ projectId, sessionId: id })), full };
}

/** To whom the other mail was from; to its recipient, where that was oneself. */
function answerTo(tx: Decide, body: SendMailBody, from: Session | null, actor: Actor): Address {
  const replyTo = mailOf(tx.view, body.replyToMailId!);
  if (actor.kind === 'agent' && !isParty(replyTo, actor.sessionId)) throw mailNotFound(replyTo.id);
  const own = replyTo.fromSessionId === (from?.id ?? null);
  const toSessionId = own ? replyTo.toSessionId : replyTo.fromSessionId;
  if (toSessionId === null) return { to: toPeople(tx, replyTo.projectId), replyTo };
  return { to: toSession(tx, sessionOf(tx.view, toSessionId), body, from), replyTo };
}

/** Sender or recipient. */
export function isParty({ fromSessionId, toSessionId }: Mail, sessionId: string): boolean {
  return fromSessionId === sessionId || toSessionId === sessionId;
}

/** It has ended, is about to, or has reported and ends with its turn. */
function takesNoMail(session: Session): boolean {
  return isEnding(session) || (session.mode === 'task' && session.report !== null);
}

function toSession(tx: Decide, asked: Session, { keepForContinuation }: SendMailBody, from: Session | null): Addressee {
  if (asked.id === from?.id) throw new AppError('MAIL_RECIPIENT_INVALID', 'A session does not write to itself.', { sessionId: asked.id });
  const last = takesNoMail(asked) ? newestContinuation(tx, asked) : asked;
  if (takesNoMail(asked) && !keepForContinuation) {
    const state = isTerminal(asked) ? 'has ended' : 'is ending';
    const how = last === asked || takesNoMail(last) ? 'Set keepForContinuation to keep it for the session that continues it' : `It is continued by ${last.id}: write to that`;
    throw new AppError('SESSION_ENDED', `The session ${asked.id} ${state} and takes no mail. ${how}.`, {
      sessionId: asked.id, state: asked.state, ...(last !== asked && { continuedBy: last.id }),
    });
  }
  const refusal = lackOfRoom(tx, last.id);
  if (refusal) throw refusal;
  return { projectId: last.projectId, sessionId: last.id };
}

function toPeople({ indexes }: Decide, projectId: string): Addressee {
  if (indexes.mailToPeople.size(projectId) >= PEOPLE_MAILBOX_MAX) {
    throw new AppError('LIMIT_REACHED', `The people of this project have ${PEOPLE_MAILBOX_MAX} mails; some must be deleted first.`, { projectId, max: PEOPLE_MAILBOX_MAX });
  }
  return { projectId, sessionId: null };
}

function newestContinuation(tx: Decide, session: Session): Session {
  let last = session;
  for (const seen = new Set([session.id]); ; ) {
    const next = [...tx.indexes.in(tx.view, tx.indexes.continuationsOfSession, last.id)].at(-1);
    if (!next || seen.has(next.id)) return last;
    seen.add(next.id);
    last = next;
  }
}

function audienceOf(tx: Decide, { kind, id }: NonNullable<SendMailBody['to']>, from: Session | null, sight: Sight): Session[] {
  const { view, indexes } = tx;
  const live = (sessions: Iterable<Session>): Session[] => [...sessions].filter((session) => !isTerminal(session));
  switch (kind) {
    case 'children':
      return live(indexes.in(view, indexes.childrenOfSession, sender(from, kind).id));
    case 'siblings': {
      const { parentSessionId } = sender(from, kind);
      return parentSessionId === null ? [] : live(indexes.in(view, indexes.childrenOfSession, parentSessionId));
    }
    case 'team_member': {
      const member = teamMemberOf(view, needed(id), from?.projectId ?? sight);
      const projectId = from?.projectId ?? sight ?? member.projectId;
      const sessions = projectId === null ? tx.live() : indexes.in(view, indexes.sessionsOfProject, projectId);
      return live(sessions).filter(({ teamMemberId }) => teamMemberId === member.id);
    }
    default: {
      const projectId = id ?? from?.projectId;
      if (projectId === undefined) throw validationError([{ pointer: '/to/id', detail: 'must say which project, as no session sends it' }], 'body');
      return live(indexes.in(view, indexes.sessionsOfProject, projectOf(view, projectId, sight).id));
    }
  }
}

function sender(from: Session | null, kind: string): Session {
  if (!from) throw validationError([{ pointer: '/fromSessionId', detail: `is needed: whose ${kind} are meant?` }], 'body');
  return from;
}

function needed(id: string | undefined): string {
  if (id === undefined) throw validationError([{ pointer: '/to/id', detail: 'is needed for this kind' }], 'body');
  return id;
}

/** Why a session can be sent nothing at the moment: LIMIT_REACHED; null when it can. */
function lackOfRoom({ view, indexes }: Decide, sessionId: string): AppError | null {
  const waiting = indexes.queuedFor(view, sessionId).reduce((chars, { body }) => chars + body.length, 0);
  if (waiting >= QUEUED_MAIL_CHARS_MAX) {
    return new AppError('LIMIT_REACHED', `The session ${sessionId} has not got ${waiting} characters of mail yet; wait until it has taken some.`, { sessionId, chars: waiting, max: QUEUED_MAIL_CHARS_MAX });
  }
  if (indexes.mailToSession.size(sessionId) < MAILBOX_MAX) return null;
  return new AppError('LIMIT_REACHED', `The session ${sessionId} has ${MAILBOX_MAX} mails; delete some of them first.`, { sessionId, max: MAILBOX_MAX });
}
