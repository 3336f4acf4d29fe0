import type { SessionState, SessionStatus } from './session-state.js';
import type { Outcome } from './outcome.js';
import type { TokenCounts } from '../provider/tokens.js';
import type { ErrorKind } from '../provider/error-kind.js';
import type { RunnerLabels } from '../provider/runner-labels.js';
import type { TeamMember } from '../work/team-member.js';

export const SESSION_MODES = ['task', 'interactive'] as const;
export type SessionMode = (typeof SESSION_MODES)[number];
export const PERMISSION_MODES = ['ask', 'allow', 'deny'] as const;
export type PermissionMode = (typeof PERMISSION_MODES)[number];
export const ACTIVITIES = ['idle', 'thinking', 'executing', 'waiting_input', 'waiting_approval'] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** Cumulative over the session. */
export type SessionMetrics = Required<TokenCounts>;

export interface Transition { from: SessionState; to: SessionState; reason: string; at: string }

/** What its users want of it; the supervisor makes it so (design §1.4). */
export interface Desired {
  state: 'running' | 'paused' | 'stopped' | 'killed';
  reason: string;
  at: string;
  /** The outcome code this intent leads to, e.g. `stopped_by_user`, `completed`. */
  outcome?: Outcome['code'];
}

export interface NeedsInput { active: boolean; message: string; since: string; source: 'timeline' | 'approval' | 'driver' }

/** The run a session has now: one process life of its agent, on one runner, under one epoch. */
export interface RunRef {
  runId: string;
  runnerId: string;
  /** Grows by one with every placement; facts of an older one are dropped. */
  epoch: number;
  placedAt: string;
  /** The last runSeq committed: what the runner is told it may forget. */
  ackedRunSeq: number;
  claimedAt?: string;
  startedAt?: string;
}

/** What its agent last said about itself that decides how the session ends. */
export interface Report { kind: 'completed' | 'failed'; message: string; at: string }

export interface PendingInput {
  inputId: string;
  text: string;
  source: 'user' | 'system' | 'mail';
  at: string;
  /** Into the turn that runs, not after it. */
  steer?: true;
  /** The mail it tells of. */
  mailIds?: string[];
}

export const APPROVAL_STATES = ['open', 'answered', 'cancelled', 'expired'] as const;
export interface ApprovalOption { optionId: string; name: string; kind: 'allow_once' | 'allow_always' | 'reject_once' | 'reject_always' }
export interface Approval {
  id: string;
  sessionId: string;
  runId: string;
  title: string;
  /** What is to be done: the driver's tool call, bounded. */
  toolCall: Record<string, unknown>;
  options: ApprovalOption[];
  state: (typeof APPROVAL_STATES)[number];
  requestedAt: string;
  deadline: string;
  answer?: { optionId: string | null; decision: 'allow' | 'deny' | 'cancel'; by: string; reason?: string; at: string };
  /** True once the runner has taken the answer. */
  delivered: boolean;
}

/** Its events up to a `sessionSeq` are no longer kept (ADR-0035): the session had ended too long ago, or there were too many bytes. */
export interface TranscriptRemoved { at: string; upTo: number; bytes: number; reason: 'age' | 'size' }

/** The session document. `status` is derived (`statusOf`) and added to every view. */
export interface Session {
  id: string;
  projectId: string;
  taskIds: string[];
  name: string;
  teamMemberId: string | null;
  teamMember: TeamMember | null;
  parentSessionId: string | null;
  rootSessionId: string;
  continues: string | null;
  providerType: string;
  model: string | null;
  permissionMode: PermissionMode;
  mode: SessionMode;
  workingDir: string;
  /** What its runner must have been given; none: any runner. */
  runnerLabels: RunnerLabels;
  /** −100 to 100: of those that wait for a runner, the greatest comes first. */
  priority: number;
  state: SessionState;
  desired: Desired;
  outcome: Outcome | null;
  activity: Activity;
  currentTask: string | null;
  waiting: { reason: string; since: string } | null;
  needsInput: NeedsInput | null;
  metrics: SessionMetrics;
  error: { code: string; kind?: ErrorKind; message: string; at: string } | null;
  /** The newest, contiguous; bounded (limits.ts). */
  transitions: Transition[];
  /** How many older transitions made room; the feed has them all. */
  transitionsDropped: number;
  run: RunRef | null;
  agentSessionId: string | null;
  /** The session that began the agent's conversation: itself, unless it continues another. */
  conversationId: string;
  manifestHash: string;
  /** Of the request that asked for it (W3C Trace Context); absent in sessions of an earlier version. */
  traceId?: string;
  /** First terminal report of the agent, if any. */
  report: Report | null;
  /** True once the agent was asked to report after a turn that ended without a word. */
  nudged: boolean;
  turn: { active: boolean; startedAt: string | null; endedAt: string | null; stopReason: string | null; openToolCalls: string[] };
  approvals: Approval[];
  pendingInputs: PendingInput[];
  /** Somebody asked to break off the turn that runs; null once that turn has ended. */
  interruptRequestedAt: string | null;
  /** Time of the last fact from its runner. */
  lastFactAt: string | null;
  /** When it last stopped waiting for somebody; absent: it never did. */
  answeredAt?: string;
  createdAt: string;
  updatedAt: string;
  endedAt: string | null;
  /** What is gone of its events; absent as long as all of them are kept. */
  transcriptRemoved?: TranscriptRemoved;
  revision: number;
}

/** A session as GET answers it. Internal bookkeeping (pendingInputs, nudged, turn) is left out. */
export type SessionView = Omit<Session, 'pendingInputs' | 'nudged' | 'turn' | 'approvals' | 'report' | 'interruptRequestedAt' | 'lastFactAt' | 'answeredAt'> & { status: SessionStatus };
