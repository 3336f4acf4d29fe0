import { Inject, Injectable } from '@nestjs/common';
import type { CommandMeta, MutationReply, Rpc } from '@orbitmesh/contracts';
import { Bus, type RequestOptions } from '@orbitmesh/messaging';
import { notYours } from '../auth/agent-access.guard.js';
import { commandMetaOf, type Call } from './request-context.js';

/** Between HTTP and the bus: headers in, headers out, and no rule of its own. */
@Injectable()
export class Relay {
  constructor(@Inject(Bus) private readonly bus: Bus) {}

  /** A page, a view: as it is. On behalf of an agent it says so, for its owner to show no more than is that agent's. */
  read<Req, Res>(call: Call, rpc: Rpc<Req, Res>, req: Req, options: RequestOptions = {}): Promise<Res> {
    const actor = call.request.principal?.actor;
    return this.ask(call, rpc, actor?.kind === 'agent' ? { ...req, reader: actor } : req, options);
  }

  /** A list; an agent's is its project's. @throws FORBIDDEN for another's */
  async list<Req extends { projectId?: string }, Res>(call: Call, rpc: Rpc<Req, Res>, req: Req): Promise<Res> {
    const agent = call.request.principal?.agent;
    if (!agent) return this.ask(call, rpc, req);
    if (req.projectId !== undefined && req.projectId !== agent.projectId) throw notYours(agent);
    return this.read(call, rpc, { ...req, projectId: agent.projectId });
  }

  /** A single resource: its revision is its ETag, and who has it already gets 304. */
  async document<Req, Doc extends object>(call: Call, rpc: Rpc<Req, Doc>, req: Req): Promise<Doc | undefined> {
    const doc = await this.read(call, rpc, req);
    const etag = setEtag(call, doc);
    if (etag === null || call.request.headers['if-none-match'] !== etag) return doc;
    call.reply.status(304);
    return undefined;
  }

  /** A resource that has parts which change without a new revision: its ETag serves If-Match, and is no reason for 304. */
  async moving<Req, Doc extends object>(call: Call, rpc: Rpc<Req, Doc>, req: Req): Promise<Doc> {
    const doc = await this.read(call, rpc, req);
    setEtag(call, doc);
    return doc;
  }

  /** A mutation: status and body are the owner's answer, as it keeps it under the Idempotency-Key. */
  async command<Req extends object, Doc>(
    call: Call, rpc: Rpc<Req & { meta: CommandMeta }, MutationReply<Doc>>, req: Req, locate?: (doc: Doc) => string | undefined,
  ): Promise<Doc | undefined> {
    const answer = await this.ask(call, rpc, { ...req, meta: commandMetaOf(call.request) });
    call.reply.status(answer.status).header('x-orbitmesh-cursor', answer.cursor);
    if (answer.replayed) call.reply.header('idempotent-replayed', 'true');
    if (answer.status === 204) return undefined;
    setEtag(call, answer.body);
    const location = answer.status === 201 ? locate?.(answer.body) : undefined;
    if (location !== undefined) call.reply.header('location', location);
    return answer.body;
  }

  private ask<Req, Res>(call: Call, rpc: Rpc<Req, Res>, req: Req, options: RequestOptions = {}): Promise<Res> {
    return this.bus.request(rpc, req, { traceId: call.request.id, ...options });
  }
}

function setEtag(call: Call, doc: unknown): string | null {
  const revision = (doc as { revision?: unknown } | null)?.revision;
  if (typeof revision !== 'number') return null;
  const etag = `"${revision}"`;
  call.reply.header('etag', etag);
  return etag;
}
