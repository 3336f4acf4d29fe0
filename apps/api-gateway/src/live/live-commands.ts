import { Inject, Injectable } from '@nestjs/common';
import { AnswerApprovalFrameDto, HTTP_STATUS, newTraceId, SessionRpc, validateDto, validationError, type AuditEntry, type CommandMeta, type ServerFrame } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { AuditLog } from '../audit/audit.log.js';
import { checkScope, notYours } from '../auth/agent-access.guard.js';
import { Authenticator } from '../auth/authenticator.js';
import { toAppError } from '../http/problem.js';
import { checkedKey, sha256 } from '../http/request-context.js';

/** What a client of `/ws` may do beside following the feed: answer a question of an agent, on the socket that showed it. */
@Injectable()
export class LiveCommands {
  constructor(@Inject(Bus) private readonly bus: Bus, @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(AuditLog) private readonly audit: AuditLog) {}

  /**
   * As `POST /api/sessions/:id/approvals/:approvalId`, with the frame's `id` as its Idempotency-Key. The socket may be older than what its
   * token may do, so that is asked anew.
   * @throws UNAUTHENTICATED, VALIDATION_FAILED, FORBIDDEN, SESSION_NOT_FOUND, APPROVAL_NOT_FOUND, APPROVAL_ALREADY_ANSWERED, UNAVAILABLE
   */
  async answerApproval(token: string, from: AuditEntry['from'], frame: unknown): Promise<ServerFrame> {
    const { actor, tokenId, agent, scopes } = await this.authenticator.authenticate(token);
    const { type: _type, id, sessionId, ...answer } = validateDto(AnswerApprovalFrameDto, frame);
    if ((answer.optionId === undefined) === (answer.decision === undefined)) {
      throw validationError([{ pointer: '', detail: 'must have either optionId or decision' }], 'body');
    }
    const traceId = newTraceId();
    const meta: CommandMeta = { actor, traceId };
    if (id !== undefined) meta.idempotency = { scope: `${tokenId} /ws answer_approval`, key: checkedKey(id), bodyHash: sha256(Buffer.from(JSON.stringify([sessionId, answer]))) };
    const deed = { actor, action: 'answer_approval /ws', target: { id: sessionId, approvalId: answer.approvalId }, from, traceId };
    try {
      checkScope({ scopes }, 'write');
      if (agent) throw notYours(agent);
      const { body } = await this.bus.request(SessionRpc.answerApproval, { id: sessionId, ...answer, meta }, { traceId });
      this.audit.record({ ...deed, status: 200 });
      return { type: 'approval_answered', ...(id !== undefined && { id }), approval: body };
    } catch (error) {
      const { code } = toAppError(error);
      this.audit.record({ ...deed, status: HTTP_STATUS[code], code });
      throw error;
    }
  }
}
