import type { Activity, RunFact } from '@orbitmesh/domain';
import type { RpcId } from '../wire/json-rpc.js';
import type { TokenTotals } from './acp-usage.js';

/** Grows when the shape of `AcpState` changes. */
export const ACP_STATE_VERSION = 2;

export interface OpenApproval {
  approvalId: string;
  /** The agent's own id of its request; numbers start at 0 with many agents. */
  requestId: RpcId;
  toolCallId: string;
  optionIds: string[];
  /** Answered while paused: goes out on resume. Absent: nobody answered yet. */
  held?: { optionId: string | null };
}

/** An answer that was handed to the core and is not known to be written; it becomes an open approval again if it cannot be. */
export interface SentAnswer extends Omit<OpenApproval, 'held'> {
  optionId: string | null;
  /** False where the approval was withdrawn: nobody is to hear that its answer was delivered. */
  confirm: boolean;
}

export type OpenToolCall = Pick<Extract<RunFact, { type: 'tool_call' }>, 'title' | 'kind' | 'status'>;

export interface HeldInput { inputId: string; text: string }

/** The prompt the agent works on. */
export interface RunningTurn {
  /** Absent: the first prompt, which is the manifest's. */
  inputId?: string;
  /** Absent: built from the manifest. Kept until the turn ends, to send it again after a crash. */
  text?: string;
  delivered: boolean;
  cancelling: boolean;
}

/** All a driver knows of its run: plain JSON, replaced whole on every change, never changed in place. */
export interface AcpState {
  phase: 'initializing' | 'opening' | 'configuring' | 'ready';
  /** Keys of our requests that the agent has not answered; `om:<key>` is the id on the wire. */
  outstanding: string[];
  /** How the conversation is opened, decided by what the agent said it can. */
  opening: 'session/new' | 'session/load' | 'session/resume' | null;
  /** How the model that the spawn asked for is chosen: by a configuration option, or by session/set_model. Null: not at all. */
  model: { configId: string | null } | null;
  agentSessionId: string | null;
  /** The agent can go on with this conversation in another process. */
  keepsConversations: boolean;
  agentInfo: { name?: string; version?: string } | null;
  turn: RunningTurn | null;
  turns: number;
  inputs: HeldInput[];
  approvals: OpenApproval[];
  sentAnswers: SentAnswer[];
  toolCalls: Record<string, OpenToolCall>;
  planStep: string | null;
  paused: boolean;
  stopping: boolean;
  usage: { total: TokenTotals; turn: TokenTotals; costUsd: number | null };
  said: { activity: Activity; currentTask: string | null };
}

export const NO_TOKENS: TokenTotals = { tokensIn: 0, tokensOut: 0, cacheRead: 0, cacheWrite: 0, requestCount: 0 };

export function newAcpState(): AcpState {
  return {
    phase: 'initializing', outstanding: [], opening: null, model: null, agentSessionId: null, keepsConversations: true, agentInfo: null, turn: null, turns: 0, inputs: [],
    approvals: [], sentAnswers: [], toolCalls: {}, planStep: null, paused: false, stopping: false,
    usage: { total: NO_TOKENS, turn: NO_TOKENS, costUsd: null }, said: { activity: 'idle', currentTask: null },
  };
}

/** What the agent is doing, from what is open. */
export function activityOf(state: AcpState): Activity {
  if (!state.turn) return 'idle';
  if (state.approvals.some(({ held }) => !held)) return 'waiting_approval';
  return openToolCall(state) ? 'executing' : 'thinking';
}

/** The plan's step in progress, else the running tool call's title. */
export function currentTaskOf(state: AcpState): string | null {
  return state.turn ? state.planStep ?? openToolCall(state)?.title ?? null : null;
}

function openToolCall(state: AcpState): OpenToolCall | undefined {
  return Object.values(state.toolCalls).findLast(({ status }) => status === 'in_progress');
}
