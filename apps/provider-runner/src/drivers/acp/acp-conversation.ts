import { AcpOutbox } from './acp-outbox.js';
import { approvalOptionsOf } from './acp-approvals.js';
import { describeError, kindOfError } from './acp-errors.js';
import { approvalRequested } from '../wire/approval-request.js';
import { decodeFrame, type Frame, type RpcError, type RpcId } from '../wire/json-rpc.js';
import { ACP_LINE_BYTES_MAX } from './acp.limits.js';
import { agentInfoOf, keepsConversations, modelChoiceOf, openingOf } from './acp-opening.js';
import type { AcpOptions } from './acp-options.js';
import { ACP_PROTOCOL_VERSION, cancelKey, keyOfId, PROMPT, promptKey, refuseKey } from './acp-requests.js';
import { activityOf, currentTaskOf, NO_TOKENS, type AcpState, type HeldInput, type OpenApproval } from './acp-state.js';
import { applyToolCall, applyUpdate, metricOf } from './acp-updates.js';
import { addTokens, usageOfResult, type TokenTotals } from './acp-usage.js';
import type { Driver, DriverHost, DriverState, DriverStatus, Piece } from '../driver.js';
import { fields, short, text, type Fields } from '../wire/fields.js';
import { HELD_INPUTS_MAX, HELD_INPUT_CHARACTERS_MAX, OPEN_APPROVALS_MAX, REQUEST_ID_MAX } from '../wire/wire.limits.js';

const STOP_REASONS = ['end_turn', 'max_tokens', 'max_turn_requests', 'refusal', 'cancelled'] as const;
type StopReason = (typeof STOP_REASONS)[number] | 'error';

/** The client's side of one ACP conversation, as a function of its journaled state and of what comes in. */
export class AcpConversation implements Driver {
  private readonly outbox: AcpOutbox;

  constructor(private readonly host: DriverHost, private readonly options: AcpOptions) {
    this.outbox = new AcpOutbox(host, () => this.saySettled());
  }

  private get state(): AcpState {
    return this.outbox.state;
  }

  private update(change: Partial<AcpState>): void {
    this.outbox.state = { ...this.state, ...change };
  }

  start(): void {
    this.outbox.request('initialize');
  }

  recover({ state, unsent }: { state: DriverState; unsent: string[] }): void {
    this.outbox.recover(state as unknown as AcpState, unsent);
    this.saySettled();
  }

  snapshot(): DriverState {
    return this.state as unknown as DriverState;
  }

  status(): DriverStatus {
    return { activity: activityOf(this.state), busy: this.state.turn !== null, queuedInputs: this.state.inputs.length };
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
    if (key === 'initialize') return this.onInitialized(result);
    if (key === 'session') return this.onOpened(result);
    if (key === 'model') return this.becomeReady(this.state.agentSessionId ?? '');
    const stopReason = STOP_REASONS.find((reason) => reason === result.stopReason);
    if (stopReason) return this.endTurn(stopReason, usageOfResult(result));
    this.endTurn('error', usageOfResult(result), `The agent ended its turn with an unknown reason: ${short(result.stopReason) || 'none'}`);
  }

  private onError(key: string, error: RpcError): void {
    const kind = kindOfError(error);
    const message = describeError(error);
    if (key === 'model') return this.host.failStart('config_invalid', `The agent refuses the model ${short(this.host.run.manifest.provider.model)}: ${message}`);
    if (!key.startsWith(PROMPT)) return this.host.failStart(kind === 'auth_required' ? 'auth_required' : 'start_failed', message);
    if (kind === 'cancelled' || this.state.turn?.cancelling) return this.endTurn('cancelled', undefined, message);
    this.host.emit({ type: 'error', code: kind, message });
    this.endTurn('error', undefined, message);
  }

  private onInitialized(result: Fields): void {
    if (result.protocolVersion !== ACP_PROTOCOL_VERSION) {
      return this.host.failStart('config_invalid', `The agent speaks version ${String(result.protocolVersion)} of the Agent Client Protocol; this driver speaks ${ACP_PROTOCOL_VERSION}.`);
    }
    const opening = openingOf(result, this.host.run.continueAgentSessionId, this.options);
    if (!opening) return this.host.failStart('config_invalid', 'The agent cannot go on with an earlier conversation.');
    this.update({ phase: 'opening', agentInfo: agentInfoOf(result), keepsConversations: keepsConversations(result), opening });
    this.outbox.request('session');
  }

  private onOpened(result: Fields): void {
    const agentSessionId = this.state.opening === 'session/new' ? text(result.sessionId) : this.host.run.continueAgentSessionId;
    if (!agentSessionId) return this.host.failStart('start_failed', 'The agent opened a session without saying its id.');
    this.update({ phase: 'configuring', agentSessionId, model: modelChoiceOf(result, this.host.run.manifest.provider.model) });
    if (this.state.model) return this.outbox.request('model');
    this.becomeReady(agentSessionId);
  }

  private becomeReady(agentSessionId: string): void {
    const { model } = this.host.run.manifest.provider;
    this.update({ phase: 'ready' });
    // The session is told an id only where it is of use: without one, going on with it is NOT_SUPPORTED at once, and not a start that fails.
    const known = this.state.keepsConversations ? { agentSessionId } : {};
    this.host.emit({ type: 'run_started', pid: this.host.pid, ...known, agentInfo: this.state.agentInfo ?? {} });
    if (model !== null && !this.state.model) this.host.emit({ type: 'metadata', key: 'model', value: `The agent offers no choice of models; ${short(model)} was not set.` });
    if (!this.state.stopping) this.startTurn(null);
  }

