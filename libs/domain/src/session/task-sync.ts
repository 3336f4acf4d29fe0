import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import { TASK_SESSIONS_MAX } from '../limits.js';
import { taskEvent, taskSessionEvent } from '../work/task-events.js';
import { withTaskStatus } from '../work/task-commands.js';
import type { Task, TaskSessionStatus } from '../work/task.js';
import { taskSessionNotification } from './notifications.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';
import { statusOf } from './session-status.js';
import { isTerminal } from './session-state.js';

/** Changed tasks, each one revision further, and what to tell of them: first this, then the updates. */
export interface TaskSync { tasks: Task[]; specific: FeedEvent[]; updated: FeedEvent[] }

const ENDED: readonly TaskSessionStatus[] = ['completed', 'failed', 'skipped'];

/** What a commit of a session means for the tasks it is linked to (design §4.4), in the same commit. */
export function syncTasks(changes: readonly SessionChange[], session: Session, linked: readonly Task[], now: string): TaskSync {
  const sync: TaskSync = { tasks: [], specific: [], updated: [] };
  for (const task of linked) {
    if (!session.taskIds.includes(task.id)) continue;
    const next = synced(task, session, changes, now, sync.specific);
    if (next === task) continue;
    const doc = { ...next, updatedAt: now, revision: task.revision + 1 };
    sync.tasks.push(doc);
    sync.updated.push(taskEvent('task:updated', doc, now));
  }
  return sync;
}

function synced(task: Task, session: Session, changes: readonly SessionChange[], now: string, events: FeedEvent[]): Task {
  let next = task;
  const become = (status: TaskSessionStatus): void => {
    if (next.taskSessionStatuses[session.id] === status) return;
    next = withStatus(next, session.id, status);
    if (status === 'completed' || status === 'failed') events.push(taskSessionNotification(next, session, status, now));
  };
  for (const change of changes) {
    const status = next.taskSessionStatuses[session.id];
    if (change.type === 'spawned') next = link(next, session, now, events);
    if (change.type === 'moved' && change.to === 'running' && status === 'queued') become('working');
    if (change.type === 'task_reported' && change.taskId === task.id) become(change.status);
    if (change.type === 'task_status_reported' && change.taskId === task.id) {
      const { task: reported, notification } = withTaskStatus(next, change.status, now);
      next = reported;
      if (notification) events.push(notification);
    }
    if (change.type === 'ended' && isTerminal(session) && status !== undefined && !ENDED.includes(status)) {
      become(statusOf(session) === 'completed' ? 'completed' : 'failed');
    }
  }
  return next;
}

/** @throws LIMIT_REACHED when live sessions alone fill what a task remembers. */
function link(task: Task, session: Session, now: string, events: FeedEvent[]): Task {
  let roomy = task;
  if (task.sessionIds.length >= TASK_SESSIONS_MAX) {
    const oldest = task.sessionIds.find((id) => ENDED.includes(task.taskSessionStatuses[id]));
    if (oldest === undefined) throw new AppError('LIMIT_REACHED', 'Too many live sessions work on this task.', { taskId: task.id, max: TASK_SESSIONS_MAX });
    events.push(taskSessionEvent('task:session_removed', task, oldest, now));
    roomy = withoutSession(task, oldest);
  }
  const linked = withStatus({ ...roomy, sessionIds: [...roomy.sessionIds, session.id] }, session.id, 'queued');
  events.push(taskSessionEvent('task:session_added', linked, session.id, now));
  return linked;
}

function withStatus(task: Task, sessionId: string, status: TaskSessionStatus): Task {
  return { ...task, taskSessionStatuses: { ...task.taskSessionStatuses, [sessionId]: status } };
}

/** The task without its link to a session. */
export function withoutSession(task: Task, sessionId: string): Task {
  const taskSessionStatuses = { ...task.taskSessionStatuses };
  delete taskSessionStatuses[sessionId];
  return { ...task, sessionIds: task.sessionIds.filter((id) => id !== sessionId), taskSessionStatuses };
}
