import { Inject, Injectable } from '@nestjs/common';
import {
  actorName, createBroadcast, createMail, isWaitingFor, mailDeleted, readMail, replySubject, senderName, type Letter, type Mail, type MailBroadcast, type Session,
} from '@orbitmesh/domain';
import type { CommandMeta, MutationReply, Page, RpcRequest, SendMailBody, SessionRpc } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import type { Decide, Decision } from '../commands/decision.js';
import { assertSeesSession, sightOf } from '../commands/reader.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, mailNotFound, mailOf, projectOf, put, sessionOf } from '../store/documents.js';
import { filtered } from '../store/filtered.js';
import { Indexes, type Group } from '../store/indexes.js';
import { addressOf, isParty, senderOf, type Address } from './mail-address.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;

/** Mail between sessions, and between people and sessions (design §4.4). An agent sees what it sent and what it got. */
@Injectable()
export class MailService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {}

  /** @throws what `senderOf` and `addressOf` do; DOCUMENT_TOO_LARGE, LIMIT_REACHED */
  send({ body, meta }: Request<'sendMail'>): Promise<MutationReply<Mail | MailBroadcast>> {
    return this.commands.run<Mail | MailBroadcast>(meta, (tx) => {
      const from = senderOf(tx, body, meta.actor);
      const address = addressOf(tx, body, from, meta.actor);
      if ('audience' in address) return broadcast(tx, letterOf(body, from, meta, null), address);
      const { doc, events } = createMail(letterOf(body, from, meta, address.replyTo), address.to, address.replyTo, tx);
      return { status: 201, body: doc, puts: [put(COLLECTIONS.mail, doc)], events };
    });
  }

  /** @throws MAIL_NOT_FOUND */
  get({ id, reader }: Request<'getMail'>): Mail {
    const mail = mailOf(this.store.durable, id);
    if (reader?.kind === 'agent' && !isParty(mail, reader.sessionId)) throw mailNotFound(id);
    return mail;
  }

  /** Oldest first. @throws PROJECT_NOT_FOUND, SESSION_NOT_FOUND */
  list({ projectId, threadId, fromSessionId, toSessionId, state, reader, cursor, limit }: Request<'listMail'>): Page<Mail> {
    const view = this.store.durable;
    const sight = sightOf(view, reader);
    if (projectId !== undefined) projectOf(view, projectId, sight);
    for (const id of [fromSessionId, toSessionId]) if (id !== undefined) sessionOf(view, id, sight);
    const wanted = (mail: Mail): boolean =>
      (projectId === undefined || mail.projectId === projectId)
      && (threadId === undefined || mail.threadId === threadId)
      && (fromSessionId === undefined || mail.fromSessionId === fromSessionId)
      && (toSessionId === undefined || mail.toSessionId === toSessionId)
      && (state === undefined || mail.state === state)
      && (reader?.kind !== 'agent' || isParty(mail, reader.sessionId));
    const { mailOfThread, mailToSession, mailOfProject } = this.indexes;
    const groups: Group<Mail>[] = [[mailOfThread, threadId], [mailToSession, toSessionId], [mailOfProject, projectId ?? sight ?? undefined]];
    return pageOf(this.indexes.matching(view, COLLECTIONS.mail, { groups, wanted, after: cursor }), { cursor, limit }, ({ id }) => id);
  }

  /** @throws SESSION_NOT_FOUND, FORBIDDEN for another agent */
  inbox({ sessionId, unread, state, reader, cursor, limit }: Request<'listInbox'>): Page<Mail> {
    assertSeesSession(reader, sessionId);
    const view = this.store.durable;
    sessionOf(view, sessionId);
    const wanted = (mail: Mail): boolean =>
      mail.toSessionId === sessionId && (unread !== true || isWaitingFor(mail, 'unread')) && (state === undefined || mail.state === state);
    return pageOf(filtered(this.indexes.in(view, this.indexes.mailToSession, sessionId, cursor), wanted), { cursor, limit }, ({ id }) => id);
  }

  /** @throws MAIL_NOT_FOUND, REVISION_MISMATCH */
  read({ id, meta }: Request<'readMail'>): Promise<MutationReply<Mail>> {
    return this.commands.run(meta, (tx) => {
      const mail = received(tx, id, meta);
      const { doc, events } = readMail(mail, tx);
      return { status: 200, body: doc, puts: doc === mail ? [] : [put(COLLECTIONS.mail, doc)], events };
    });
  }

  /** @throws MAIL_NOT_FOUND, REVISION_MISMATCH */
  remove({ id, meta }: Request<'deleteMail'>): Promise<MutationReply<null>> {
    return this.commands.run<null>(meta, (tx) => {
      const mail = received(tx, id, meta);
      return { status: 204, body: null, deletes: [{ collection: COLLECTIONS.mail, id: mail.id }], events: [mailDeleted(mail, tx)] };
    });
  }
}

/** A mail that is the caller's to read and to delete: an agent's own, for people any. @throws MAIL_NOT_FOUND, REVISION_MISMATCH */
function received(tx: Decide, id: string, { actor, ifMatch }: CommandMeta): Mail {
  const mail = mailOf(tx.view, id);
  if (actor.kind === 'agent' && mail.toSessionId !== actor.sessionId) throw mailNotFound(id);
  assertRevision(mail, ifMatch);
  return mail;
}

function broadcast(tx: Decide, letter: Letter, { audience, full }: Extract<Address, { audience: unknown }>): Decision<MailBroadcast> {
  const { broadcast: sent, mails, events } = createBroadcast(letter, audience, tx, full);
  return { status: 201, body: sent, puts: mails.map((mail) => put(COLLECTIONS.mail, mail)), events };
}

function letterOf({ type, subject, body, priority }: SendMailBody, from: Session | null, { actor }: CommandMeta, replyTo: Mail | null): Letter {
  return {
    fromSessionId: from?.id ?? null,
    fromName: from ? senderName(from) : actorName(actor),
    type: type ?? (replyTo ? 'response' : 'directive'),
    subject: subject ?? (replyTo ? replySubject(replyTo.subject) : ''),
    body,
    priority: priority ?? replyTo?.priority ?? 'normal',
  };
}
