import { Injectable } from '@nestjs/common';
import { AppError, assertId } from '@orbitmesh/domain';
import type { MutationReply, Notification, NotifierRpc, Page, RpcRequest } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { InboxRepository } from './inbox.repository.js';

type MarkRead = RpcRequest<typeof NotifierRpc.markRead>;
type List = RpcRequest<typeof NotifierRpc.list>;

/** What people do with their inbox. Reads show only what is durable. */
@Injectable()
export class InboxService {
  /** Requests with an Idempotency-Key that are being carried out: a second one waits for the first (design §3). */
  private readonly underway = new Map<string, Promise<unknown>>();

  constructor(private readonly inbox: InboxRepository) {}

  /** Oldest first. */
  list({ unread, sessionId, projectId, cursor, limit }: List): Page<Notification> {
    const entries = this.inbox.entries().filter((entry) =>
      (unread !== true || entry.readAt === null)
      && (sessionId === undefined || entry.sessionId === sessionId)
      && (projectId === undefined || entry.projectId === projectId));
    return pageOf(entries, { cursor, limit }, (entry) => entry.id);
  }

  /** @throws NOTIFICATION_NOT_FOUND */
  get(id: string): Notification {
    assertId(id);
    return this.inbox.get(id) ?? notFound(id);
  }

  /**
   * Reading what is read changes nothing.
   * @throws NOTIFICATION_NOT_FOUND; REVISION_MISMATCH; IDEMPOTENCY_KEY_REUSED when the key came with another body.
   */
  async markRead(request: MarkRead): Promise<MutationReply<Notification>> {
    assertId(request.id);
    const { idempotency } = request.meta;
    if (!idempotency) return this.markOnce(request);
    const { scope, key, bodyHash } = idempotency;
    const name = `${scope}\n${key}`;
    // In a loop: of several that waited for one that failed, one goes on and the others wait for it.
    for (let other = this.underway.get(name); other; other = this.underway.get(name)) await other.catch(() => undefined);
    const kept = this.inbox.answerOf(scope, key);
    if (kept) {
      if (kept.bodyHash !== bodyHash) throw new AppError('IDEMPOTENCY_KEY_REUSED');
      return { ...(kept.body as MutationReply<Notification>), replayed: true };
    }
    const own = this.markOnce(request).finally(() => this.underway.delete(name));
    this.underway.set(name, own);
    return own;
  }

  private async markOnce({ id, meta }: MarkRead): Promise<MutationReply<Notification>> {
    const entry = this.inbox.getPending(id) ?? notFound(id);
    if (meta.ifMatch !== undefined && meta.ifMatch !== entry.revision) throw new AppError('REVISION_MISMATCH', undefined, { revision: entry.revision });
    const read = entry.readAt === null ? { ...entry, readAt: new Date().toISOString(), revision: entry.revision + 1 } : entry;
    // The inbox makes no events: the feed's head, as far as we know it, is where we read.
    const reply: MutationReply<Notification> = { status: 200, body: read, cursor: this.inbox.durablePosition().place?.cursor ?? '' };
    const answer = meta.idempotency && { ...meta.idempotency, status: reply.status, body: reply };
    if (read !== entry) await this.inbox.put(read, answer);
    else if (answer) await this.inbox.keepAnswer(answer);
    return reply;
  }
}

function notFound(id: string): never {
  throw new AppError('NOTIFICATION_NOT_FOUND', `There is no notification ${id}.`, { id });
}
