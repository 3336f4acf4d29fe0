import { Inject, Injectable } from '@nestjs/common';
import { AnswerApprovalFrameDto, SessionRpc, validateDto, validationError, type CommandMeta, type ServerFrame } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { checkScope, notYours } from '../auth/agent-access.guard.js';
import { Authenticator } from '../auth/authenticator.js';
import { checkedKey, newTraceId, sha256 } from '../http/request-context.js';

/** What a client of `/ws` may do beside following the feed: answer a question of an agent, on the socket that showed it. */
@Injectable()
export class LiveCommands {
  constructor(@Inject(Bus) private readonly bus: Bus, @Inject(Authenticator) private readonly authenticator: Authenticator) {}

  /**
   * As `POST /api/sessions/:id/approvals/:approvalId`, with the frame's `id` as its Idempotency-Key. The socket may be older than what its
   * token may do, so that is asked anew.
   * @throws UNAUTHENTICATED, VALIDATION_FAILED, FORBIDDEN, SESSION_NOT_FOUND, APPROVAL_NOT_FOUND, APPROVAL_ALREADY_ANSWERED, UNAVAILABLE
   */
  async answerApproval(token: string, frame: unknown): Promise<ServerFrame> {
    const principal = await this.authenticator.authenticate(token);
    checkScope(principal, 'write');
    if (principal.agent) throw notYours(principal.agent);
    const { actor, tokenId } = principal;
    const { type: _type, id, sessionId, ...answer } = validateDto(AnswerApprovalFrameDto, frame);
    if ((answer.optionId === undefined) === (answer.decision === undefined)) {
      throw validationError([{ pointer: '', detail: 'must have either optionId or decision' }], 'body');
    }
    const traceId = newTraceId();
    const meta: CommandMeta = { actor, traceId };
    if (id !== undefined) meta.idempotency = { scope: `${tokenId} /ws answer_approval`, key: checkedKey(id), bodyHash: sha256(Buffer.from(JSON.stringify([sessionId, answer]))) };
    const { body } = await this.bus.request(SessionRpc.answerApproval, { id: sessionId, ...answer, meta }, { traceId });
    return { type: 'approval_answered', ...(id !== undefined && { id }), approval: body };
  }
}
