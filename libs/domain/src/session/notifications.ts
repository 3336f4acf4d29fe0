import type { FeedEvent } from '../feed/envelope.js';
import { sessionEvent } from '../feed/events.js';
import { abbreviate } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import type { NotificationData, NotificationType } from '../work/notification.js';
import type { Task } from '../work/task.js';
import type { TimelineKind } from '../work/timeline.js';
import { OUTCOMES, type Outcome, type OutcomeCode } from './outcome.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';

type Notification = FeedEvent<NotificationType, NotificationData>;

/**
 * The notification rule (design §4.4): what one change of a session is worth telling a person, pure and
 * in the commit that causes it. `session` is as it is after the commit.
 */
export function notificationsFor(change: SessionChange, session: Session): Notification[] {
  switch (change.type) {
    case 'noted': {
      const rule = TIMELINE_RULES[change.entry.kind];
      return rule ? [notification(rule.type, rule.says, change.entry.message, session, change.at)] : [];
    }
    case 'needs_input_raised':
      return [notification('notify:needs_input', 'Needs input', change.needsInput.message, session, change.needsInput.since)];
    case 'ended':
      return [endNotification(change.outcome, session, change.at)];
    default:
      return [];
  }
}

const TIMELINE_RULES: Partial<Record<TimelineKind, { type: NotificationType; says: string }>> = {
  progress: { type: 'notify:progress', says: 'Progress' },
  milestone: { type: 'notify:progress', says: 'Milestone' },
  blocked: { type: 'notify:session_blocked', says: 'Blocked' },
};

const STOPPED: readonly OutcomeCode[] = ['stopped_by_user', 'killed', 'shutdown'];

/** Exactly one at a session's end. */
function endNotification({ code, message }: Outcome, session: Session, at: string): Notification {
  const [type, title]: [NotificationType, string] =
    OUTCOMES[code].status === 'completed' ? ['notify:session_completed', 'Session completed']
    : STOPPED.includes(code) ? ['notify:session_stopped', 'Session stopped']
    : ['notify:session_failed', 'Session failed'];
  return sessionEvent(type, session.id, { ...dataOf(title, message, session), outcome: code }, at, session.projectId);
}

/** For a task's entry of this session that has just become completed or failed. */
export function taskSessionNotification(task: Task, session: Session, status: 'completed' | 'failed', at: string): Notification {
  const title = status === 'completed' ? 'Task work completed' : 'Task work failed';
  const data: NotificationData = { title, message: task.title, sessionName: session.name, taskTitle: task.title };
  return { type: `notify:task_session_${status}`, timestamp: at, projectId: task.projectId, sessionId: session.id, taskId: task.id, data };
}

function notification(type: NotificationType, title: string, message: string, session: Session, at: string): Notification {
  return sessionEvent(type, session.id, dataOf(title, message, session), at, session.projectId);
}

/** A notification is read at a glance: the event that caused it has the whole text. */
function dataOf(title: string, message: string, { name }: Session): NotificationData {
  return { title, message: abbreviate(message, MESSAGE_BYTES_MAX), sessionName: name };
}
