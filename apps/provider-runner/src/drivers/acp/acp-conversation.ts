import { tellDenials } from './acp-denials.js';
import { describeError, kindOfError } from './acp-errors.js';
import { AcpHandshake } from './acp-handshake.js';
import { ACP_LINE_BYTES_MAX, START_LOG_CHARACTERS_MAX } from './acp.limits.js';
import type { AcpOptions } from './acp-options.js';
import { AcpOutbox } from './acp-outbox.js';
import { AcpPermissions } from './acp-permissions.js';
import { cancelKey, keyOfId, PROMPT, promptKey, refuseKey, STEER, steerKey } from './acp-requests.js';
import { activityOf, currentTaskOf } from '../wire/doing.js';
import { newTurn, readAcpState, type AcpState, type HeldInput } from './acp-state.js';
import { failureOf, failureOfRetries, noteErrorText, retriesIn } from './acp-trouble.js';
import { applyToolCall, applyUpdate } from './acp-updates.js';
import { metricOf, settleTurn, usageOfResult } from './acp-usage.js';
import type { TokenCounts } from '@orbitmesh/domain';
import type { Driver, DriverHost, DriverState, DriverStatus, Piece, ProcessExit } from '../driver.js';
import { fields, short, type Fields } from '../wire/fields.js';
import { decodeFrame, type Frame, type RpcError, type RpcId } from '../wire/json-rpc.js';
import { HELD_INPUTS_MAX, HELD_INPUT_CHARACTERS_MAX, REQUEST_ID_MAX } from '../wire/wire.limits.js';

const STOP_REASONS = ['end_turn', 'max_tokens', 'max_turn_requests', 'refusal', 'cancelled'] as const;
type StopReason = (typeof STOP_REASONS)[number] | 'error';

/** The client's side of one ACP conversation, as a function of its journaled state and of what comes in. */
export class AcpConversation implements Driver {
  private readonly outbox: AcpOutbox;
  private readonly handshake: AcpHandshake;
  private readonly permissions: AcpPermissions;

  constructor(private readonly host: DriverHost, private readonly options: AcpOptions) {
    this.outbox = new AcpOutbox(host, () => this.saySettled());
    this.handshake = new AcpHandshake(host, options, this.outbox);
    this.permissions = new AcpPermissions(host, this.outbox);
  }

  private get state(): AcpState {
    return this.outbox.state;
  }

  private update(change: Partial<AcpState>): void {
    this.outbox.update(change);
  }

  start(): void {
    this.handshake.start();
  }

  recover({ state, stateVersion, unsent }: { state: DriverState; stateVersion: number; unsent: string[] }): void {
    this.outbox.recover(readAcpState(state, stateVersion), unsent);
    this.saySettled();
  }

  snapshot(): DriverState {
    return this.state as unknown as DriverState;
  }

  status(): DriverStatus {
    return { activity: activityOf(this.state), busy: this.state.turn !== null, queuedInputs: this.state.inputs.length, ignoresEof: this.options.ignoresEof };
  }

  stdout(piece: Piece): void {
    if (piece.truncatedBytes) {
      const message = `A frame of the agent is longer than ${ACP_LINE_BYTES_MAX} bytes; ${piece.truncatedBytes} bytes of it were cut off and it was not understood.`;
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
        return this.onNotification(frame.method, frame.params, raw);
      case 'invalid':
        return this.host.unparsed(raw);
    }
  }

  private onResult(key: string, result: Fields): void {
    if (key.startsWith(STEER)) return this.onSteered(key, result);
    if (!key.startsWith(PROMPT)) {
      if (this.handshake.onResult(key, result) && !this.state.stopping) this.startTurn(null);
      return;
    }
    const used = usageOfResult(result);
    const stopReason = STOP_REASONS.find((reason) => reason === result.stopReason);
    const failure = this.state.turn && failureOf(this.state.turn);
    if (failure && (stopReason === 'end_turn' || this.state.turn?.failure)) return this.failTurn(failure, used);
    if (stopReason) return this.endTurn(stopReason, used);
    this.endTurn('error', used, `The agent ended its turn with an unknown reason: ${short(result.stopReason) || 'none'}`);
  }

