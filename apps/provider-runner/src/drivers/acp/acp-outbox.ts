import { AppError } from '@orbitmesh/domain';
import { newAcpState, type AcpState, type HeldInput, type OpenApproval } from './acp-state.js';
import { lineOfKey, permissionKey, PROMPT, promptKey, STEER, steerKey } from './acp-requests.js';
import type { DriverHost } from '../driver.js';
import { Outbox } from '../wire/outbox.js';

/** Lines on their way to the agent, and the state they are made from. */
export class AcpOutbox extends Outbox<AcpState> {
  /** Why the running prompt could not be sent; the conversation ends the turn with it. */
  failedTurn: string | null = null;

  constructor(host: DriverHost, afterwards: () => void) {
    super(newAcpState(), host, {
      lineOf: (key) => lineOfKey(key, this.state, host.run),
      written: (key) => this.written(key),
      notWritten: (key, error) => this.notWritten(key, error),
      afterwards,
    });
  }

  /** Goes on where the journal ends: sends again what was not written, and confirms what was. */
  recover(state: AcpState, unsent: string[]): void {
    this.state = state;
    for (const key of unsent) this.write(key);
    for (const { approvalId } of state.sentAnswers) if (!unsent.includes(permissionKey(approvalId))) this.written(permissionKey(approvalId));
    if (state.turn && !unsent.includes(promptKey(state.turn.inputId))) this.sayDelivered();
  }

  /** Takes the approval out of the open ones and sends its answer; `confirm` says `approval_delivered` once it is written. */
  answer({ held: _held, ...approval }: OpenApproval, optionId: string | null, confirm: boolean): void {
    const approvals = this.state.approvals.filter((open) => open.approvalId !== approval.approvalId);
    this.update({ approvals, sentAnswers: [...this.state.sentAnswers, { ...approval, optionId, confirm }] });
    this.write(permissionKey(approval.approvalId));
  }

  /** Once: the input of the running turn is in the agent's hands. */
  sayDelivered(): void {
    const { turn } = this.state;
    if (!turn || turn.delivered) return;
    this.state = { ...this.state, turn: { ...turn, delivered: true } };
    if (turn.inputId) this.host.emit({ type: 'input_delivered', inputId: turn.inputId });
  }

  private written(key: string): void {
    if (this.isRunningPrompt(key)) return this.sayDelivered();
    const answer = this.state.sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    if (!answer) return;
    this.state = { ...this.state, sentAnswers: this.state.sentAnswers.filter((other) => other !== answer) };
    if (answer.confirm) this.host.emit({ type: 'approval_delivered', approvalId: answer.approvalId });
  }

  /** The agent does not read, or is gone: what was to be said is taken back, so that it can be tried again. */
  private notWritten(key: string, error: Error): void {
    this.host.log('warn', 'a line could not be sent to the agent', { key, reason: error.message });
    // How it ended says more than that it takes nothing any more.
    if (error instanceof AppError && error.code === 'UNAVAILABLE' && this.state.phase !== 'ready') return;
    if (key === 'initialize' || key === 'session' || key === 'mode' || key === 'model') return this.host.failStart('start_failed', `The agent does not take input: ${error.message}`);
    if (this.isRunningPrompt(key)) return this.failPrompt(key, error);
    if (key.startsWith(STEER)) return this.takeBackSteer(key);
    const answer = this.state.sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    if (answer) {
      const { optionId: _option, confirm, ...approval } = answer;
      this.state = {
        ...this.state,
        sentAnswers: this.state.sentAnswers.filter((other) => other !== answer),
        approvals: confirm ? [...this.state.approvals, approval] : this.state.approvals,
      };
    } else if (this.state.turn?.cancelling) {
      this.state = { ...this.state, turn: { ...this.state.turn, cancelling: false } };
    }
    this.host.emit({ type: 'error', code: 'agent_not_reading', message: `The agent does not take input: ${error.message}` });
  }

  /** An input that did not get into the running turn waits for its end, before all others. */
  takeBackSteer(key: string): void {
    this.settle(key);
    const steer = this.takeSteer(key);
    if (steer) this.update({ inputs: [steer, ...this.state.inputs] });
  }

  takeSteer(key: string): HeldInput | undefined {
    const steer = this.state.steers.find(({ inputId }) => steerKey(inputId) === key);
    this.update({ steers: this.state.steers.filter((other) => other !== steer) });
    return steer;
  }

  private failPrompt(key: string, error: Error): void {
    this.settle(key);
    const { turn } = this.state;
    if (turn?.inputId && !turn.delivered) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: error.message });
    if (turn) this.state = { ...this.state, turn: { ...turn, delivered: true } };
    this.failedTurn = `The prompt could not be sent: ${error.message}`;
  }

  takeFailedTurn(): string {
    const message = this.failedTurn ?? '';
    this.failedTurn = null;
    return message;
  }

  private isRunningPrompt(key: string): boolean {
    return key.startsWith(PROMPT) && this.state.turn !== null && promptKey(this.state.turn.inputId) === key;
  }
}
