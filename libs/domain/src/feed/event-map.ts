import type { Approval, ApprovalOption, PendingInput, SessionMode, SessionView, TranscriptRemoved } from '../session/session.js';
import type { Mail } from '../work/mail.js';
import type { NotificationData, NotificationType } from '../work/notification.js';
import type { Ordering } from '../work/ordering.js';
import type { Project } from '../work/project.js';
import type { TaskSessionStatus, Task } from '../work/task.js';
import type { TeamMember } from '../work/team-member.js';
import type { TimelineEntry } from '../work/timeline.js';
import type { EventEnvelope } from './envelope.js';
import type { ErrorData, MetadataData, MetricData, OutputData, StatusChangeData, Truncated } from './events.js';

export interface ThoughtData { content: string; truncated?: Truncated }
export interface PlanEntry { content: string; status: string; priority?: string }
/** The whole plan, each time. `entries` too large for an event are the beginning of their JSON text. */
export interface PlanData { entries: PlanEntry[] | string; truncated?: Truncated }
/** One message of the driver about a tool call: absent fields are as they were. */
export interface ToolCallData {
  toolCallId: string;
  title?: string;
  kind?: string;
  status?: 'pending' | 'in_progress' | 'completed' | 'failed';
  content?: unknown;
  locations?: unknown;
  rawInput?: unknown;
  truncated?: Truncated;
}
/** Queued for the agent; `by` is who gave it. */
export interface InputData { inputId: string; text: string; source: PendingInput['source']; by: string; steer?: true; mailIds?: string[]; truncated?: Truncated }
/** Output beyond the bounds of a run: it is in the run's files, as far as they keep it. */
export interface OutputDroppedData { bytes: number; fromOffset: number }
export interface ApprovalRequestedData { approvalId: string; title: string; toolCall: Record<string, unknown>; options: ApprovalOption[]; deadline: string }
export type ApprovalResolvedData = NonNullable<Approval['answer']> & { approvalId: string; state: Exclude<Approval['state'], 'open'> };
export interface SessionSpawnData {
  sessionId: string;
  name: string;
  taskIds: string[];
  providerType: string;
  mode: SessionMode;
  parentSessionId: string | null;
  continues: string | null;
  manifestHash: string;
}
/** `status` is absent when the task no longer remembers the session. */
export interface TaskSessionData { taskId: string; sessionId: string; status?: TaskSessionStatus }

/** Of what is gone, its id and those it belonged to. */
export interface ProjectDeletedData { id: string }
export interface TaskDeletedData { id: string; projectId: string; parentId: string | null }
export interface SessionDeletedData { id: string; projectId: string; taskIds: string[]; parentSessionId: string | null }
/** Its events up to `upTo` (a sessionSeq) are gone; `bytes` of them, about. */
export type TranscriptRemovedData = Omit<TranscriptRemoved, 'at'>;
export interface TeamMemberDeletedData { id: string; projectId: string | null }
export interface MailDeletedData { id: string; projectId: string; fromSessionId: string | null; toSessionId: string | null; threadId: string }

/** Every event there is: its type, and what its `data` is. What each means is in `event-catalogue.ts`. */
export interface EventMap extends Record<NotificationType, NotificationData> {
  status_change: StatusChangeData;
  output: OutputData;
  metric: MetricData;
  error: ErrorData;
  metadata: MetadataData;
  tool_call: ToolCallData;
  thought: ThoughtData;
  plan: PlanData;
  input: InputData;
  output_dropped: OutputDroppedData;
  timeline: TimelineEntry;
  approval_requested: ApprovalRequestedData;
  approval_resolved: ApprovalResolvedData;

  'session:created': SessionView;
  'session:spawn': SessionSpawnData;
  'session:updated': SessionView;
  'session:transcript_removed': TranscriptRemovedData;
  'session:deleted': SessionDeletedData;
  'project:created': Project;
  'project:updated': Project;
  'project:deleted': ProjectDeletedData;
  'task:created': Task;
  'task:updated': Task;
  'task:deleted': TaskDeletedData;
  'task:session_added': TaskSessionData;
  'task:session_removed': TaskSessionData;
  'team_member:created': TeamMember;
  'team_member:updated': TeamMember;
  'team_member:deleted': TeamMemberDeletedData;
  'ordering:updated': Ordering;

  'mail:received': Mail;
  'mail:delivered': Mail;
  'mail:read': Mail;
  'mail:deleted': MailDeletedData;
}

export type EventType = keyof EventMap;
/** A committed event of a type that is known. */
export type KnownEvent = { [T in EventType]: EventEnvelope<T, EventMap[T]> }[EventType];
