import { AppError } from '../errors/app-error.js';
import { abbreviate, jsonBytes } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX, PENDING_INPUTS_BYTES_MAX, PENDING_INPUTS_MAX } from '../limits.js';
import type { TaskSessionStatus } from '../work/task.js';
import type { TimelineKind } from '../work/timeline.js';
import { actorName, actorRole } from './actor.js';
import { intendEnd, isEnding } from './decide-end.js';
import type { Decision } from './decision.js';
import { reportOutcome } from './ending.js';
import { answerNeedsInput, raiseNeedsInput } from './needs-input.js';
import type { PendingInput } from './session.js';
import type { SessionCommand } from './session-command.js';
import { isTerminal } from './session-state.js';

type Command<T extends SessionCommand['type']> = Extract<SessionCommand, { type: T }>;

/**
 * Queued until the runner says that the agent has it; the same inputId is the same input.
 * @throws SESSION_ENDED; LIMIT_REACHED while too much is waiting to be delivered.
 */
export function input(d: Decision, { inputId, text, source, steer, actor }: Command<'input'>): void {
  const { session } = d;
  if (isEnding(session)) throw new AppError('SESSION_ENDED', 'The session has ended or is ending.', { sessionId: session.id });
  if (session.mode === 'task' && session.report) throw new AppError('SESSION_ENDED', 'The agent has reported; the session ends with its turn.', { sessionId: session.id });
  if (session.pendingInputs.some((pending) => pending.inputId === inputId)) return;
  queueInput(d, { inputId, text, source, at: d.now, ...(steer && { steer }) }, actorName(actor));
  answerNeedsInput(d);
}

/** @throws LIMIT_REACHED */
export function queueInput(d: Decision, next: PendingInput, by: string): void {
  const pending = [...d.session.pendingInputs, next];
  const bytes = jsonBytes(pending);
  if (pending.length > PENDING_INPUTS_MAX || bytes > PENDING_INPUTS_BYTES_MAX) {
    throw new AppError('LIMIT_REACHED', 'The agent has not taken its earlier inputs yet, or this one is too long.', {
      pending: pending.length - 1, max: PENDING_INPUTS_MAX, bytes, bytesMax: PENDING_INPUTS_BYTES_MAX,
    });
  }
  d.record({ type: 'input_queued', input: next, by });
}

const TASK_KINDS: Partial<Record<TimelineKind, TaskSessionStatus>> = {
  task_started: 'working',
  task_completed: 'completed',
  task_blocked: 'blocked',
  task_failed: 'failed',
  task_skipped: 'skipped',
};

/**
 * An entry of the timeline. What its own agent reports also counts: `completed` and `failed` as its
 * report, the first one alone and only before its end was decided otherwise.
 * @throws SESSION_ENDED; TASK_REFERENCE_INVALID for a task that is not one of the session's; VALIDATION_FAILED
 * for a `task_*`, or a task's new status, that does not say which of several.
 */
export function timeline(d: Decision, { kind, message, taskId: named, taskStatus, actor }: Command<'timeline'>): void {
  const { session, now } = d;
  if (isTerminal(session)) throw new AppError('SESSION_ENDED', undefined, { sessionId: session.id });
  const status = TASK_KINDS[kind];
  const taskId = named ?? ((status ?? taskStatus) && onlyTask(session.taskIds, kind));
  if (taskId !== undefined && !session.taskIds.includes(taskId)) {
    throw new AppError('TASK_REFERENCE_INVALID', `Task ${taskId} is not one of this session's.`, { taskId });
  }
  const by = actorRole(actor);
  d.record({ type: 'noted', at: now, entry: { id: d.ctx.newId('timeline'), kind, message, ...(taskId !== undefined && { taskId }), by } });
  if (status && taskId !== undefined) d.record({ type: 'task_reported', taskId, status, at: now });
  if (taskStatus && taskId !== undefined) d.record({ type: 'task_status_reported', taskId, status: taskStatus, at: now });
  if (kind === 'needs_input' && !isEnding(session)) raiseNeedsInput(d, 'timeline', message);
  const own = actor.kind === 'agent' && actor.sessionId === session.id;
  if (own && (kind === 'completed' || kind === 'failed')) report(d, kind, message);
}

function report(d: Decision, kind: 'completed' | 'failed', message: string): void {
  if (isEnding(d.session) || d.session.report) return;
  d.record({ type: 'reported', report: { kind, message: abbreviate(message, MESSAGE_BYTES_MAX), at: d.now } });
  endReportedTask(d);
}

/** In mode `task` a report ends the session between two turns; within one, its end does. An agent without turns ends itself. */
export function endReportedTask(d: Decision): void {
  const { report: reported, mode, turn } = d.session;
  if (!reported || mode !== 'task' || isEnding(d.session) || turn.active || turn.startedAt === null) return;
  intendEnd(d, reportOutcome(reported), reported.message);
}

function onlyTask(taskIds: readonly string[], kind: TimelineKind): string {
  if (taskIds.length !== 1) throw new AppError('VALIDATION_FAILED', `Say by taskId which task ${kind} is about.`, { taskIds });
  return taskIds[0];
}
