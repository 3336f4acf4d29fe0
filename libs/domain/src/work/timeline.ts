import type { Truncated } from '../feed/events.js';

export const TIMELINE_KINDS = [
  'progress', 'milestone', 'blocked', 'needs_input', 'task_started', 'task_completed', 'task_blocked',
  'task_failed', 'task_skipped', 'completed', 'failed', 'error',
] as const;
/** What the system writes itself: that the agent is at work, and how and why the session ended. */
export const SYSTEM_TIMELINE_KINDS = ['started', 'stopped'] as const;
export type ReportKind = (typeof TIMELINE_KINDS)[number];
export type TimelineKind = ReportKind | (typeof SYSTEM_TIMELINE_KINDS)[number];

/** `data` of a `timeline` event. */
export interface TimelineEntry {
  id: string;
  kind: TimelineKind;
  message: string;
  taskId?: string;
  by: 'agent' | 'user' | 'system';
  truncated?: Truncated;
}
