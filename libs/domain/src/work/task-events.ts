import type { FeedEvent } from '../feed/envelope.js';
import type { NotificationData, NotificationType } from './notification.js';
import type { Task } from './task.js';

/** `taskId` and `projectId`, never a `sessionId` (design §5). */
export function taskEvent(type: 'task:created' | 'task:updated', task: Task, timestamp: string): FeedEvent {
  return { type, timestamp, projectId: task.projectId, taskId: task.id, data: task };
}

/** `task:session_added` and `task:session_removed` name both. */
export function taskSessionEvent(type: 'task:session_added' | 'task:session_removed', task: Task, sessionId: string, timestamp: string): FeedEvent {
  const status = task.taskSessionStatuses[sessionId];
  return { type, timestamp, projectId: task.projectId, sessionId, taskId: task.id, data: { taskId: task.id, sessionId, ...(status && { status }) } };
}

const STATUS_NOTIFICATIONS: Partial<Record<Task['status'], { type: NotificationType; says: string }>> = {
  completed: { type: 'notify:task_completed', says: 'Task completed' },
  blocked: { type: 'notify:task_blocked', says: 'Task blocked' },
  in_review: { type: 'notify:task_in_review', says: 'Task in review' },
};

/** For a task whose status has just become what it is; null when nobody is to be told. */
export function taskStatusNotification(task: Task, timestamp: string): FeedEvent<NotificationType, NotificationData> | null {
  const rule = STATUS_NOTIFICATIONS[task.status];
  if (!rule) return null;
  const data: NotificationData = { title: rule.says, message: task.title, taskTitle: task.title };
  return { type: rule.type, timestamp, projectId: task.projectId, taskId: task.id, data };
}
