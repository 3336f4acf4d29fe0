import type { Driver, DriverHost, DriverState, DriverStatus, Piece, ProcessExit } from '../driver.js';
import { approvalRequested } from '../wire/approval-request.js';
import { fields, short, text, type Fields } from '../wire/fields.js';
import { decodeFrame, type Frame, type RpcError, type RpcId } from '../wire/json-rpc.js';
import { HELD_INPUTS_MAX, HELD_INPUT_CHARACTERS_MAX, OPEN_APPROVALS_MAX, REQUEST_ID_MAX } from '../wire/wire.limits.js';
import { questionOf } from './codex-approvals.js';
import { CODEX_LINE_BYTES_MAX } from './codex.limits.js';
import { isFinal, troubleOf } from './codex-errors.js';
import { CodexHandshake } from './codex-handshake.js';
import { CodexOutbox } from './codex-outbox.js';
import { keyOfId, refuseKey } from './codex-requests.js';
import { activityOf, currentTaskOf, type CodexState, type HeldInput, type OpenApproval } from './codex-state.js';
import { CodexTurns } from './codex-turns.js';
import { applyNotification } from './codex-updates.js';

/** The client's side of one `codex app-server` with one thread, as a function of its journaled state and of what comes in. */
export class CodexConversation implements Driver {
  private readonly outbox: CodexOutbox;
  private readonly handshake: CodexHandshake;
  private readonly turns: CodexTurns;
  private readonly tails = new Map<string, string>();

  constructor(private readonly host: DriverHost) {
    this.outbox = new CodexOutbox(host, {
      turnNotSent: (message) => this.turns.end({ code: 'agent_error', message, stopReason: 'error' }),
      steerNotSent: (inputId) => this.turns.queueSteer(inputId),
      cleaned: () => this.turns.end(null),
      afterwards: () => this.saySettled(),
    });
    this.turns = new CodexTurns(host, this.outbox);
    this.handshake = new CodexHandshake(host, this.outbox, () => this.turns.begin(null));
  }

  private get state(): CodexState {
    return this.outbox.state;
  }

  start(): void {
    this.outbox.request('initialize');
  }

  recover({ state, unsent }: { state: DriverState; unsent: string[] }): void {
    this.outbox.recover(state as unknown as CodexState, unsent);
    this.saySettled();
  }

  snapshot(): DriverState {
    return this.state as unknown as DriverState;
  }

  status(): DriverStatus {
    const { turn, inputs, steers } = this.state;
    return { activity: activityOf(this.state), busy: turn !== null, queuedInputs: inputs.length + steers.length };
  }

  stdout(piece: Piece): void {
    if (piece.truncatedBytes) {
      const message = `A frame of codex is longer than ${CODEX_LINE_BYTES_MAX} bytes; ${piece.truncatedBytes} bytes of it were cut off and it was not understood.`;
      this.host.emit({ type: 'error', code: 'frame_too_large', message });
      this.host.unparsed(piece.text);
    } else if (piece.text.trim()) {
      this.receive(decodeFrame(piece.text), piece.text);
    }
    this.saySettled();
  }

  private receive(frame: Frame, raw: string): void {
    switch (frame.kind) {
      case 'result':
      case 'error': {
        const key = keyOfId(frame.id);
        // An answer to nothing we asked, or a second one: kept, never acted on.
        if (key === null || !this.outbox.settle(key)) return this.host.unparsed(raw);
        return frame.kind === 'result' ? this.onResult(key, frame.result) : this.onError(key, frame.error);
      }
      case 'request':
        return this.onRequest(frame.id, frame.method, frame.params, raw);
      case 'notification':
        return this.onNotification(frame, raw);
      case 'invalid':
        return this.host.unparsed(raw);
    }
  }

  private onResult(key: string, result: Fields): void {
    if (!this.handshake.onResult(key, result)) this.turns.onResult(key, result);
  }

  private onError(key: string, error: RpcError): void {
    if (!this.handshake.onError(key, error)) this.turns.onError(key, error);
  }

  private onNotification({ method, params, sentAtMs }: Extract<Frame, { kind: 'notification' }>, raw: string): void {
    const isOurs = params.threadId === this.state.threadId;
    switch (method) {
      case 'turn/started': return isOurs ? this.turns.onStarted(fields(params.turn)) : undefined;
      case 'turn/completed': return isOurs ? this.turns.onCompleted(fields(params.turn)) : undefined;
      case 'error': return isOurs ? this.onTrouble(params) : undefined;
      case 'serverRequest/resolved': return this.onResolved(params.requestId);
    }
    const { state, facts, understood } = applyNotification(this.state, method, params, { workingDir: this.host.run.workingDir, sentAtMs: sentAtMs ?? 0, tails: this.tails });
    this.outbox.state = state;
    for (const fact of facts) this.host.emit(fact);
    if (!understood) this.host.unparsed(raw);
  }

  /** An error that ends the turn is said by the turn's end; one that codex tries to get over is a note, unless trying is in vain. */
  private onTrouble(params: Fields): void {
    const trouble = troubleOf(fields(params.error));
    const ofTurn = this.state.turn !== null && params.turnId === this.state.turn.id;
    if (params.willRetry === true) {
      if (ofTurn && isFinal(trouble)) return this.turns.giveUp(trouble);
      return this.host.emit({ type: 'metadata', key: 'retry', value: short(trouble.message) });
    }
    if (!ofTurn) this.host.emit({ type: 'error', code: trouble.code, message: trouble.message });
  }

