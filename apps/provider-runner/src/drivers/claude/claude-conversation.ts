import type { Driver, DriverHost, DriverState, DriverStatus, Piece } from '../driver.js';
import { count, fields, list, short, text, type Fields } from '../wire/fields.js';
import { ClaudeApprovals } from './claude-approvals.js';
import { codeOfFailure, isFinal, outcomeOfResult } from './claude-errors.js';
import { decodeClaudeFrame, isPassedOver, limitOf } from './claude-frames.js';
import { INITIALIZE, isConversationId, keyOfId, refuseKey, USAGE } from './claude-lines.js';
import { applyAssistant, applyStreamEvent, applyUser, type Applied } from './claude-messages.js';
import { ClaudeOutbox } from './claude-outbox.js';
import { activityOf, currentTaskOf } from '../wire/doing.js';
import type { ClaudeState } from './claude-state.js';
import { ClaudeTurns } from './claude-turns.js';
import { withCountedBefore, withResult } from './claude-usage.js';
import { CLAUDE_LINE_BYTES_MAX, LAST_WORDS_MAX } from './claude.limits.js';

/** Our side of one conversation with Claude Code, as a function of its journaled state and of what comes in. */
export class ClaudeConversation implements Driver {
  private readonly outbox: ClaudeOutbox;
  private readonly approvals: ClaudeApprovals;
  private readonly turns: ClaudeTurns;

  constructor(private readonly host: DriverHost) {
    this.outbox = new ClaudeOutbox(host, () => this.saySettled());
    this.approvals = new ClaudeApprovals(host, this.outbox);
    this.turns = new ClaudeTurns(host, this.outbox, this.approvals);
  }

  private get state(): ClaudeState {
    return this.outbox.state;
  }

  start(): void {
    this.outbox.request(INITIALIZE);
    if (this.host.run.continueAgentSessionId !== undefined) this.outbox.request(USAGE);
  }

  recover({ state, unsent }: { state: DriverState; unsent: string[] }): void {
    this.outbox.recover(state as unknown as ClaudeState, unsent);
    this.saySettled();
  }

  snapshot(): DriverState {
    return this.state as unknown as DriverState;
  }

  status(): DriverStatus {
    return { activity: activityOf(this.state), busy: this.state.turn !== null, queuedInputs: this.state.inputs.length };
  }

  // What the agent says.

  stdout(piece: Piece): void {
    if (piece.truncatedBytes) {
      const message = `A frame of the agent is longer than ${CLAUDE_LINE_BYTES_MAX} bytes; ${piece.truncatedBytes} bytes of it were cut off and it was not understood.`;
      this.host.emit({ type: 'error', code: 'frame_too_large', message });
      this.host.unparsed(piece.text);
    } else if (piece.text.trim()) {
      const frame = decodeClaudeFrame(piece.text);
      if (!frame || !this.receive(frame)) this.host.unparsed(piece.text);
    }
    this.saySettled();
  }

  stderr({ text: said }: Piece): void {
    this.host.emit({ type: 'output', content: said, stream: 'stderr' });
    if (this.state.phase === 'initializing') this.outbox.update({ lastWords: `${this.state.lastWords}${said}`.slice(-LAST_WORDS_MAX) });
  }

  /** @returns false for what is not understood */
  private receive(frame: Fields): boolean {
    switch (frame.type) {
      case 'control_response':
        return this.onResponse(fields(frame.response));
      case 'control_request':
        return this.onRequest(frame.request_id, fields(frame.request));
      case 'control_cancel_request':
        this.approvals.withdrawn(frame.request_id);
        return true;
      case 'stream_event':
        if (fields(frame.event).type === 'message_start') this.turns.goesOn();
        return this.apply(applyStreamEvent(this.state, frame));
      case 'assistant':
        return this.apply(applyAssistant(this.state, frame, this.host.run.workingDir));
      case 'user':
        return this.apply(applyUser(this.state, frame));
      case 'system':
        return this.onSystem(frame);
      case 'result':
        return this.onResult(frame);
      case 'rate_limit_event':
        return this.onRateLimit(fields(frame.rate_limit_info));
      case 'conversation_reset':
        return this.onConversation(frame.new_conversation_id);
      default:
        return isPassedOver(frame);
    }
  }

  private apply({ state, facts, understood }: Applied): boolean {
    this.outbox.state = state;
    for (const fact of facts) this.host.emit(fact);
    return understood;
  }

  private onResponse({ request_id, subtype, response, error }: Fields): boolean {
    const key = keyOfId(text(request_id) ?? '');
    if (key === null) return false;
    // A late answer to an interrupt of a turn that has ended meanwhile needs nobody.
    if (!this.outbox.settle(key)) return key.startsWith('interrupt:');
    const failed = subtype !== 'success';
    if (key === INITIALIZE && failed) this.host.failStart('start_failed', `Claude Code refuses the handshake: ${short(error) || 'it gave no reason'}`);
    else if (key === INITIALIZE || key === USAGE) this.onHandshake(key, failed ? {} : fields(response));
    else this.turns.interruptAcknowledged();
    return true;
  }

  /** Ready when all answers are there: what was counted before must be known before anything more is. */
  private onHandshake(key: string, answer: Fields): void {
    if (key === USAGE) this.outbox.update({ usage: withCountedBefore(this.state.usage, answer) });
    if (this.state.outstanding.length > 0) return;
    this.outbox.update({ phase: 'ready', lastWords: '' });
    this.host.emit({ type: 'run_started', pid: this.host.pid, agentSessionId: this.state.agentSessionId });
    if (!this.state.stopping) this.turns.start(null);
  }