  private onError(key: string, error: RpcError): void {
    if (key.startsWith(STEER)) {
      this.outbox.takeBackSteer(key);
      return this.proceed();
    }
    if (!key.startsWith(PROMPT)) return this.handshake.onError(key, error);
    const code = kindOfError(error);
    const message = describeError(error);
    const { turn } = this.state;
    if (turn?.failure) return this.failTurn(turn.failure);
    if (code === 'cancelled' || turn?.cancelling) return this.endTurn('cancelled', undefined, message);
    this.failTurn({ code, message });
  }

  private failTurn({ code, message }: { code: string; message: string }, used?: TokenCounts): void {
    this.host.emit({ type: 'error', code, message });
    this.endTurn('error', used, message);
  }

  /** What became of an input into the running turn: where that was over already, it is a prompt of its own. */
  private onSteered(key: string, { outcome }: Fields): void {
    if (outcome === 'promptRequired') {
      this.outbox.takeBackSteer(key);
      return this.proceed();
    }
    const steer = this.outbox.takeSteer(key);
    if (steer) this.host.emit({ type: 'input_delivered', inputId: steer.inputId });
  }

  private onNotification(method: string, params: Fields, raw: string): void {
    if (method === '$/cancel_request') {
      const approval = this.state.approvals.find(({ requestId }) => requestId === params.requestId);
      if (approval) this.permissions.withdraw([approval], 'The agent withdrew its question.');
      return;
    }
    if (method !== 'session/update') {
      // Names that begin with an underscore are extensions: nobody has to understand them.
      if (!['_', ...this.options.extensions].some((beginning) => method.startsWith(beginning))) this.host.unparsed(raw);
      return;
    }
    // session/load repeats the whole history before it answers: all of that was said in the session it continues.
    if (this.state.phase === 'opening' && this.state.opening === 'session/load') return;
    const update = fields(params.update);
    const { turn } = this.state;
    if (turn) this.update({ turn: noteErrorText(turn, update, this.options) });
    this.apply(applyUpdate(this.state, update), raw);
  }

  private apply({ state, facts, understood }: ReturnType<typeof applyUpdate>, raw: string): void {
    this.outbox.state = state;
    for (const fact of facts) this.host.emit(fact);
    if (!understood) this.host.unparsed(raw);
  }

  private onRequest(id: RpcId, method: string, params: Fields, raw: string): void {
    if (String(id).length > REQUEST_ID_MAX) {
      this.host.emit({ type: 'error', code: 'protocol', message: `A request of the agent (${short(method)}) has an id of more than ${REQUEST_ID_MAX} characters and gets no answer.` });
      return this.host.unparsed(raw);
    }
    if (method !== 'session/request_permission') return this.outbox.write(refuseKey(id));
    if (this.state.approvals.some(({ requestId }) => requestId === id)) return this.host.unparsed(raw);
    this.permissions.ask(id, params, (toolCall) => this.apply(applyToolCall(this.state, toolCall), raw));
  }

  /** A log of the agent's, where its preset knows how to read one; else output like any other. */
  stderr(piece: Piece): void {
    if (!this.options.retryLog) this.host.emit({ type: 'output', stream: 'stderr', content: piece.text });
    else if (this.state.phase !== 'ready') this.update({ startLog: (this.state.startLog + piece.text).slice(-START_LOG_CHARACTERS_MAX) });
    for (const retry of retriesIn(piece.text, this.options)) {
      const { turn } = this.state;
      if (!turn || turn.cancelling) continue;
      const retries = turn.retries + 1;
      const given = retries >= (this.options.retryLog?.max ?? 0) ? failureOfRetries(retries, retry) : null;
      this.update({ turn: { ...turn, retries, failure: given } });
      this.host.emit({ type: 'metadata', key: 'retry', value: short(`The model refused with status ${retry.status}, and the agent tries again: ${retry.message}`) });
      if (given) this.interrupt();
    }
    this.saySettled();
  }

