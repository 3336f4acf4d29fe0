import { AppError } from '../errors/app-error.js';
import { abbreviate, jsonBytes } from '../kernel/text.js';
import { APPROVALS_BYTES_MAX, APPROVALS_MAX, MESSAGE_BYTES_MAX, OPEN_TOOL_CALLS_MAX, WORD_BYTES_MAX } from '../limits.js';
import { errorKindOf } from '../provider/error-kind.js';
import { OUTCOMES } from './outcome.js';
import type { Approval, Session } from './session.js';
import type { SessionChange } from './session-change.js';
import { transition } from './transition.js';

type Reducers = { [T in SessionChange['type']]: (session: Session, change: Extract<SessionChange, { type: T }>) => Session };

const unchanged = (session: Session): Session => session;

const REDUCERS: Reducers = {
  spawned: (_, { session }) => session,
  placed: (s, { run }) => ({ ...s, run }),
  waited: (s, { waiting }) => ({ ...s, waiting }),
  claimed: (s, { at }) => ({ ...s, run: s.run && { ...s.run, claimedAt: at } }),
  moved: (s, { to, reason, at }) => transition(s, to, reason, at),
  desired: (s, { desired }) => ({ ...s, desired }),
  started: (s, { at, agentSessionId }) => ({ ...s, run: s.run && { ...s.run, startedAt: at }, agentSessionId: agentSessionId ?? s.agentSessionId }),
  conversation_changed: (s, { agentSessionId }) => ({ ...s, agentSessionId }),
  turn_started: (s, { at }) => ({ ...s, error: null, turn: { active: true, startedAt: at, endedAt: null, stopReason: null, openToolCalls: [] } }),
  turn_ended: (s, { at, stopReason }) => ({ ...s, interruptRequestedAt: null, turn: { ...s.turn, active: false, endedAt: at, stopReason, openToolCalls: [] } }),
  interrupt_requested: (s, { at }) => ({ ...s, interruptRequestedAt: at }),
  said: unchanged,
  tool_called: (s, { toolCallId, open }) => withToolCall(s, toolCallId, open),
  metered: (s, { metrics }) => ({ ...s, metrics }),
  acted: (s, { activity, currentTask }) => ({ ...s, activity, currentTask }),
  erred: (s, { code, message, at }) => ({ ...s, error: errorOf(code, message, at) }),
  needs_input_raised: (s, { needsInput }) => ({ ...s, needsInput }),
  needs_input_reworded: (s, { needsInput }) => ({ ...s, needsInput }),
  needs_input_cleared: (s, { at }) => ({ ...s, needsInput: null, answeredAt: at }),
  approval_requested: (s, { approval }) => ({ ...s, approvals: bounded([...s.approvals, approval]) }),
  approval_resolved: (s, { approvalId, state, answer }) => withApproval(s, approvalId, { state, answer }),
  approval_delivered: (s, { approvalId }) => withApproval(s, approvalId, { delivered: true }),
  approvals_postponed: (s, { deadline }) => ({ ...s, approvals: s.approvals.map((a) => (a.state === 'open' ? { ...a, deadline } : a)) }),
  input_queued: (s, { input }) => ({ ...s, nudged: input.source === 'system', pendingInputs: [...s.pendingInputs, input] }),
  input_settled: (s, { inputId }) => ({ ...s, pendingInputs: s.pendingInputs.filter((input) => input.inputId !== inputId) }),
  noted: unchanged,
  reported: (s, { report }) => ({ ...s, report }),
  task_reported: unchanged,
  task_status_reported: unchanged,
  acknowledged: (s, { runSeq, at }) => ({ ...s, lastFactAt: at, run: s.run && { ...s.run, ackedRunSeq: runSeq } }),
  ended: (s, { outcome, at }) => ({
    ...s, outcome, error: s.state === 'stopped' && OUTCOMES[outcome.code].status === 'completed' ? null : s.error, endedAt: at, activity: 'idle', currentTask: null, waiting: null, pendingInputs: [], interruptRequestedAt: null,
    turn: { ...s.turn, active: false, openToolCalls: [] },
  }),
  renamed: (s, { name }) => ({ ...s, name }),
  revised: (s, { at }) => ({ ...s, updatedAt: at, revision: s.revision + 1 }),
};

/** Folds one change into the session; the one given is left as it was. */
export function evolve(session: Session | null, change: SessionChange): Session {
  if (change.type === 'spawned') return change.session;
  if (!session) throw new AppError('INTERNAL', `A session cannot begin with "${change.type}".`);
  const reduce = REDUCERS[change.type] as (session: Session, change: SessionChange) => Session;
  return reduce(session, change);
}

function errorOf(code: string, message: string, at: string): NonNullable<Session['error']> {
  const kind = errorKindOf(code);
  return { code: abbreviate(code, WORD_BYTES_MAX), ...(kind && { kind }), message: abbreviate(message, MESSAGE_BYTES_MAX), at };
}

function withToolCall(session: Session, toolCallId: string, open: boolean | null): Session {
  if (open === null || session.turn.openToolCalls.includes(toolCallId) === open) return session;
  const others = session.turn.openToolCalls.filter((id) => id !== toolCallId);
  const openToolCalls = open ? [...others, toolCallId].slice(-OPEN_TOOL_CALLS_MAX) : others;
  return { ...session, turn: { ...session.turn, openToolCalls } };
}

function withApproval(session: Session, approvalId: string, fields: Partial<Approval>): Session {
  return { ...session, approvals: session.approvals.map((approval) => (approval.id === approvalId ? { ...approval, ...fields } : approval)) };
}

/** Closed ones make room, oldest first; open ones are bounded where they are opened. */
function bounded(approvals: Approval[]): Approval[] {
  const kept = [...approvals];
  while (kept.length > APPROVALS_MAX || jsonBytes(kept) > APPROVALS_BYTES_MAX) {
    const oldest = kept.findIndex(({ state }) => state !== 'open');
    if (oldest < 0) break;
    kept.splice(oldest, 1);
  }
  return kept;
}