  private onResolved(requestId: unknown): void {
    const approval = this.state.approvals.find((open) => open.requestId === requestId);
    if (!approval) return;
    this.outbox.update({ approvals: this.state.approvals.filter((open) => open !== approval) });
    this.host.emit({ type: 'approval_withdrawn', approvalId: approval.approvalId, reason: 'The agent withdrew its question.' });
  }

  private onRequest(id: RpcId, method: string, params: Fields, raw: string): void {
    if (String(id).length > REQUEST_ID_MAX) {
      this.host.emit({ type: 'error', code: 'protocol', message: `A request of codex (${short(method)}) has an id of more than ${REQUEST_ID_MAX} characters and gets no answer.` });
      return this.host.unparsed(raw);
    }
    if (this.state.approvals.some(({ requestId }) => requestId === id)) return this.host.unparsed(raw);
    const asked = questionOf(method, params, this.state);
    if (!asked) return this.outbox.write(refuseKey(id));
    const approval: OpenApproval = {
      approvalId: this.host.newId('approval'), requestId: id, threadId: text(params.threadId) ?? '',
      ...('why' in asked
        ? { title: '', results: {}, cancelled: asked.result, refusals: [] }
        : { title: short(asked.toolCall.title), results: asked.results, cancelled: asked.cancelled, refusals: asked.refusals }),
    };
    if ('why' in asked) {
      this.host.emit({ type: 'metadata', key: 'unanswered_question', value: asked.why });
      return this.outbox.answer(approval, { optionId: null }, false);
    }
    const isFull = this.state.approvals.length >= OPEN_APPROVALS_MAX;
    if (isFull) this.host.emit({ type: 'error', code: 'approval_refused', message: `More than ${OPEN_APPROVALS_MAX} permissions are asked at once.` });
    if (isFull || this.state.stopping || this.state.turn?.cancelling) return this.outbox.answer(approval, { optionId: null }, false);
    this.outbox.update({ approvals: [...this.state.approvals, approval] });
    this.host.emit(approvalRequested(approval.approvalId, asked.toolCall, asked.options));
  }

  input({ inputId, text: given, steer }: { inputId: string; text: string; steer?: boolean }): void {
    const { inputs, steers, turn, stopping } = this.state;
    const characters = [turn?.text ?? '', ...[...inputs, ...steers].map((held) => held.text), given].reduce((sum, value) => sum + value.length, 0);
    const isFull = inputs.length + steers.length >= HELD_INPUTS_MAX || characters > HELD_INPUT_CHARACTERS_MAX;
    if (stopping || isFull) {
      return this.host.emit({ type: 'input_failed', inputId, reason: stopping ? 'The session is ending.' : 'Too much input is waiting for the agent.' });
    }
    this.outbox.update({ inputs: [...inputs, { inputId, text: given, ...(steer ? { steer: true as const } : {}) }] });
    this.turns.proceed();
    this.saySettled();
  }

  answerApproval({ approvalId, optionId, reason }: { approvalId: string; optionId: string | null; reason?: string }): void {
    const approval = this.state.approvals.find((open) => open.approvalId === approvalId);
    if (!approval || approval.held) return;
    if (optionId !== null && !Object.hasOwn(approval.results, optionId)) {
      this.host.log('warn', 'an answer names an option that was not offered; codex gets a cancel', { approvalId });
      optionId = null;
    }
    const given = { optionId, ...(reason ? { reason } : {}) };
    if (this.state.paused) {
      this.outbox.update({ approvals: this.state.approvals.map((open) => (open === approval ? { ...open, held: given } : open)) });
    } else {
      this.outbox.answer(approval, given, true);
    }
    this.saySettled();
  }

  interrupt(): void {
    this.turns.interrupt('The turn was interrupted.');
    this.saySettled();
  }

  pause(): void {
    if (this.state.paused) return;
    this.outbox.update({ paused: true });
    this.host.emit({ type: 'paused' });
  }

  resume(): void {
    if (!this.state.paused) return;
    this.outbox.update({ paused: false });
    this.host.emit({ type: 'resumed' });
    for (const approval of this.state.approvals) if (approval.held) this.outbox.answer(approval, approval.held, true);
    this.turns.proceed();
    this.saySettled();
  }

  stop(): void {
    this.outbox.update({ stopping: true });
    this.failInputs(this.state.inputs, 'The session is ending.');
    this.outbox.update({ inputs: [] });
    this.interrupt();
  }

  exited({ exitCode }: ProcessExit): void {
    this.outbox.close();
    const { phase, turn, sentAnswers, approvals, inputs, steers } = this.state;
    // Of work that was never begun its exit code says nothing.
    if (phase !== 'ready' && exitCode === 0) this.host.failStart('start_failed', 'Codex ended before it was ready.');
    const open = [...approvals, ...sentAnswers.filter(({ confirm }) => confirm)];
    for (const { approvalId } of open) this.host.emit({ type: 'approval_withdrawn', approvalId, reason: 'The agent is gone.' });
    if (turn?.inputId && !turn.delivered) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: 'The agent is gone.' });
    this.failInputs([...steers, ...inputs], 'The agent is gone.');
    this.outbox.update({ approvals: [], sentAnswers: [], turn: null, toolCalls: {}, inputs: [], steers: [] });
  }

  private failInputs(inputs: HeldInput[], reason: string): void {
    for (const { inputId } of inputs) this.host.emit({ type: 'input_failed', inputId, reason });
  }

  /** What codex does now, said whenever it has changed; the last thing of every step. */
  private saySettled(): void {
    const said = { activity: activityOf(this.state), currentTask: currentTaskOf(this.state) };
    const { activity, currentTask } = this.state.said;
    if (said.activity === activity && said.currentTask === currentTask) return;
    this.outbox.update({ said });
    this.host.emit({ type: 'activity', ...said });
  }
}
