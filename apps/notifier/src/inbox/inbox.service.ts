import { Injectable } from '@nestjs/common';
import { assertId } from '@orbitmesh/domain';
import type { MutationReply, Notification, NotifierRpc, Page, RpcRequest } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Commands } from '../commands/commands.js';
import { assertRevision, notificationIn, put } from '../store/documents.js';
import { COLLECTIONS } from '../store/collections.js';
import { InboxRepository } from './inbox.repository.js';
import { typesInclude } from './notification.js';

type Mark = RpcRequest<typeof NotifierRpc.markRead>;
type ReadMany = RpcRequest<typeof NotifierRpc.readMany>;
type List = RpcRequest<typeof NotifierRpc.list>;

/** What people do with their inbox. Reads show only what is durable. */
@Injectable()
export class InboxService {
  constructor(private readonly inbox: InboxRepository, private readonly commands: Commands) {}

  /** Oldest first. `unread` false: only what was read. */
  list({ unread, sessionId, projectId, types, cursor, limit }: List): Page<Notification> {
    const wanted = (entry: Notification): boolean =>
      (unread === undefined || (entry.readAt === null) === unread)
      && (sessionId === undefined || entry.sessionId === sessionId)
      && (projectId === undefined || entry.projectId === projectId)
      && (types === undefined || typesInclude(types, entry.type));
    return pageOf(filtered(this.inbox.entries(), wanted), { cursor, limit }, (entry) => entry.id);
  }

  /** @throws NOTIFICATION_NOT_FOUND */
  get(id: string): Notification {
    assertId(id);
    return this.inbox.get(id);
  }

  /** Reading what is read changes nothing. @throws NOTIFICATION_NOT_FOUND, REVISION_MISMATCH */
  markRead(request: Mark): Promise<MutationReply<Notification>> {
    return this.mark(request, true);
  }

  /** @throws NOTIFICATION_NOT_FOUND, REVISION_MISMATCH */
  markUnread(request: Mark): Promise<MutationReply<Notification>> {
    return this.mark(request, false);
  }

  /** Everything that is unread and matches. @throws NOTIFICATION_NOT_FOUND when `upTo` names none */
  async readMany({ body: { upTo, projectId, sessionId }, meta }: ReadMany): Promise<MutationReply<{ read: number }>> {
    return this.commands.run(meta, ({ view, now }) => {
      const last = upTo === undefined ? undefined : notificationIn(view, upTo).id;
      const matching: Notification[] = [];
      for (const entry of view.list<Notification>(COLLECTIONS.inbox)) {
        if (last !== undefined && entry.id > last) break;
        const wanted = (projectId === undefined || entry.projectId === projectId) && (sessionId === undefined || entry.sessionId === sessionId);
        if (wanted && entry.readAt === null) matching.push(entry);
      }
      return { status: 200, body: { read: matching.length }, puts: matching.map((entry) => put(COLLECTIONS.inbox, { ...entry, readAt: now, revision: entry.revision + 1 })) };
    });
  }

  private async mark({ id, meta }: Mark, read: boolean): Promise<MutationReply<Notification>> {
    assertId(id);
    return this.commands.run(meta, ({ view, now }) => {
      const entry = notificationIn(view, id);
      assertRevision(entry, meta.ifMatch);
      if ((entry.readAt !== null) === read) return { status: 200, body: entry };
      const marked = { ...entry, readAt: read ? now : null, revision: entry.revision + 1 };
      return { status: 200, body: marked, puts: [put(COLLECTIONS.inbox, marked)] };
    });
  }
}

/** One at a time: a page stops long before the inbox ends. */
function* filtered<T>(items: Iterable<T>, wanted: (item: T) => boolean): Iterable<T> {
  for (const item of items) if (wanted(item)) yield item;
}
