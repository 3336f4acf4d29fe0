import type { DriverHost } from '../driver.js';
import { Outbox } from '../wire/outbox.js';
import { ANSWER, CLEAN, INTERRUPT, lineOfKey, REASON, STEER, TURN, turnKey } from './codex-requests.js';
import { newCodexState, type CodexState, type OpenApproval } from './codex-state.js';

const HANDSHAKE: readonly string[] = ['initialize', 'initialized', 'account', 'login', 'thread', 'servers'];

/** What the conversation does when a line of it could not be sent. */
export interface FailedLines {
  turnNotSent(reason: string): void;
  steerNotSent(inputId: string): void;
  cleaned(): void;
  afterwards(): void;
}

/** Lines on their way to codex, and the state they are made from. */
export class CodexOutbox extends Outbox<CodexState> {
  constructor(host: DriverHost, private readonly failed: FailedLines) {
    super(newCodexState(), host, {
      lineOf: (key) => lineOfKey(key, this.state, host.run),
      written: (key) => this.written(key),
      notWritten: (key, error) => this.notWritten(key, error),
      afterwards: () => failed.afterwards(),
    });
  }

  /** Goes on where the journal ends: sends again what was not written, and confirms what was. */
  recover(state: CodexState, unsent: string[]): void {
    this.state = state;
    for (const key of unsent) this.write(key);
    for (const { approvalId } of state.sentAnswers) if (!unsent.includes(`${ANSWER}${approvalId}`)) this.written(`${ANSWER}${approvalId}`);
    if (state.turn && !unsent.includes(turnKey(state.turn.inputId))) this.sayDelivered();
  }

  /** Takes the approval out of the open ones and sends its answer; `confirm` says `approval_delivered` once it is written. */
  answer({ held: _held, ...approval }: OpenApproval, given: { optionId: string | null; reason?: string }, confirm: boolean): void {
    const { approvalId, refusals } = approval;
    const { optionId } = given;
    // A reason is told only to an agent that goes on after the refusal.
    const reason = given.reason && optionId !== null && refusals.includes(optionId) ? { reason: given.reason } : {};
    this.update({
      approvals: this.state.approvals.filter((open) => open.approvalId !== approvalId),
      sentAnswers: [...this.state.sentAnswers, { ...approval, optionId, ...reason, confirm }],
    });
    if (reason.reason && this.state.turn?.id) this.request(`${REASON}${approvalId}`);
    this.write(`${ANSWER}${approvalId}`);
  }

  /** Once: the input of the running turn is in codex' hands. */
  sayDelivered(): void {
    const { turn } = this.state;
    if (!turn || turn.delivered) return;
    this.update({ turn: { ...turn, delivered: true } });
    if (turn.inputId) this.host.emit({ type: 'input_delivered', inputId: turn.inputId });
  }

  private written(key: string): void {
    if (this.isRunningTurn(key)) return this.sayDelivered();
    const answer = this.state.sentAnswers.find(({ approvalId }) => `${ANSWER}${approvalId}` === key);
    if (!answer) return;
    this.update({ sentAnswers: this.state.sentAnswers.filter((other) => other !== answer) });
    if (answer.confirm) this.host.emit({ type: 'approval_delivered', approvalId: answer.approvalId });
  }

  /** Codex does not read, or is gone: what was to be said is taken back, so that it can be tried again. */
  private notWritten(key: string, error: Error): void {
    this.host.log('warn', 'a line could not be sent to codex', { key, reason: error.message });
    if (HANDSHAKE.includes(key)) return this.host.failStart('start_failed', `Codex does not take input: ${error.message}`);
    this.settle(key);
    if (key.startsWith(TURN)) return this.failTurn(key, error);
    if (key.startsWith(STEER)) this.failed.steerNotSent(key.slice(STEER.length));
    if (key.startsWith(CLEAN)) this.failed.cleaned();
    if (key.startsWith(INTERRUPT) && this.state.turn) this.update({ turn: { ...this.state.turn, cancelling: false } });
    if (key.startsWith(ANSWER)) this.takeBack(key.slice(ANSWER.length));
    this.host.emit({ type: 'error', code: 'agent_not_reading', message: `Codex does not take input: ${error.message}` });
  }

  private takeBack(id: string): void {
    const { sentAnswers, approvals } = this.state;
    const answer = sentAnswers.find(({ approvalId }) => approvalId === id);
    if (!answer) return;
    const { optionId: _option, reason: _reason, confirm, ...approval } = answer;
    this.update({ sentAnswers: sentAnswers.filter((other) => other !== answer), approvals: confirm ? [...approvals, approval] : approvals });
  }

  private failTurn(key: string, error: Error): void {
    const { turn } = this.state;
    if (!turn || !this.isRunningTurn(key)) return;
    if (turn.inputId && !turn.delivered) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: error.message });
    this.update({ turn: { ...turn, delivered: true } });
    this.failed.turnNotSent(`The prompt could not be sent: ${error.message}`);
  }

  private isRunningTurn(key: string): boolean {
    const { turn } = this.state;
    return key.startsWith(TURN) && turn !== null && turn.ours && turnKey(turn.inputId) === key;
  }
}
