import type { EventMap, ToolCallData } from '../feed/event-map.js';
import type { TokenCounts } from '../provider/tokens.js';
import type { TimelineEntry } from '../work/timeline.js';
import type { TaskSessionStatus, TaskStatus } from '../work/task.js';
import type { Outcome } from './outcome.js';
import type { Activity, Approval, Desired, NeedsInput, PendingInput, Report, RunRef, Session, SessionMetrics } from './session.js';
import type { SessionState } from './session-state.js';

/** What an agent said, for the feed alone: changes nothing in the session. */
export type Utterance = { [T in UtteranceType]: { type: T; data: EventMap[T] } }[UtteranceType];
type UtteranceType = 'output' | 'thought' | 'plan' | 'metadata' | 'error' | 'output_dropped';

/** What was decided: `evolve` folds it into the session, `session-feed.ts` tells the feed. Past tense; `at` is RFC 3339. */
export type SessionChange =
  | { type: 'spawned'; session: Session }
  | { type: 'placed'; run: RunRef }
  | { type: 'waited'; waiting: NonNullable<Session['waiting']> | null }
  | { type: 'claimed'; at: string }
  | { type: 'moved'; to: SessionState; reason: string; at: string }
  | { type: 'desired'; desired: Desired }
  | { type: 'started'; at: string; agentSessionId: string | null }
  /** Null: it has no id that can be kept, so it cannot be continued. */
  | { type: 'conversation_changed'; at: string; agentSessionId: string | null }
  | { type: 'turn_started'; at: string; inputId: string | null }
  | { type: 'turn_ended'; at: string; stopReason: string }
  | { type: 'interrupt_requested'; at: string }
  | { type: 'said'; at: string; utterance: Utterance }
  | { type: 'tool_called'; at: string; toolCallId: string; open: boolean | null; data: ToolCallData }
  | { type: 'metered'; at: string; metrics: SessionMetrics; turn?: TokenCounts }
  | { type: 'acted'; at: string; activity: Activity; currentTask: string | null }
  | { type: 'erred'; at: string; code: string; message: string }
  | { type: 'needs_input_raised'; needsInput: NeedsInput }
  | { type: 'needs_input_reworded'; needsInput: NeedsInput }
  | { type: 'needs_input_cleared'; at: string }
  | { type: 'approval_requested'; approval: Approval }
  | { type: 'approval_resolved'; approvalId: string; state: Exclude<Approval['state'], 'open'>; answer: NonNullable<Approval['answer']> }
  | { type: 'approval_delivered'; approvalId: string }
  | { type: 'approvals_postponed'; deadline: string }
  | { type: 'input_queued'; input: PendingInput; by: string }
  /** `delivered`: the agent has it; otherwise it never will. */
  | { type: 'input_settled'; inputId: string; delivered: boolean; mailIds?: string[] }
  | { type: 'noted'; entry: TimelineEntry; at: string }
  | { type: 'reported'; report: Report }
  /** Of a linked task: the session itself keeps nothing of it. */
  | { type: 'task_reported'; taskId: string; status: TaskSessionStatus; at: string }
  /** By an explicit report; the task itself keeps it. */
  | { type: 'task_status_reported'; taskId: string; status: TaskStatus; at: string }
  | { type: 'acknowledged'; runSeq: number; at: string }
  | { type: 'ended'; outcome: Outcome; at: string }
  | { type: 'renamed'; name: string }
  /** Last of every commit that changed anything. */
  | { type: 'revised'; at: string };
