import type { DriverHost } from '../driver.js';
import { Outbox } from '../wire/outbox.js';
import { conversationIdOf, INITIALIZE, lineOfKey, permissionKey, promptKey, steerKey, USAGE } from './claude-lines.js';
import { newClaudeState, type Answer, type ClaudeState, type HeldInput, type OpenApproval } from './claude-state.js';

/** Lines on their way to the agent, and the state they are made from. */
export class ClaudeOutbox extends Outbox<ClaudeState> {
  /** Why the running prompt could not be sent; the conversation ends the turn with it. */
  failedTurn: string | null = null;

  constructor(host: DriverHost, afterwards: () => void) {
    super(newClaudeState(conversationIdOf(host.run)), host, {
      lineOf: (key) => lineOfKey(key, this.state, host.run),
      written: (key) => this.written(key),
      notWritten: (key, error) => this.notWritten(key, error),
      afterwards,
    });
  }

  /** Goes on where the journal ends: sends again what was not written, and confirms what was. */
  recover(state: ClaudeState, unsent: string[]): void {
    this.state = state;
    for (const key of unsent) this.write(key);
    const sent = [
      ...(state.turn ? [promptKey(state.turns)] : []),
      ...state.steers.map(({ inputId }) => steerKey(inputId)), ...state.sentAnswers.map(({ approvalId }) => permissionKey(approvalId)),
    ];
    for (const key of sent) if (!unsent.includes(key)) this.written(key);
  }

  /** Into the running turn. */
  steer(input: HeldInput): void {
    this.update({ steers: [...this.state.steers, input] });
    this.write(steerKey(input.inputId));
  }

  /** Takes the approval out of the open ones and sends its answer; `confirm` says `approval_delivered` once it is written. */
  answer({ held: _held, ...approval }: OpenApproval, answer: Answer, confirm: boolean): void {
    const approvals = this.state.approvals.filter((open) => open.approvalId !== approval.approvalId);
    this.update({ approvals, sentAnswers: [...this.state.sentAnswers, { ...approval, ...answer, confirm }] });
    this.write(permissionKey(approval.approvalId));
  }

  /** Once: the prompt of the running turn is in the agent's hands. */
  sayDelivered(): void {
    const { turn } = this.state;
    if (!turn || turn.delivered) return;
    const { text: _text, ...others } = turn;
    this.update({ turn: { ...others, delivered: true } });
    if (turn.inputId) this.host.emit({ type: 'input_delivered', inputId: turn.inputId });
  }

  private written(key: string): void {
    if (this.isRunningPrompt(key)) return this.sayDelivered();
    const { steers, sentAnswers } = this.state;
    const steer = steers.find(({ inputId }) => steerKey(inputId) === key);
    if (steer) {
      this.update({ steers: steers.filter((other) => other !== steer) });
      return this.host.emit({ type: 'input_delivered', inputId: steer.inputId });
    }
    const answer = sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    if (!answer) return;
    this.update({ sentAnswers: sentAnswers.filter((other) => other !== answer) });
    if (answer.confirm) this.host.emit({ type: 'approval_delivered', approvalId: answer.approvalId });
  }

  /** The agent does not read, or is gone: what was to be said is taken back, so that it can be tried again. */
  private notWritten(key: string, error: Error): void {
    this.host.log('warn', 'a line could not be sent to the agent', { key, reason: error.message });
    if (key === INITIALIZE || key === USAGE) return this.host.failStart('start_failed', `The agent does not take input: ${error.message}`);
    if (this.isRunningPrompt(key)) return this.failPrompt(error);
    const { steers, sentAnswers, approvals, turn } = this.state;
    const steer = steers.find(({ inputId }) => steerKey(inputId) === key);
    if (steer) {
      this.update({ steers: steers.filter((other) => other !== steer) });
      return this.host.emit({ type: 'input_failed', inputId: steer.inputId, reason: error.message });
    }
    const answer = sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    if (answer) {
      const { optionId: _option, reason: _reason, confirm, ...approval } = answer;
      this.update({ sentAnswers: sentAnswers.filter((other) => other !== answer), approvals: confirm ? [...approvals, approval] : approvals });
    } else if (turn?.cancelling && this.settle(key)) {
      this.update({ turn: { ...turn, cancelling: null } });
    }
    this.host.emit({ type: 'error', code: 'agent_not_reading', message: `The agent does not take input: ${error.message}` });
  }

  private failPrompt(error: Error): void {
    const { turn } = this.state;
    if (!turn) return;
    if (turn.inputId) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: error.message });
    this.update({ turn: { ...turn, delivered: true } });
    this.failedTurn = `The prompt could not be sent: ${error.message}`;
  }

  takeFailedTurn(): string {
    const message = this.failedTurn ?? '';
    this.failedTurn = null;
    return message;
  }

  private isRunningPrompt(key: string): boolean {
    const { turn, turns } = this.state;
    return turn !== null && !turn.delivered && key === promptKey(turns);
  }
}
