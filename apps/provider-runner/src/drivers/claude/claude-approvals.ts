import type { DriverHost } from '../driver.js';
import type { Fields } from '../wire/fields.js';
import { short, text } from '../wire/fields.js';
import { OPEN_APPROVALS_MAX, REQUEST_ID_MAX } from '../wire/wire.limits.js';
import { REASON_MAX } from './claude.limits.js';
import { setToolStatus } from './claude-messages.js';
import type { ClaudeOutbox } from './claude-outbox.js';
import { questionOf } from './claude-questions.js';
import type { Answer, OpenApproval, OpenToolCall } from './claude-state.js';

/** The agent's open questions: asked, answered once, taken back. */
export class ClaudeApprovals {
  constructor(private readonly host: DriverHost, private readonly outbox: ClaudeOutbox) {}

  private get open(): OpenApproval[] {
    return this.outbox.state.approvals;
  }

  /** The id of a request that can be answered; null for one that has none, or one that cannot be journaled. */
  idOf(id: unknown, { subtype }: Fields): string | null {
    const requestId = text(id);
    if (requestId && requestId.length <= REQUEST_ID_MAX) return requestId;
    if (requestId) this.host.emit({ type: 'error', code: 'protocol', message: `A request of the agent (${short(subtype)}) has an id of more than ${REQUEST_ID_MAX} characters and gets no answer.` });
    return null;
  }

  /** @returns false for a question that is open already */
  ask(requestId: string, request: Fields): boolean {
    if (this.open.some((approval) => approval.requestId === requestId)) return false;
    const { turn } = this.outbox.state;
    const { approval, fact } = questionOf(this.host.newId('approval'), requestId, request, this.host.run.workingDir);
    const full = this.open.length >= OPEN_APPROVALS_MAX;
    if (full) this.host.emit({ type: 'error', code: 'approval_refused', message: `More than ${OPEN_APPROVALS_MAX} permissions are asked at once.` });
    if (full || !turn || turn.cancelling) {
      this.outbox.answer(approval, { optionId: null, reason: full ? 'too many permissions are asked at once' : 'the turn is over' }, false);
      return true;
    }
    this.setStatus(approval, 'pending');
    this.outbox.update({ approvals: [...this.open, approval] });
    this.host.emit(fact);
    return true;
  }

  answer(approvalId: string, { optionId, reason }: Answer): void {
    const approval = this.open.find((open) => open.approvalId === approvalId);
    if (!approval || approval.held) return;
    const offered = optionId === 'allow' || optionId === 'deny' || (optionId === 'allow_always' && approval.always.length > 0);
    if (optionId !== null && !offered) this.host.log('warn', 'an answer names an option that was not offered; it is denied', { approvalId });
    const answer = { optionId: offered ? optionId : null, ...(reason ? { reason: reason.slice(0, REASON_MAX) } : {}) };
    if (this.outbox.state.paused) this.outbox.update({ approvals: this.open.map((open) => (open === approval ? { ...open, held: answer } : open)) });
    else this.send(approval, answer);
  }

  /** After a pause: what was answered meanwhile. */
  release(): void {
    for (const approval of this.open) if (approval.held) this.send(approval, approval.held);
  }

  /** The agent took its question back. */
  withdrawn(requestId: unknown): void {
    const approval = this.open.find((open) => open.requestId === requestId);
    if (approval) this.withdraw([approval], 'The agent withdrew its question.');
  }

  withdrawAll(reason: string): void {
    this.withdraw(this.open, reason);
  }

  /** The agent is gone; what was answered may not have reached it. */
  gone(): void {
    const { sentAnswers } = this.outbox.state;
    this.withdraw([...this.open, ...sentAnswers.filter(({ confirm }) => confirm)], 'The agent is gone.');
    this.outbox.update({ sentAnswers: [] });
  }

  private withdraw(approvals: Pick<OpenApproval, 'approvalId'>[], reason: string): void {
    const ids = approvals.map(({ approvalId }) => approvalId);
    this.outbox.update({ approvals: this.open.filter(({ approvalId }) => !ids.includes(approvalId)) });
    for (const approvalId of ids) this.host.emit({ type: 'approval_withdrawn', approvalId, reason });
  }

  private send(approval: OpenApproval, answer: Answer): void {
    if (answer.optionId?.startsWith('allow')) this.setStatus(approval, 'in_progress');
    this.outbox.answer(approval, answer, true);
  }

  private setStatus({ toolCallId }: OpenApproval, status: NonNullable<OpenToolCall['status']>): void {
    const { state, facts } = setToolStatus(this.outbox.state, toolCallId, status);
    this.outbox.state = state;
    for (const fact of facts) this.host.emit(fact);
  }
}
