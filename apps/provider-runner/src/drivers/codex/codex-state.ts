import { NO_TOKENS, type Activity, type RunFact, type TokenCounts } from '@orbitmesh/domain';
import type { RpcId } from '../wire/json-rpc.js';

/** Grows when the shape of `CodexState` changes. */
export const CODEX_STATE_VERSION = 1;

/** A question of codex that somebody has to answer. */
export interface OpenApproval {
  approvalId: string;
  /** Codex's own id of its request; numbers from 0. */
  requestId: RpcId;
  /** Whose question it is: our thread's, or a sub-agent's. */
  threadId: string;
  title: string;
  /** What each option sends back. */
  results: Record<string, unknown>;
  /** What is sent back where nobody chooses. */
  cancelled: unknown;
  /** The options that refuse and let the turn go on: the agent can be told why. */
  refusals: string[];
  /** Answered while paused: goes out on resume. Absent: nobody answered yet. */
  held?: { optionId: string | null; reason?: string };
}

/** An answer that was handed to the core and is not known to be written; it becomes an open approval again if it cannot be. */
export interface SentAnswer extends Omit<OpenApproval, 'held'> {
  optionId: string | null;
  /** Told to the agent before the refusal itself. */
  reason?: string;
  /** False where the approval was withdrawn: nobody is to hear that its answer was delivered. */
  confirm: boolean;
}

export interface OpenToolCall extends Pick<Extract<RunFact, { type: 'tool_call' }>, 'title' | 'kind' | 'status'> {
  /** When (ms, codex's clock) the newest output of a running command was last said. */
  saidAt?: number;
}

export interface HeldInput { inputId: string; text: string; steer?: true }

export interface Trouble { code: string; message: string; stopReason: 'error' | 'max_tokens' | 'refusal' }

/** The turn codex works on. */
export interface RunningTurn {
  /** Codex's id of it. Null: it has not said it yet. */
  id: string | null;
  /** Absent: the first prompt, which is the manifest's, or a turn codex began by itself. */
  inputId?: string;
  /** Absent: the manifest's prompt. Kept until the turn ends, to send it again after a crash. */
  text?: string;
  /** False: codex began it (it goes on with a goal it was given). */
  ours: boolean;
  delivered: boolean;
  cancelling: boolean;
  /** Why we cancel it ourselves: codex would try in vain again. */
  trouble?: Trouble;
  /** It is over, and the commands that it left running are being ended. */
  over?: true;
}

/** Tokens of a thread as codex last said them; null: it goes on from earlier runs and has not said any yet. */
export type SeenTokens = Record<'input' | 'cached' | 'cacheWrite' | 'output' | 'reasoning', number> | null;

/** All a driver knows of its run: plain JSON, replaced whole on every change, never changed in place. */
export interface CodexState {
  phase: 'initializing' | 'authenticating' | 'opening' | 'connecting' | 'ready';
  /** Keys of our requests that codex has not answered; `om:<key>` is the id on the wire. */
  outstanding: string[];
  threadId: string | null;
  /** Codex' own. */
  version: string | null;
  turn: RunningTurn | null;
  turns: number;
  inputs: HeldInput[];
  /** Sent into a running turn, and not answered yet. */
  steers: HeldInput[];
  approvals: OpenApproval[];
  sentAnswers: SentAnswer[];
  toolCalls: Record<string, OpenToolCall>;
  /** The changes of the file edit that was begun last: what a question about it is about. */
  edit: { itemId: string; content: unknown } | null;
  /** Characters said of each message and thought that is not complete. */
  texts: Record<string, number>;
  planStep: string | null;
  paused: boolean;
  stopping: boolean;
  usage: { total: TokenCounts; turn: TokenCounts; seen: Record<string, SeenTokens> };
  said: { activity: Activity; currentTask: string | null };
}

export function newCodexState(): CodexState {
  return {
    phase: 'initializing', outstanding: [], threadId: null, version: null, turn: null, turns: 0, inputs: [], steers: [], approvals: [], sentAnswers: [],
    toolCalls: {}, edit: null, texts: {}, planStep: null, paused: false, stopping: false,
    usage: { total: NO_TOKENS, turn: NO_TOKENS, seen: {} }, said: { activity: 'idle', currentTask: null },
  };
}

/** What codex is doing, from what is open. */
export function activityOf(state: CodexState): Activity {
  if (state.approvals.some(({ held }) => !held)) return 'waiting_approval';
  if (!state.turn) return 'idle';
  return openToolCall(state) ? 'executing' : 'thinking';
}

/** The plan's step in progress, else the running tool call's title. */
export function currentTaskOf(state: CodexState): string | null {
  return state.turn ? state.planStep ?? openToolCall(state)?.title ?? null : null;
}

function openToolCall(state: CodexState): OpenToolCall | undefined {
  return Object.values(state.toolCalls).at(-1);
}
