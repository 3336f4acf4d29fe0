import type { PlanData } from '../feed/event-map.js';
import type { Activity, ApprovalOption } from '../session/session.js';
import type { OutcomeCode } from '../session/outcome.js';
import type { TokenCounts } from './tokens.js';

/**
 * What a runner saw of a run: past tense, unsequenced in the feed, numbered per run (design §7).
 * session-service turns facts into events.
 */
export type RunFact =
  /** The agent's process is there and its driver has shaken hands with it: the session is running. */
  | { type: 'run_started'; pid: number; agentSessionId?: string; agentInfo?: { name?: string; version?: string } }
  /** The agent goes on in another conversation of its own (its user cleared the former one): that is the one to continue. */
  | { type: 'conversation_changed'; agentSessionId: string }
  /** Nothing was started, or what was started is gone again; `leftBehind` is always 0 here. */
  | { type: 'start_failed'; code: Extract<OutcomeCode, 'config_invalid' | 'start_failed' | 'start_timeout' | 'auth_required'>; message: string }
  /** A driver without turns (`process`) says neither of these two; its agent's exit alone says that it is done. */
  | { type: 'turn_started'; inputId?: string }
  | { type: 'turn_ended'; stopReason: 'end_turn' | 'max_tokens' | 'max_turn_requests' | 'refusal' | 'cancelled' | 'error'; message?: string }
  | { type: 'output'; content: string; stream: 'agent' | 'stdout' | 'stderr'; truncated?: { field: string; bytes: number } }
  | { type: 'thought'; content: string }
  | { type: 'plan'; entries: PlanData['entries'] }
  | { type: 'tool_call'; toolCallId: string; title?: string; kind?: string; status?: 'pending' | 'in_progress' | 'completed' | 'failed'; content?: unknown; locations?: unknown; rawInput?: unknown; truncated?: { field: string; bytes: number } }
  /** Cumulative over the run; at a turn's end with that turn's own part. All turns add up to the whole. */
  | { type: 'metric'; tokensIn: number; tokensOut: number; cacheRead?: number; cacheWrite?: number; reasoning?: number; requestCount: number; costUsd?: number; turn?: TokenCounts }
  | { type: 'metadata'; key: string; value: string }
  | { type: 'activity'; activity: Activity; currentTask?: string | null }
  | { type: 'error'; message: string; code: string }
  | { type: 'approval_requested'; approvalId: string; title: string; toolCall: Record<string, unknown>; options: ApprovalOption[] }
  /** The driver handed the answer to the agent. */
  | { type: 'approval_delivered'; approvalId: string }
  /** The agent withdrew its question (its turn was cancelled, or it is gone). */
  | { type: 'approval_withdrawn'; approvalId: string; reason: string }
  | { type: 'input_delivered'; inputId: string }
  | { type: 'input_failed'; inputId: string; reason: string }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'output_dropped'; bytes: number; fromOffset: number }
  /**
   * The end of the run: only said when no process of it is left. `left` > 0 means that some could not be killed.
   * `exited`: by itself, and its code says how (0 between two turns, or without turns, is in order). `crashed`: of a
   * signal, or its protocol broke. The others: what the runner did to it.
   */
  | { type: 'run_ended'; exitCode?: number; signal?: string; cause: 'exited' | 'crashed' | 'stopped' | 'killed' | 'shutdown' | 'lost'; message?: string; left: number };

export interface NumberedFact {
  /** Contiguous from 1 within the run. */
  runSeq: number;
  /** When the runner saw it, RFC 3339. */
  at: string;
  fact: RunFact;
}
