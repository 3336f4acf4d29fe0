export const TIMELINE_KINDS = [
  'progress', 'milestone', 'blocked', 'needs_input', 'task_started', 'task_completed', 'task_blocked',
  'task_failed', 'task_skipped', 'completed', 'failed', 'error',
] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

/** `data` of a `timeline` event. */
export interface TimelineEntry {
  id: string;
  kind: TimelineKind;
  message: string;
  taskId?: string;
  /** Who wrote it: `agent`, `user`, `system`. */
  by: string;
}
