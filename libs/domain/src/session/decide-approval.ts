import { AppError } from '../errors/app-error.js';
import { abbreviate, cutText, jsonBytes } from '../kernel/text.js';
import { later } from '../kernel/time.js';
import {
  APPROVALS_OPEN_MAX, APPROVAL_DEADLINE_MS, APPROVAL_OPTIONS_MAX, APPROVAL_OPTION_BYTES_MAX, APPROVAL_TOOL_CALL_BYTES_MAX, REASON_BYTES_MAX,
  WORD_BYTES_MAX,
} from '../limits.js';
import type { RunFact } from '../provider/fact.js';
import { actorName } from './actor.js';
import type { Decision } from './decision.js';
import { note } from './note.js';
import { clearNeedsInput, openApprovals, raiseNeedsInput } from './needs-input.js';
import type { Approval, ApprovalOption } from './session.js';
import type { SessionCommand } from './session-command.js';

type Answer = NonNullable<Approval['answer']>;
type Requested = Extract<RunFact, { type: 'approval_requested' }>;
type AnswerCommand = Extract<SessionCommand, { type: 'answer_approval' }>;

/** Opens the question; the permission mode answers it in the same commit, else a person is needed. */
export function requestApproval(d: Decision, fact: Requested, ending: boolean): void {
  const { session, now } = d;
  if (session.approvals.some(({ id }) => id === fact.approvalId)) return;
  const open = openApprovals(session).length;
  const approval: Approval = {
    id: fact.approvalId,
    sessionId: session.id,
    runId: session.run?.runId ?? '',
    title: abbreviate(fact.title, WORD_BYTES_MAX),
    toolCall: boundedToolCall(fact.toolCall),
    options: boundedOptions(fact.options),
    state: 'open',
    requestedAt: now,
    deadline: later(now, APPROVAL_DEADLINE_MS),
    delivered: false,
  };
  d.record({ type: 'approval_requested', approval });
  if (ending) return resolve(d, approval, 'cancelled', { optionId: null, decision: 'cancel', by: 'system', reason: 'the session is ending' });
  if (open >= APPROVALS_OPEN_MAX) return deny(d, approval, 'answered', 'policy', `${APPROVALS_OPEN_MAX} other approvals are open`);
  const option = session.permissionMode === 'ask' ? undefined : optionFor(approval.options, session.permissionMode);
  if (session.permissionMode === 'deny') return deny(d, approval, 'answered', 'policy', 'permissionMode is deny');
  if (option) return resolve(d, approval, 'answered', { optionId: option.optionId, decision: 'allow', by: 'policy', reason: 'permissionMode is allow' });
  raiseNeedsInput(d, 'approval', approval.title);
}

/**
 * The first answer wins.
 * @throws APPROVAL_NOT_FOUND; APPROVAL_ALREADY_ANSWERED {by, decision, optionId, at}; VALIDATION_FAILED for an
 * option it does not have; FORBIDDEN for the agent that asked.
 */
export function answerApproval(d: Decision, command: AnswerCommand): void {
  const approval = d.session.approvals.find(({ id }) => id === command.approvalId);
  if (!approval) throw new AppError('APPROVAL_NOT_FOUND', undefined, { approvalId: command.approvalId });
  if (command.actor.kind === 'agent' && command.actor.sessionId === d.session.id) {
    throw new AppError('FORBIDDEN', 'An agent may not answer its own approvals.');
  }
  if (approval.state !== 'open') throw alreadyAnswered(approval);
  const { optionId, decision } = chosen(approval, command);
  resolve(d, approval, 'answered', { optionId, decision, by: actorName(command.actor), ...(command.reason && { reason: abbreviate(command.reason, REASON_BYTES_MAX) }) });
}

/** Denies what nobody answered in time; a paused session's clock stands still. */
export function expireApprovals(d: Decision): void {
  if (d.session.state === 'paused') return;
  for (const approval of openApprovals(d.session)) {
    if (Date.parse(approval.deadline) > Date.parse(d.now)) continue;
    deny(d, approval, 'expired', 'deadline', 'nobody answered in time');
    note(d, 'error', abbreviate(`Nobody answered in time, so it was denied: ${approval.title}`, REASON_BYTES_MAX));
  }
}

/** After a pause every open approval has its whole time again. */
export function postponeApprovals(d: Decision): void {
  if (openApprovals(d.session).length > 0) d.record({ type: 'approvals_postponed', deadline: later(d.now, APPROVAL_DEADLINE_MS) });
}

