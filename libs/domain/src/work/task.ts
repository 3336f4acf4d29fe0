export const TASK_STATUSES = ['todo', 'in_progress', 'in_review', 'blocked', 'completed', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];
export const TASK_PRIORITIES = ['low', 'medium', 'high', 'critical'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];
export const TASK_SESSION_STATUSES = ['queued', 'working', 'blocked', 'completed', 'failed', 'skipped'] as const;
export type TaskSessionStatus = (typeof TASK_SESSION_STATUSES)[number];

export interface Task {
  id: string;
  projectId: string;
  parentId: string | null;
  title: string;
  description: string;
  acceptanceCriteria: string[];
  /** The user's; a session changes it only by an explicit report. */
  status: TaskStatus;
  priority: TaskPriority;
  dependencies: string[];
  sessionIds: string[];
  taskSessionStatuses: Record<string, TaskSessionStatus>;
  teamMemberId: string | null;
  dueDate: string | null;
  startedAt: string | null;
  completedAt: string | null;
  createdAt: string;
  updatedAt: string;
  revision: number;
}