  input(input: HeldInput & { steer?: boolean }): void {
    const { inputs, steers, turn, stopping } = this.state;
    const characters = [turn?.text ?? '', ...[...inputs, ...steers].map((held) => held.text), input.text].reduce((sum, value) => sum + value.length, 0);
    if (stopping) return this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: 'The session is ending.' });
    if (inputs.length + steers.length >= HELD_INPUTS_MAX || characters > HELD_INPUT_CHARACTERS_MAX) {
      return this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: 'Too much input is waiting for the agent.' });
    }
    const held: HeldInput = { inputId: input.inputId, text: input.text };
    if (input.steer && this.takesSteering()) {
      this.update({ steers: [...steers, held] });
      this.outbox.request(steerKey(held.inputId));
    } else {
      this.update({ inputs: [...inputs, held] });
      this.proceed();
    }
    this.saySettled();
  }

  private takesSteering(): boolean {
    const { steering, turn, paused } = this.state;
    return steering && turn !== null && !turn.cancelling && !paused;
  }

  answerApproval(answer: { approvalId: string; optionId: string | null; reason?: string }): void {
    this.permissions.answer(answer);
    this.saySettled();
  }

  /** Session/cancel, and every open question answered with `cancelled`, as the protocol demands; the turn ends when the agent says so. */
  interrupt(): void {
    const { turn, turns, approvals } = this.state;
    if (!turn || turn.cancelling) return;
    this.update({ turn: { ...turn, cancelling: true } });
    this.outbox.write(cancelKey(turns));
    this.permissions.withdraw(approvals, 'The turn was interrupted.');
    this.saySettled();
  }

  pause(): void {
    if (this.state.paused) return;
    this.update({ paused: true });
    this.host.emit({ type: 'paused' });
  }

  resume(): void {
    if (!this.state.paused) return;
    this.update({ paused: false });
    this.host.emit({ type: 'resumed' });
    this.permissions.release();
    this.proceed();
    this.saySettled();
  }

  stop(): void {
    this.update({ stopping: true });
    this.failInputs('The session is ending.');
    this.interrupt();
  }

  exited({ exitCode }: ProcessExit): void {
    this.outbox.close();
    const { turn, sentAnswers, approvals, steers, inputs, phase, startLog } = this.state;
    // Of work that was never begun its exit code says nothing.
    if (phase !== 'ready' && exitCode === 0) this.host.failStart('start_failed', 'The agent ended before it was ready.');
    if (phase !== 'ready' && startLog) this.host.emit({ type: 'output', stream: 'stderr', content: startLog });
    const open = [...approvals, ...sentAnswers.filter(({ confirm }) => confirm)];
    for (const { approvalId } of open) this.host.emit({ type: 'approval_withdrawn', approvalId, reason: 'The agent is gone.' });
    if (turn?.inputId && !turn.delivered) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: 'The agent is gone.' });
    this.update({ approvals: [], sentAnswers: [], turn: null, toolCalls: {}, steers: [], inputs: [...steers, ...inputs] });
    this.failInputs('The agent is gone.');
  }

  private failInputs(reason: string): void {
    const { inputs } = this.state;
    this.update({ inputs: [] });
    for (const { inputId } of inputs) this.host.emit({ type: 'input_failed', inputId, reason });
  }

  /** A second prompt is never sent into a running turn: gemini and copilot would cancel the first. */
  private proceed(): void {
    const { phase, turn, paused, stopping, inputs } = this.state;
    const [next, ...rest] = inputs;
    if (phase !== 'ready' || turn || paused || stopping || !next) return;
    this.update({ inputs: rest });
    this.startTurn(next);
  }

  private startTurn(input: HeldInput | null): void {
    const said = input && { ...input, text: tellDenials(this.state.denials, input.text) };
    this.update({ turns: this.state.turns + 1, turn: newTurn(said), denials: input ? [] : this.state.denials });
    this.host.emit({ type: 'turn_started', ...(input ? { inputId: input.inputId } : {}) });
    this.outbox.request(promptKey(input?.inputId));
  }

  private endTurn(stopReason: StopReason, used?: TokenCounts, message?: string): void {
    this.outbox.sayDelivered();
    this.permissions.withdraw(this.state.approvals, 'The turn ended.');
    const { usage, turn } = settleTurn(this.state.usage, used, this.options.usage);
    this.update({ usage, turn: null, toolCalls: {}, planStep: null });
    this.host.emit(metricOf(usage, turn));
    this.host.emit({ type: 'turn_ended', stopReason, ...(message ? { message } : {}) });
    this.proceed();
  }

  /** What the agent does now, said whenever it has changed; the last thing of every step. */
  private saySettled(): void {
    if (this.outbox.failedTurn) this.endTurn('error', undefined, this.outbox.takeFailedTurn());
    const said = { activity: activityOf(this.state), currentTask: currentTaskOf(this.state) };
    const { activity, currentTask } = this.state.said;
    if (said.activity === activity && said.currentTask === currentTask) return;
    this.update({ said });
    this.host.emit({ type: 'activity', ...said });
  }
}
