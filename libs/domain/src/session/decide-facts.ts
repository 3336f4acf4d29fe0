import type { EventMap } from '../feed/event-map.js';
import { abbreviate, jsonBytes } from '../kernel/text.js';
import { WORD_BYTES_MAX } from '../limits.js';
import type { NumberedFact, RunFact } from '../provider/fact.js';
import { NO_METRICS } from '../provider/tokens.js';
import { confirmDelivery, postponeApprovals, requestApproval, withdrawApproval } from './decide-approval.js';
import { endNow, isEnding } from './decide-end.js';
import { stale, stopWaiting } from './decide-run.js';
import { note } from './note.js';
import { endTurn, goOnWithout } from './decide-turn.js';
import type { Decision } from './decision.js';
import { answerNeedsInput, raiseNeedsInput } from './needs-input.js';
import type { Session, SessionMetrics } from './session.js';
import type { SessionCommand } from './session-command.js';
import type { Utterance } from './session-change.js';
import { isTerminal } from './session-state.js';

/**
 * Facts of the present run, in order: what was acknowledged before is dropped, a gap ends the batch.
 * A session that has ended takes them silently. @throws CONFLICT {stale: true} on another run or epoch.
 */
export function takeFacts(d: Decision, { runId, epoch, facts }: Extract<SessionCommand, { type: 'facts' }>): void {
  const { run } = d.session;
  if (run?.runId !== runId || run.epoch !== epoch) throw stale('The facts are of another run of the session.', runId, epoch);
  let { ackedRunSeq } = run;
  if (isTerminal(d.session) || !facts.some(({ runSeq }) => runSeq === ackedRunSeq + 1)) return;
  stopWaiting(d);
  for (const { runSeq, at, fact } of facts) {
    if (runSeq <= ackedRunSeq) continue;
    if (runSeq > ackedRunSeq + 1) break;
    takeFact(d, fact, at);
    ackedRunSeq = runSeq;
    if (isTerminal(d.session)) break;
  }
  d.record({ type: 'acknowledged', runSeq: ackedRunSeq, at: d.now });
}

/** Up to which runSeq the runner may forget a batch that was taken: all of it once the session has ended. */
export function ackedAfter(session: Session, facts: readonly NumberedFact[]): number {
  const acked = session.run?.ackedRunSeq ?? 0;
  return isTerminal(session) ? Math.max(acked, facts.at(-1)?.runSeq ?? 0) : acked;
}

type Take = { [T in RunFact['type']]: (d: Decision, fact: Extract<RunFact, { type: T }>, at: string) => void };

