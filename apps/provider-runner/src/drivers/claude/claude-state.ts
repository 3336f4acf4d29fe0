import { NO_TOKENS, type Activity, type RunFact, type TokenCounts } from '@orbitmesh/domain';
import type { Fields } from '../wire/fields.js';

/** Grows when the shape of `ClaudeState` changes. */
export const CLAUDE_STATE_VERSION = 1;

export interface OpenApproval {
  approvalId: string;
  /** The agent's own id of its question. */
  requestId: string;
  toolCallId: string;
  /** The rules that "always" adds, for this conversation alone; none: only this one call can be allowed. */
  always: Fields[];
  /** Answered while paused: goes out on resume. Absent: nobody answered yet. */
  held?: Answer;
}

export interface Answer { optionId: string | null; reason?: string }

/** An answer that was handed to the core and is not known to be written; it becomes an open approval again if it cannot be. */
export interface SentAnswer extends Omit<OpenApproval, 'held'>, Answer {
  /** False where nobody was asked: nobody is to hear that it was delivered. */
  confirm: boolean;
}

export type OpenToolCall = Pick<Extract<RunFact, { type: 'tool_call' }>, 'title' | 'kind' | 'status'>;

/** `steer`: goes into the turn that runs. */
export interface HeldInput { inputId: string; text: string; steer: boolean }

export type StopReason = Extract<RunFact, { type: 'turn_ended' }>['stopReason'];
export interface TurnOutcome { stopReason: StopReason; message?: string }

/** From our prompt, or from when the agent begins by itself (a task of its own in the background is done), until it is idle. */
export interface RunningTurn {
  /** Absent: the first prompt, which is the manifest's, or none at all. */
  inputId?: string;
  /** The input's, until it is delivered. */
  text?: string;
  delivered: boolean;
  /** The agent said that it runs: it will also say when it is idle, after one result or several. Else its result is the end. */
  announced: boolean;
  /** Interrupted so many times; `acknowledged` when the agent has answered the last of them. */
  cancelling: { times: number; acknowledged: boolean } | null;
  /** What its last result said; `final`: why we broke it off, whatever its results say. */
  outcome: (TurnOutcome & { final?: true }) | null;
  /** The agent's own word for why the model did not answer (`rate_limit`, …). */
  apiError: string | null;
}

/** What the agent has counted since its process began, all models together. */
export type Counted = Required<Omit<TokenCounts, 'requestCount'>>;
export const NOTHING_COUNTED: Counted = { tokensIn: 0, tokensOut: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0, costUsd: 0 };

/** All a driver knows of its run: plain JSON, replaced whole on every change, never changed in place. */
export interface ClaudeState {
  phase: 'initializing' | 'ready';
  /** Keys of our requests that the agent has not answered; `om:<key>` is the id on the wire. */
  outstanding: string[];
  agentSessionId: string;
  /** As the agent says them with its first turn; said again when they change. */
  version: string | null;
  model: string | null;
  turn: RunningTurn | null;
  turns: number;
  inputs: HeldInput[];
  /** On their way into the running turn. */
  steers: HeldInput[];
  approvals: OpenApproval[];
  sentAnswers: SentAnswer[];
  toolCalls: Record<string, OpenToolCall>;
  planStep: string | null;
  paused: boolean;
  stopping: boolean;
  /** The message whose pieces are streamed: the whole message that follows is not said again. */
  streaming: string | null;
  /** What stands before the next piece of text: what is said in two messages must not run together. */
  gap: 'none' | 'due' | 'now';
  usage: {
    /** Of the turns that ended. */
    total: TokenCounts;
    /** Of the running one: as its results say, and as its requests say meanwhile. */
    turn: TokenCounts;
    live: TokenCounts;
    /** The input side of the request that is under way. */
    request: TokenCounts;
    counted: Counted;
    /** The last message of an agent's own agents that was counted as a request. */
    nested: string | null;
  };
  /** The subscription's limit is reached: what the agent says next fails of it. */
  usageLimit: string | null;
  /** What was said on stderr before the agent was ready. */
  lastWords: string;
  said: { activity: Activity; currentTask: string | null };
}

export function newClaudeState(agentSessionId: string): ClaudeState {
  return {
    phase: 'initializing', outstanding: [], agentSessionId, version: null, model: null, turn: null, turns: 0, inputs: [], steers: [], approvals: [], sentAnswers: [],
    toolCalls: {}, planStep: null, paused: false, stopping: false, streaming: null, gap: 'none',
    usage: { total: NO_TOKENS, turn: NO_TOKENS, live: NO_TOKENS, request: NO_TOKENS, counted: NOTHING_COUNTED, nested: null },
    usageLimit: null, lastWords: '', said: { activity: 'idle', currentTask: null },
  };
}
