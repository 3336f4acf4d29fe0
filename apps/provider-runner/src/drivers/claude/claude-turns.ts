import type { DriverHost } from '../driver.js';
import { HELD_INPUTS_MAX, HELD_INPUT_CHARACTERS_MAX } from '../wire/wire.limits.js';
import type { ClaudeApprovals } from './claude-approvals.js';
import type { ErrorCode } from './claude-errors.js';
import { interruptKey, promptKey } from './claude-lines.js';
import type { ClaudeOutbox } from './claude-outbox.js';
import type { ClaudeState, HeldInput, RunningTurn, TurnOutcome } from './claude-state.js';
import { withTurnEnded } from './claude-usage.js';
import { INTERRUPTS_MAX } from './claude.limits.js';

/** Turns, and the input that starts them or goes into them. */
export class ClaudeTurns {
  constructor(private readonly host: DriverHost, private readonly outbox: ClaudeOutbox, private readonly approvals: ClaudeApprovals) {}

  private get state(): ClaudeState {
    return this.outbox.state;
  }

  take(input: HeldInput): void {
    const { inputs, steers, turn, stopping } = this.state;
    const characters = [turn?.text ?? '', input.text, ...[...inputs, ...steers].map(({ text }) => text)].reduce((sum, value) => sum + value.length, 0);
    const full = inputs.length + steers.length >= HELD_INPUTS_MAX || characters > HELD_INPUT_CHARACTERS_MAX;
    if (stopping || full) {
      return this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: stopping ? 'The session is ending.' : 'Too much input is waiting for the agent.' });
    }
    this.outbox.update({ inputs: [...inputs, input] });
    this.proceed();
  }

  /** What waits goes on: the next prompt when no turn runs, and into the running turn what is to steer it. */
  proceed(): void {
    const { phase, turn, paused, stopping, inputs } = this.state;
    if (phase !== 'ready' || paused || stopping || turn?.cancelling) return;
    const [next, ...rest] = inputs;
    if (!turn && next) {
      this.outbox.update({ inputs: rest });
      this.start(next);
    }
    if (!this.state.turn) return;
    const waiting = this.state.inputs;
    this.outbox.update({ inputs: waiting.filter(({ steer }) => !steer) });
    for (const input of waiting.filter(({ steer }) => steer)) this.outbox.steer(input);
  }

  /** Null: the manifest's prompt. */
  start(input: HeldInput | null): void {
    this.begin({ ...(input ? { inputId: input.inputId, text: input.text } : {}), delivered: false, announced: false });
    this.outbox.write(promptKey(this.state.turns));
  }

  /** The agent says that it works: on our prompt, or by itself, because something it had left running is done. */
  announce(): void {
    const { turn, phase } = this.state;
    if (turn) this.outbox.update({ turn: { ...turn, announced: true } });
    else if (phase === 'ready') this.begin({ delivered: true, announced: true });
  }

  private begin(turn: Pick<RunningTurn, 'inputId' | 'text' | 'delivered' | 'announced'>): void {
    this.outbox.update({ turns: this.state.turns + 1, turn: { ...turn, cancelling: null, outcome: null, apiError: null } });
    this.host.emit({ type: 'turn_started', ...(turn.inputId ? { inputId: turn.inputId } : {}) });
  }

  /** Its open questions go with the turn: the agent takes them back itself, and an answer would only confuse it. */
  interrupt(): void {
    const { turn, turns } = this.state;
    if (!turn || turn.cancelling) return;
    this.outbox.update({ turn: { ...turn, cancelling: { times: 1, acknowledged: false } } });
    this.outbox.request(interruptKey(turns, 1));
    this.approvals.withdrawAll('The turn was interrupted.');
  }

  interruptAcknowledged(): void {
    const { turn } = this.state;
    if (turn?.cancelling) this.outbox.update({ turn: { ...turn, cancelling: { ...turn.cancelling, acknowledged: true } } });
  }

  /** The agent goes on: if it had confirmed an interrupt, that came before there was anything to break off. */
  goesOn(): void {
    const { turn, turns } = this.state;
    if (!turn?.cancelling?.acknowledged || turn.cancelling.times >= INTERRUPTS_MAX) return;
    const times = turn.cancelling.times + 1;
    this.outbox.update({ turn: { ...turn, cancelling: { times, acknowledged: false } } });
    this.outbox.request(interruptKey(turns, times));
  }

  /** Trying again cannot help, so the agent is not left to it. */
  breakOff(code: ErrorCode, message: string): void {
    const { turn } = this.state;
    if (!turn || turn.outcome?.final) return;
    this.host.emit({ type: 'error', code, message });
    this.interrupt();
    this.outbox.update({ turn: { ...this.state.turn!, outcome: { stopReason: 'error', message, final: true } } });
  }

  end(): void {
    const { turn, outstanding } = this.state;
    this.outbox.sayDelivered();
    this.approvals.withdrawAll('The turn ended.');
    const { stopReason, message }: TurnOutcome = turn?.outcome ?? this.endWithoutResult();
    const { usage, fact } = withTurnEnded(this.state.usage);
    this.outbox.update({ usage, turn: null, toolCalls: {}, planStep: null, streaming: null, outstanding: outstanding.filter((key) => !key.startsWith('interrupt:')) });
    this.host.emit(fact);
    this.host.emit({ type: 'turn_ended', stopReason, ...(message ? { message } : {}) });
    this.proceed();
  }

  private endWithoutResult(): TurnOutcome {
    if (this.state.turn?.cancelling) return { stopReason: 'cancelled' };
    const message = 'The agent ended its turn without a result.';
    this.host.emit({ type: 'error', code: 'agent_error', message });
    return { stopReason: 'error', message };
  }

  /** The prompt could not be sent. */
  failUnsent(): void {
    const { turn } = this.state;
    if (!turn || this.outbox.failedTurn === null) return;
    this.outbox.update({ turn: { ...turn, outcome: { stopReason: 'error', message: this.outbox.takeFailedTurn() } } });
    this.end();
  }

  /** The agent is gone, with all that was on its way to it. */
  gone(): void {
    const { turn, steers } = this.state;
    const lost = [...(turn?.inputId && !turn.delivered ? [turn.inputId] : []), ...steers.map(({ inputId }) => inputId)];
    this.outbox.update({ steers: [], turn: null, toolCalls: {} });
    for (const inputId of lost) this.host.emit({ type: 'input_failed', inputId, reason: 'The agent is gone.' });
    this.failInputs('The agent is gone.');
  }

  failInputs(reason: string): void {
    const { inputs } = this.state;
    this.outbox.update({ inputs: [] });
    for (const { inputId } of inputs) this.host.emit({ type: 'input_failed', inputId, reason });
  }
}