  private onNotification(method: string, params: Fields, raw: string): void {
    if (method === '$/cancel_request') {
      const approval = this.state.approvals.find(({ requestId }) => requestId === params.requestId);
      if (approval) this.withdraw([approval], 'The agent withdrew its question.');
      return;
    }
    if (method !== 'session/update') return this.host.unparsed(raw);
    // session/load repeats the whole history before it answers: all of that was said in the session it continues.
    if (this.state.phase === 'opening' && this.state.opening === 'session/load') return;
    this.apply(applyUpdate(this.state, fields(params.update)), raw);
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
    this.askPermission(id, params, raw);
  }

  private askPermission(requestId: RpcId, params: Fields, raw: string): void {
    const toolCall = fields(params.toolCall);
    const options = approvalOptionsOf(params);
    const approval: OpenApproval = {
      approvalId: this.host.newId('approval'), requestId, toolCallId: short(toolCall.toolCallId), optionIds: options.map(({ optionId }) => optionId),
    };
    const full = this.state.approvals.length >= OPEN_APPROVALS_MAX;
    if (full || !options.length || !this.state.turn || this.state.turn.cancelling) {
      if (full || !options.length) this.host.emit({ type: 'error', code: 'approval_refused', message: full ? `More than ${OPEN_APPROVALS_MAX} permissions are asked at once.` : 'The agent asked for a permission without options to choose from.' });
      return this.outbox.answer(approval, null, false);
    }
    if (toolCall.toolCallId) this.apply(applyToolCall(this.state, toolCall), raw);
    this.update({ approvals: [...this.state.approvals, approval] });
    this.host.emit(approvalRequested(approval.approvalId, toolCall, options));
  }

  input(input: HeldInput): void {
    const { inputs, turn, stopping } = this.state;
    const characters = [turn?.text ?? '', ...inputs.map((held) => held.text), input.text].reduce((sum, value) => sum + value.length, 0);
    if (stopping) return this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: 'The session is ending.' });
    if (inputs.length >= HELD_INPUTS_MAX || characters > HELD_INPUT_CHARACTERS_MAX) {
      return this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: 'Too much input is waiting for the agent.' });
    }
    this.update({ inputs: [...inputs, { inputId: input.inputId, text: input.text }] });
    this.proceed();
    this.saySettled();
  }

  answerApproval({ approvalId, optionId }: { approvalId: string; optionId: string | null }): void {
    const approval = this.state.approvals.find((open) => open.approvalId === approvalId);
    if (!approval || approval.held) return;
    if (optionId !== null && !approval.optionIds.includes(optionId)) {
      this.host.log('warn', 'an answer names an option that was not offered; the agent gets a cancel', { approvalId });
      optionId = null;
    }
    if (this.state.paused) {
      this.update({ approvals: this.state.approvals.map((open) => (open === approval ? { ...open, held: { optionId } } : open)) });
    } else {
      this.outbox.answer(approval, optionId, true);
    }
    this.saySettled();
  }

  /** Session/cancel, and every open question answered with `cancelled`, as the protocol demands; the turn ends when the agent says so. */
  interrupt(): void {
    const { turn, turns, approvals } = this.state;
    if (!turn || turn.cancelling) return;
    this.update({ turn: { ...turn, cancelling: true } });
    this.outbox.write(cancelKey(turns));
    this.withdraw(approvals, 'The turn was interrupted.');
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
    for (const approval of this.state.approvals) if (approval.held) this.outbox.answer(approval, approval.held.optionId, true);
    this.proceed();
    this.saySettled();
  }

  stop(): void {
    this.update({ stopping: true });
    this.failInputs('The session is ending.');
    this.interrupt();
  }

  exited(): void {
    this.outbox.close();
    const { turn, sentAnswers, approvals } = this.state;
    const open = [...approvals, ...sentAnswers.filter(({ confirm }) => confirm)];
    for (const { approvalId } of open) this.host.emit({ type: 'approval_withdrawn', approvalId, reason: 'The agent is gone.' });
    if (turn?.inputId && !turn.delivered) this.host.emit({ type: 'input_failed', inputId: turn.inputId, reason: 'The agent is gone.' });
    this.update({ approvals: [], sentAnswers: [], turn: null, toolCalls: {} });
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
    this.update({ turns: this.state.turns + 1, turn: { ...input, delivered: false, cancelling: false } });
    this.host.emit({ type: 'turn_started', ...(input ? { inputId: input.inputId } : {}) });
    this.outbox.request(promptKey(input?.inputId));
  }

  private endTurn(stopReason: StopReason, used: TokenTotals | undefined, message?: string): void {
    this.outbox.sayDelivered();
    this.withdraw(this.state.approvals, 'The turn ended.');
    const { total, turn } = this.state.usage;
    // At least one request a turn, also where the agent counts nothing.
    const counted = used ?? (turn.requestCount ? turn : { ...NO_TOKENS, requestCount: 1 });
    const requestCount = total.requestCount + Math.max(counted.requestCount, turn.requestCount);
    const sum = used && this.options.usage === 'session' ? used : addTokens(total, counted);
    this.update({ usage: { ...this.state.usage, total: { ...sum, requestCount }, turn: NO_TOKENS }, turn: null, toolCalls: {}, planStep: null });
    this.host.emit(metricOf(this.state));
    this.host.emit({ type: 'turn_ended', stopReason, ...(message ? { message } : {}) });
    this.proceed();
  }

  private withdraw(approvals: OpenApproval[], reason: string): void {
    for (const approval of approvals) {
      this.host.emit({ type: 'approval_withdrawn', approvalId: approval.approvalId, reason });
      this.outbox.answer(approval, null, false);
    }
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


