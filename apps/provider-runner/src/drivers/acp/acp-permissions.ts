import { approvalOptionsOf } from './acp-approvals.js';
import { withDenial } from './acp-denials.js';
import { ownToolAnswer } from './acp-own-tools.js';
import type { AcpOutbox } from './acp-outbox.js';
import type { OpenApproval } from './acp-state.js';
import type { DriverHost } from '../driver.js';
import { approvalRequested } from '../wire/approval-request.js';
import { fields, short, type Fields } from '../wire/fields.js';
import type { RpcId } from '../wire/json-rpc.js';
import { OPEN_APPROVALS_MAX } from '../wire/wire.limits.js';

/** The agent's questions whether it may, and the answers to them. */
export class AcpPermissions {
  constructor(private readonly host: DriverHost, private readonly outbox: AcpOutbox) {}

  /** `show`: the tool call that is asked about, before the question is put to people. */
  ask(requestId: RpcId, params: Fields, show: (toolCall: Fields) => void): void {
    const toolCall = fields(params.toolCall);
    const options = approvalOptionsOf(params);
    const { approvals, turn } = this.outbox.state;
    const approval: OpenApproval = {
      approvalId: this.host.newId('approval'), requestId, toolCallId: short(toolCall.toolCallId), title: short(toolCall.title),
      optionIds: options.map(({ optionId }) => optionId), rejects: options.filter(({ kind }) => kind.startsWith('reject')).map(({ optionId }) => optionId),
    };
    const full = approvals.length >= OPEN_APPROVALS_MAX;
    if (full || !options.length || !turn || turn.cancelling) {
      if (full || !options.length) this.host.emit({ type: 'error', code: 'approval_refused', message: full ? `More than ${OPEN_APPROVALS_MAX} permissions are asked at once.` : 'The agent asked for a permission without options to choose from.' });
      return this.outbox.answer(approval, null, false);
    }
    if (toolCall.toolCallId) show(toolCall);
    const own = ownToolAnswer(toolCall, options, this.host.run);
    if (own !== undefined) return this.outbox.answer(approval, own, false);
    this.outbox.update({ approvals: [...approvals, approval] });
    this.host.emit(approvalRequested(approval.approvalId, toolCall, options));
  }

  answer({ approvalId, optionId, reason }: { approvalId: string; optionId: string | null; reason?: string }): void {
    const { approvals, paused, denials } = this.outbox.state;
    const approval = approvals.find((open) => open.approvalId === approvalId);
    if (!approval || approval.held) return;
    if (optionId !== null && !approval.optionIds.includes(optionId)) {
      this.host.log('warn', 'an answer names an option that was not offered; the agent gets a cancel', { approvalId });
      optionId = null;
    }
    this.outbox.update({ denials: withDenial(denials, approval, { optionId, reason }) });
    if (paused) this.outbox.update({ approvals: approvals.map((open) => (open === approval ? { ...open, held: { optionId } } : open)) });
    else this.outbox.answer(approval, optionId, true);
  }

  /** After a pause: the answers that were held back go out. */
  release(): void {
    for (const approval of this.outbox.state.approvals) if (approval.held) this.outbox.answer(approval, approval.held.optionId, true);
  }

  withdraw(approvals: OpenApproval[], reason: string): void {
    for (const approval of approvals) {
      this.host.emit({ type: 'approval_withdrawn', approvalId: approval.approvalId, reason });
      this.outbox.answer(approval, null, false);
    }
  }
}
