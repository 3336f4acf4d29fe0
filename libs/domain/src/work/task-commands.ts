import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import type { Session } from '../session/session.js';
import { taskEvent, taskStatusNotification } from './task-events.js';
import { descendantsOf } from './task-graph.js';
import type { Task, TaskPriority, TaskStatus } from './task.js';
import { assertRoom, given, type Written } from './written.js';

export interface NewTask {
  projectId: string; title: string; parentId?: string | null; description?: string; acceptanceCriteria?: string[];
  status?: TaskStatus; priority?: TaskPriority; dependencies?: string[]; teamMemberId?: string | null; dueDate?: string | null;
}
export type TaskPatch = Partial<Omit<NewTask, 'projectId'>>;

const PATCHED = ['title', 'parentId', 'description', 'acceptanceCriteria', 'status', 'priority', 'dependencies', 'teamMemberId', 'dueDate'] as const;

/** References are checked apart, by `assertTaskReferences`. @throws DOCUMENT_TOO_LARGE */
export function createTask(body: NewTask, ctx: DecideContext): Written<Task> {
  const doc = timed({
    id: ctx.newId('task'),
    projectId: body.projectId,
    parentId: body.parentId ?? null,
    title: body.title,
    description: body.description ?? '',
    acceptanceCriteria: body.acceptanceCriteria ?? [],
    status: body.status ?? 'todo',
    priority: body.priority ?? 'medium',
    dependencies: unique(body.dependencies ?? []),
    sessionIds: [],
    taskSessionStatuses: {},
    teamMemberId: body.teamMemberId ?? null,
    dueDate: body.dueDate ?? null,
    startedAt: null,
    completedAt: null,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    revision: 1,
  }, ctx.now);
  assertRoom(doc);
  return { doc, events: [taskEvent('task:created', doc, ctx.now)] };
}

/**
 * Every update is a revision and an event; one without a field is neither. A status that becomes
 * completed, blocked or in_review is also a notification.
 * @throws DOCUMENT_TOO_LARGE
 */
export function updateTask(task: Task, body: TaskPatch, ctx: DecideContext): Written<Task> {
  const fields = given(body, PATCHED);
  if (Object.keys(fields).length === 0) return { doc: task, events: [] };
  const next = { ...task, ...fields, updatedAt: ctx.now, revision: task.revision + 1 };
  const doc = timed({ ...next, dependencies: unique(next.dependencies) }, ctx.now);
  assertRoom({ ...doc, sessionIds: [], taskSessionStatuses: {} });
  const notification = doc.status === task.status ? null : taskStatusNotification(doc, ctx.now);
  return { doc, events: [...(notification ? [notification] : []), taskEvent('task:updated', doc, ctx.now)] };
}

/** The task with another status, and what people are told of that; the caller counts the revision. */
export function withTaskStatus(task: Task, status: TaskStatus, now: string): { task: Task; notification: FeedEvent | null } {
  if (task.status === status) return { task, notification: null };
  const doc = timed({ ...task, status }, now);
  return { task: doc, notification: taskStatusNotification(doc, now) };
}

export interface DeletedTasks {
  /** Children first. */
  deletedIds: string[];
  /** Tasks that depended on a deleted one and no longer do. */
  tasks: Task[];
  events: FeedEvent[];
}

/**
 * The task and all below it, children first; what depended on one of them no longer does.
 * @param tasks of the same project, all of them.
 * @param live sessions of the project that have not ended.
 * @throws TASK_IN_USE {sessionIds} while one of these holds one of them.
 */
export function deleteTask(task: Task, tasks: Iterable<Task>, live: Iterable<Session>, ctx: DecideContext): DeletedTasks {
  const all = [...tasks];
  const doomed = [...descendantsOf(task, all), task];
  const ids = new Set(doomed.map(({ id }) => id));
  const holders = [...live].filter((session) => session.taskIds.some((id) => ids.has(id))).map(({ id }) => id);
  if (holders.length) throw new AppError('TASK_IN_USE', undefined, { taskId: task.id, sessionIds: holders.slice(0, 20) });
  const freed = all
    .filter((other) => !ids.has(other.id) && other.dependencies.some((id) => ids.has(id)))
    .map((other) => ({ ...other, dependencies: other.dependencies.filter((id) => !ids.has(id)), updatedAt: ctx.now, revision: other.revision + 1 }));
  return {
    deletedIds: doomed.map(({ id }) => id),
    tasks: freed,
    events: [...doomed.map((doc) => taskDeleted(doc, ctx)), ...freed.map((doc) => taskEvent('task:updated', doc, ctx.now))],
  };
}

export function taskDeleted(task: Task, ctx: DecideContext): FeedEvent {
  const { id, projectId, parentId } = task;
  return { type: 'task:deleted', timestamp: ctx.now, projectId, taskId: id, data: { id, projectId, parentId } };
}

/** `startedAt` is set once; `completedAt` is there as long as the task is completed. */
function timed(task: Task, now: string): Task {
  const begun = task.status !== 'todo' && task.status !== 'cancelled';
  return {
    ...task,
    startedAt: task.startedAt ?? (begun ? now : null),
    completedAt: task.status === 'completed' ? (task.completedAt ?? now) : null,
  };
}

const unique = (ids: readonly string[]): string[] => [...new Set(ids)];
