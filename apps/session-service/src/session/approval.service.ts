import { Inject, Injectable } from '@nestjs/common';
import { AppError, type Approval } from '@orbitmesh/domain';
import type { MutationReply, RpcRequest, SessionRpc } from '@orbitmesh/contracts';
import { Store } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { assertRevision, sessionOf } from '../store/documents.js';
import { changeSession } from './session-change.js';

/** What agents ask their people. */
@Injectable()
export class ApprovalService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
  ) {}

  list({ id }: { id: string }): { items: Approval[]; nextCursor: null } {
    return { items: sessionOf(this.store.durable, id).approvals, nextCursor: null };
  }

  /**
   * The first answer wins; it goes down to the agent by the supervisor.
   * @throws SESSION_NOT_FOUND, APPROVAL_NOT_FOUND, APPROVAL_ALREADY_ANSWERED, VALIDATION_FAILED, FORBIDDEN for any agent
   */
  answer({ id, approvalId, optionId, decision, reason, meta }: RpcRequest<typeof SessionRpc.answerApproval>): Promise<MutationReply<Approval>> {
    return this.commands.run(meta, (tx) => {
      assertNotAgent(meta.actor, 'answer approvals');
      const session = sessionOf(tx.view, id);
      assertRevision(session, meta.ifMatch);
      const { session: after, change } = changeSession(tx, session, { type: 'answer_approval', approvalId, optionId, decision, reason, actor: meta.actor });
      const approval = after.approvals.find((candidate) => candidate.id === approvalId);
      if (!approval) throw new AppError('APPROVAL_NOT_FOUND', undefined, { approvalId });
      return { status: 200, body: approval, ...change };
    });
  }
}