export function cancelApprovals(d: Decision, reason: string): void {
  for (const approval of openApprovals(d.session)) resolve(d, approval, 'cancelled', { optionId: null, decision: 'cancel', by: 'system', reason });
}

/** The agent took its question back: there is nobody left to deliver an answer to. */
export function withdrawApproval(d: Decision, approvalId: string, reason: string): void {
  const approval = d.session.approvals.find(({ id }) => id === approvalId);
  if (!approval) return;
  if (approval.state === 'open') resolve(d, approval, 'cancelled', { optionId: null, decision: 'cancel', by: 'agent', reason });
  confirmDelivery(d, approvalId);
}

export function confirmDelivery(d: Decision, approvalId: string): void {
  const approval = d.session.approvals.find(({ id }) => id === approvalId);
  if (approval && !approval.delivered) d.record({ type: 'approval_delivered', approvalId });
}

function deny(d: Decision, approval: Approval, state: 'answered' | 'expired', by: string, reason: string): void {
  resolve(d, approval, state, { optionId: optionFor(approval.options, 'deny')?.optionId ?? null, decision: 'deny', by, reason });
}

function resolve(d: Decision, approval: Approval, state: Exclude<Approval['state'], 'open'>, answer: Omit<Answer, 'at'>): void {
  d.record({ type: 'approval_resolved', approvalId: approval.id, state, answer: { ...answer, at: d.now } });
  if (d.session.needsInput?.source !== 'approval') return;
  const next = openApprovals(d.session)[0];
  if (next) raiseNeedsInput(d, 'approval', next.title);
  else clearNeedsInput(d);
}

function chosen({ id, options }: Approval, { optionId, decision }: AnswerCommand): { optionId: string | null; decision: 'allow' | 'deny' } {
  if ((optionId === undefined) === (decision === undefined)) throw new AppError('VALIDATION_FAILED', 'Give one of optionId and decision.');
  if (decision === 'deny') return { optionId: optionFor(options, 'deny')?.optionId ?? null, decision };
  const option = decision ? optionFor(options, decision) : options.find((candidate) => candidate.optionId === optionId);
  if (!option) throw new AppError('VALIDATION_FAILED', 'The approval has no such option.', { approvalId: id, options: options.map((o) => o.optionId) });
  return { optionId: option.optionId, decision: option.kind.startsWith('allow') ? 'allow' : 'deny' };
}

/** The narrowest option of a decision: once before always. */
function optionFor(options: readonly ApprovalOption[], decision: 'allow' | 'deny'): ApprovalOption | undefined {
  const verb = decision === 'allow' ? 'allow' : 'reject';
  return options.find(({ kind }) => kind === `${verb}_once`) ?? options.find(({ kind }) => kind === `${verb}_always`);
}

function alreadyAnswered({ id, state, answer }: Approval): AppError {
  const { by, decision, optionId, at } = answer ?? { by: 'system', decision: 'cancel', optionId: null, at: '' };
  return new AppError('APPROVAL_ALREADY_ANSWERED', `${by} answered first: ${decision}.`, { approvalId: id, state, by, decision, optionId, at });
}

/** An option id is what the agent knows the answer by: one that is too long to keep whole cannot be offered. */
function boundedOptions(options: readonly ApprovalOption[]): ApprovalOption[] {
  return options
    .filter(({ optionId }) => jsonBytes(optionId) <= APPROVAL_OPTION_BYTES_MAX)
    .slice(0, APPROVAL_OPTIONS_MAX)
    .map(({ optionId, name, kind }) => ({ optionId, name: abbreviate(name, APPROVAL_OPTION_BYTES_MAX), kind }));
}

function boundedToolCall(toolCall: Record<string, unknown>): Record<string, unknown> {
  const bytes = jsonBytes(toolCall);
  if (bytes <= APPROVAL_TOOL_CALL_BYTES_MAX) return toolCall;
  const { toolCallId, title, kind } = toolCall;
  const words = Object.entries({ toolCallId, title, kind }).flatMap(([key, value]) => (typeof value === 'string' ? [[key, abbreviate(value, WORD_BYTES_MAX)]] : []));
  const beginning = cutText(JSON.stringify(toolCall), APPROVAL_TOOL_CALL_BYTES_MAX - 4 * WORD_BYTES_MAX);
  return { ...Object.fromEntries(words), beginning, truncated: { field: 'toolCall', bytes } };
}