  private onRequest(id: unknown, request: Fields): boolean {
    const requestId = this.approvals.idOf(id, request);
    if (requestId === null) return false;
    if (request.subtype !== 'can_use_tool') {
      this.outbox.write(refuseKey(requestId));
      return true;
    }
    this.turns.goesOn();
    return this.approvals.ask(requestId, request);
  }

  private onSystem(frame: Fields): boolean {
    switch (frame.subtype) {
      case 'init':
        return this.onTurnBegun(frame);
      case 'session_state_changed':
        if (frame.state === 'running') this.turns.announce();
        if (frame.state === 'idle' && this.state.turn?.announced) this.turns.end();
        return true;
      case 'api_retry':
        return this.onRetry(frame);
      case 'compact_boundary':
        this.host.emit({ type: 'metadata', key: 'compacted', value: short(fields(frame.compact_metadata).trigger) || 'yes' });
        return true;
      case 'local_command_output':
        this.host.emit({ type: 'output', content: text(frame.content) ?? '', stream: 'agent' });
        return true;
      default:
        return isPassedOver(frame);
    }
  }

  /** Said with every turn: what is new is said on. */
  private onTurnBegun({ session_id, claude_code_version, model, mcp_servers }: Fields): boolean {
    const known = this.onConversation(session_id);
    this.turns.goesOn();
    const now = { version: short(claude_code_version) || null, model: short(model) || null };
    if (now.version && now.version !== this.state.version) {
      this.host.emit({ type: 'metadata', key: 'agent', value: `claude-code ${now.version}` });
      for (const { name, status } of list(mcp_servers).map(fields)) {
        if (status !== 'connected' && status !== 'pending') this.host.emit({ type: 'metadata', key: 'mcp_server_failed', value: `${short(name)}: ${short(status)}` });
      }
    }
    if (now.model && now.model !== this.state.model) this.host.emit({ type: 'metadata', key: 'model', value: now.model });
    this.outbox.update(now);
    return known;
  }

  /** `/clear` begins a new conversation in the same process: that is the one to go on with later. */
  private onConversation(id: unknown): boolean {
    if (!isConversationId(id)) return false;
    if (id === this.state.agentSessionId) return true;
    this.outbox.update({ agentSessionId: id });
    if (this.state.phase === 'ready') this.host.emit({ type: 'conversation_changed', agentSessionId: id });
    return true;
  }

  private onRetry({ attempt, max_retries, error, error_status }: Fields): boolean {
    const { turn, usageLimit } = this.state;
    const why = [text(error), error_status].filter(Boolean).join(' ');
    const code = codeOfFailure({ error: text(error), status: error_status, message: '', usageLimit });
    if (turn && isFinal(code)) this.turns.breakOff(code, usageLimit ?? `The model refuses to answer: ${why}`);
    else this.host.emit({ type: 'metadata', key: 'model_retry', value: `${short(why) || 'no answer'}, attempt ${count(attempt)} of ${count(max_retries)}` });
    return true;
  }

  private onRateLimit(info: Fields): boolean {
    const { value, reached } = limitOf(info);
    if (value && value !== this.state.usageLimit) this.host.emit({ type: 'metadata', key: 'rate_limit', value });
    this.outbox.update({ usageLimit: reached ? value : null });
    return true;
  }

  private onResult(result: Fields): boolean {
    const { turn, usageLimit, phase } = this.state;
    if (!turn) {
      if (phase !== 'initializing' || result.is_error !== true) return false;
      this.host.failStart('start_failed', outcomeOfResult(result, { cancelled: false, apiError: null, usageLimit }).message ?? 'It ended at once.');
      return true;
    }
    const { code, ...outcome } = outcomeOfResult(result, { cancelled: turn.cancelling !== null, apiError: turn.apiError, usageLimit });
    const final = turn.outcome?.final;
    if (code && !final) this.host.emit({ type: 'error', code, message: outcome.message ?? code });
    this.outbox.update({ usage: withResult(this.state.usage, result), turn: { ...turn, apiError: null, outcome: final ? turn.outcome : outcome } });
    if (!turn.announced) this.turns.end();
    return true;
  }

  // What it is told.

  input({ inputId, text: said, steer }: Parameters<Driver['input']>[0]): void {
    this.turns.take({ inputId, text: said, steer: steer === true });
    this.saySettled();
  }

  answerApproval({ approvalId, ...answer }: Parameters<Driver['answerApproval']>[0]): void {
    this.approvals.answer(approvalId, answer);
    this.saySettled();
  }

  interrupt(): void {
    this.turns.interrupt();
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
    this.approvals.release();
    this.turns.proceed();
    this.saySettled();
  }

  stop(): void {
    this.outbox.update({ stopping: true });
    this.turns.failInputs('The session is ending.');
    this.interrupt();
  }

  exited(): void {
    const { phase, stopping, lastWords } = this.state;
    if (phase === 'initializing' && !stopping) this.host.failStart('start_failed', `Claude Code ended before it was ready. ${lastWords.trim() || 'It gave no reason.'}`);
    this.outbox.close();
    this.approvals.gone();
    this.turns.gone();
  }

  /** What the agent does now, said whenever it has changed; the last thing of every step. */
  private saySettled(): void {
    this.turns.failUnsent();
    const said = { activity: activityOf(this.state), currentTask: currentTaskOf(this.state) };
    const { activity, currentTask } = this.state.said;
    if (said.activity === activity && said.currentTask === currentTask) return;
    this.outbox.update({ said });
    this.host.emit({ type: 'activity', ...said });
  }
}
