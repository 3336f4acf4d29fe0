import { addTokens, NO_TOKENS } from '@orbitmesh/domain';
import type { DriverHost } from '../driver.js';
import { fields, text, type Fields } from '../wire/fields.js';
import type { RpcError } from '../wire/json-rpc.js';
import { troubleOf } from './codex-errors.js';
import type { CodexOutbox } from './codex-outbox.js';
import { CLEAN, INTERRUPT, STEER, TURN, turnKey } from './codex-requests.js';
import type { CodexState, HeldInput, OpenApproval, Trouble } from './codex-state.js';
import { metricOf } from './codex-usage.js';

/** Turns of our thread: begun, steered, broken off, ended. */
export class CodexTurns {
  constructor(private readonly host: DriverHost, private readonly outbox: CodexOutbox) {}

  private get state(): CodexState {
    return this.outbox.state;
  }

  /** Null: with the manifest's prompt. */
  begin(input: HeldInput | null): void {
    const given = input ? { inputId: input.inputId, text: input.text } : {};
    this.outbox.update({ turns: this.state.turns + 1, turn: { id: null, ...given, ours: true, delivered: false, cancelling: false } });
    this.host.emit({ type: 'turn_started', ...(input ? { inputId: input.inputId } : {}) });
    this.outbox.request(turnKey(input?.inputId));
  }

  /**
   * What steers goes into the turn that runs, the rest waits for its end: a `turn/start` into a running
   * turn would steer it, too. Nothing is begun before codex said what became of the last steering.
   */
  proceed(): void {
    const { phase, turn, paused, stopping } = this.state;
    if (phase !== 'ready' || paused || stopping) return;
    if (turn?.id && !turn.cancelling && !turn.over) {
      const steering = this.state.inputs.filter(({ steer }) => steer);
      this.outbox.update({ inputs: this.state.inputs.filter(({ steer }) => !steer), steers: [...this.state.steers, ...steering] });
      for (const { inputId } of steering) this.outbox.request(`${STEER}${inputId}`);
    }
    const [next, ...rest] = this.state.inputs;
    if (turn || !next || this.state.steers.length) return;
    this.outbox.update({ inputs: rest });
    this.begin(next);
  }

  onResult(key: string, result: Fields): void {
    if (key.startsWith(TURN)) return this.onStarted(fields(result.turn));
    if (key.startsWith(CLEAN)) return this.end(null);
    if (!key.startsWith(STEER)) return;
    const inputId = key.slice(STEER.length);
    this.outbox.update({ steers: this.state.steers.filter((steer) => steer.inputId !== inputId) });
    this.host.emit({ type: 'input_delivered', inputId });
    this.proceed();
  }

  onError(key: string, error: RpcError): void {
    const { turn } = this.state;
    if (key.startsWith(TURN)) return this.end({ code: 'agent_error', message: `Codex refuses the turn: ${error.message}`, stopReason: 'error' });
    if (key.startsWith(CLEAN)) return this.end(null);
    if (key.startsWith(STEER)) return this.queueSteer(key.slice(STEER.length));
    // The turn may just have ended by itself; if not, it can be tried again.
    if (key.startsWith(INTERRUPT) && turn) this.outbox.update({ turn: { ...turn, cancelling: false } });
  }

  /** Codex could not steer with it (the turn has ended): it is an ordinary input, before all others. */
  queueSteer(inputId: string): void {
    const input = this.state.steers.find((steer) => steer.inputId === inputId);
    if (!input) return;
    this.outbox.update({ steers: this.state.steers.filter((steer) => steer !== input), inputs: [{ inputId, text: input.text }, ...this.state.inputs] });
    this.proceed();
  }

  /** Said twice: by the answer to `turn/start`, and by a notification; the latter alone for a turn that codex began by itself. */
  onStarted({ id }: Fields): void {
    const turnId = text(id);
    if (!turnId) return;
    const { turn, turns } = this.state;
    if (!turn) {
      this.outbox.update({ turns: turns + 1, turn: { id: turnId, ours: false, delivered: true, cancelling: false } });
      this.host.emit({ type: 'turn_started' });
    } else if (turn.id === null) {
      this.outbox.sayDelivered();
      this.outbox.update({ turn: { ...this.state.turn!, id: turnId } });
      if (turn.cancelling) this.outbox.request(`${INTERRUPT}${turns}`);
    }
    this.proceed();
  }

  onCompleted(completed: Fields): void {
    const { turn, turns } = this.state;
    if (!turn || turn.over || completed.id !== turn.id) return;
    if (completed.status !== 'interrupted') return this.end(completed.status === 'failed' ? troubleOf(fields(completed.error)) : null);
    this.outbox.update({ turn: { ...turn, cancelling: true, over: true } });
    this.outbox.request(`${CLEAN}${turns}`);
  }

  /** Breaks the turn off, as soon as codex has said its id; open questions of it are withdrawn. */
  interrupt(reason: string): void {
    const { turn, turns, approvals } = this.state;
    if (!turn || turn.cancelling) return;
    this.outbox.update({ turn: { ...turn, cancelling: true } });
    if (turn.id) this.outbox.request(`${INTERRUPT}${turns}`);
    this.withdraw(approvals, reason);
  }

  /** Codex would go on trying what cannot succeed. */
  giveUp(trouble: Trouble): void {
    const { turn } = this.state;
    if (!turn || turn.cancelling) return;
    this.interrupt(trouble.message);
    this.outbox.update({ turn: { ...this.state.turn!, trouble } });
  }

  /** Null: as codex was told to, by finishing or by being interrupted. */
  end(given: Trouble | null): void {
    const { turn, usage, approvals, threadId } = this.state;
    if (!turn) return;
    const trouble = given ?? turn.trouble ?? null;
    this.outbox.sayDelivered();
    this.withdraw(approvals.filter((approval) => approval.threadId === threadId), 'The turn ended.');
    this.outbox.update({ usage: { ...usage, total: addTokens(usage.total, usage.turn), turn: NO_TOKENS }, turn: null, toolCalls: {}, texts: {}, edit: null, planStep: null });
    if (trouble?.stopReason === 'error') this.host.emit({ type: 'error', code: trouble.code, message: trouble.message });
    this.host.emit(metricOf(usage, true));
    const stopReason = trouble?.stopReason ?? (turn.over ? 'cancelled' : 'end_turn');
    this.host.emit({ type: 'turn_ended', stopReason, ...(trouble ? { message: trouble.message } : {}) });
    this.proceed();
  }

  private withdraw(approvals: OpenApproval[], reason: string): void {
    for (const approval of approvals) {
      this.host.emit({ type: 'approval_withdrawn', approvalId: approval.approvalId, reason });
      this.outbox.answer(approval, { optionId: null }, false);
    }
  }
}
