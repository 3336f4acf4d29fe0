import type { OutcomeCode } from '../session/outcome.js';

export const NOTIFICATION_TYPES = [
  'notify:progress', 'notify:needs_input', 'notify:session_completed', 'notify:session_failed', 'notify:session_stopped',
  'notify:session_blocked', 'notify:task_completed', 'notify:task_blocked', 'notify:task_in_review',
  'notify:task_session_completed', 'notify:task_session_failed',
] as const;
export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

/** `data` of a `notify:*` event. */
export interface NotificationData {
  title: string;
  message: string;
  sessionName?: string;
  taskTitle?: string;
  /** Of the session that ended. */
  outcome?: OutcomeCode;
}