const TAKE: Take = {
  run_started: (d, { agentSessionId, agentInfo }, at) => {
    d.record({ type: 'started', at, agentSessionId: keptId(d, agentSessionId, at) });
    if (agentInfo?.name) say(d, at, 'metadata', { key: 'agent', value: [agentInfo.name, agentInfo.version].filter(Boolean).join(' ') });
    // Cancelled while starting: it stays so until nothing is left of it (design §4.1).
    if (d.session.state !== 'starting' || isEnding(d.session)) return;
    d.record({ type: 'moved', to: 'running', reason: 'the agent is ready', at: d.now });
    note(d, 'started', `The agent is at work on ${d.session.run?.runnerId ?? 'its runner'}.`);
  },
  conversation_changed: (d, { agentSessionId }, at) => d.record({ type: 'conversation_changed', agentSessionId: keptId(d, agentSessionId, at), at }),
  start_failed: (d, fact) => endNow(d, fact),
  turn_started: (d, { inputId }, at) => {
    d.record({ type: 'turn_started', at, inputId: inputId ?? null });
    // Mail is delivered when the agent has it, not when its runner is about to say it.
    if (!d.session.pendingInputs.some((pending) => pending.inputId === inputId && pending.mailIds)) settleInput(d, inputId);
  },
  turn_ended: endTurn,
  output: (d, { type: _type, ...data }, at) => say(d, at, 'output', data),
  thought: (d, { content }, at) => say(d, at, 'thought', { content }),
  plan: (d, { entries }, at) => say(d, at, 'plan', { entries }),
  tool_call: (d, { type: _type, ...data }, at) => {
    const { status } = data;
    const open = status === undefined ? null : status === 'pending' || status === 'in_progress';
    d.record({ type: 'tool_called', at, toolCallId: abbreviate(data.toolCallId, WORD_BYTES_MAX), open, data });
  },
  metric: (d, fact, at) => {
    const metrics = grown(d.session.metrics, fact);
    if (metrics || fact.turn) d.record({ type: 'metered', at, metrics: metrics ?? d.session.metrics, ...(fact.turn && { turn: fact.turn }) });
  },
  metadata: (d, { key, value }, at) => say(d, at, 'metadata', { key, value }),
  activity: (d, fact, at) => {
    const { activity } = fact;
    const currentTask = fact.currentTask === undefined ? d.session.currentTask : fact.currentTask && abbreviate(fact.currentTask, WORD_BYTES_MAX);
    if (activity !== d.session.activity || currentTask !== d.session.currentTask) d.record({ type: 'acted', at, activity, currentTask });
    if (activity === 'waiting_input' && !isEnding(d.session)) raiseNeedsInput(d, 'driver', currentTask ?? 'The agent waits for input.');
    if (activity !== 'waiting_input' && d.session.needsInput?.source === 'driver') answerNeedsInput(d);
  },
  error: (d, { code, message }, at) => d.record({ type: 'erred', code, message, at }),
  approval_requested: (d, fact) => requestApproval(d, fact, isEnding(d.session)),
  approval_delivered: (d, { approvalId }) => confirmDelivery(d, approvalId),
  approval_withdrawn: (d, { approvalId, reason }) => withdrawApproval(d, approvalId, reason),
  input_delivered: (d, { inputId }) => settleInput(d, inputId),
  input_failed: failInput,
  paused: (d) => {
    if (d.session.state === 'running') d.record({ type: 'moved', to: 'paused', reason: d.session.desired.reason, at: d.now });
  },
  resumed: (d) => {
    if (d.session.state !== 'paused') return;
    d.record({ type: 'moved', to: 'running', reason: d.session.desired.reason, at: d.now });
    postponeApprovals(d);
  },
  output_dropped: (d, { bytes, fromOffset }, at) => say(d, at, 'output_dropped', { bytes, fromOffset }),
  run_ended: (d, fact) => endNow(d, fact),
};

function takeFact(d: Decision, fact: RunFact, at: string): void {
  // A runner that is newer than we are may say what we have no word for: shown, never in the way.
  if (!Object.hasOwn(TAKE, fact.type)) return say(d, at, 'metadata', { key: 'unknown_fact', value: String(fact.type) });
  (TAKE[fact.type] as (d: Decision, fact: RunFact, at: string) => void)(d, fact, at);
}

/** Half an id would name no conversation: one too long to keep is not kept. */
function keptId(d: Decision, agentSessionId: string | undefined, at: string): string | null {
  if (agentSessionId === undefined) return null;
  if (jsonBytes(agentSessionId) <= WORD_BYTES_MAX) return agentSessionId;
  say(d, at, 'metadata', { key: 'agent_session_id_too_long', value: abbreviate(agentSessionId, WORD_BYTES_MAX) });
  return null;
}

function say<T extends Utterance['type']>(d: Decision, at: string, type: T, data: EventMap[T]): void {
  d.record({ type: 'said', at, utterance: { type, data } as Utterance });
}

export function failInput(d: Decision, { inputId, reason }: { inputId: string; reason: string }, at: string): void {
  const failed = d.session.pendingInputs.find((pending) => pending.inputId === inputId);
  settleInput(d, inputId, false);
  say(d, at, 'error', { message: `An input did not reach the agent: ${reason}`, code: 'input_failed', inputId });
  if (failed) goOnWithout(d, failed, reason);
}

function settleInput(d: Decision, inputId: string | undefined, delivered = true): void {
  const input = d.session.pendingInputs.find((pending) => pending.inputId === inputId);
  if (input) d.record({ type: 'input_settled', inputId: input.inputId, delivered, ...(input.mailIds && { mailIds: input.mailIds }) });
}

/** Metrics only grow, whatever a driver says; null when nothing did. */
function grown(metrics: SessionMetrics, fact: Partial<SessionMetrics>): SessionMetrics | null {
  // A session of an earlier version counted fewer things.
  const before: SessionMetrics = { ...NO_METRICS, ...metrics };
  const keys = Object.keys(before) as (keyof SessionMetrics)[];
  if (!keys.some((key) => (fact[key] ?? 0) > before[key])) return null;
  return Object.fromEntries(keys.map((key) => [key, Math.max(before[key], fact[key] ?? 0)])) as unknown as SessionMetrics;
}
