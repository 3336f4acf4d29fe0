import type { Activity, RunFact } from '@orbitmesh/domain';
import type { RpcId } from '../wire/json-rpc.js';
import type { AgentErrorKind } from './acp-errors.js';
import { NO_USAGE, type AcpUsage } from './acp-usage.js';

/** Grows when the shape of `AcpState` changes. */
export const ACP_STATE_VERSION = 3;

export interface OpenApproval {
  approvalId: string;
  /** The agent's own id of its request; numbers start at 0 with many agents. */
  requestId: RpcId;
  toolCallId: string;
  optionIds: string[];
  /** What it was about, and which of its options say no: for the reason of a refusal. */
  title: string;
  rejects: string[];
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
  /** How often the model refused, as far as the agent's log says, and the agent tried again. */
  retries: number;
  /** The agent said of itself that it is in trouble: what it says next is why. */
  troubled: boolean;
  /** The last piece of text, where it says why there is no answer. */
  errorText: string | null;
  /** Why the turn was given up; it ends with this, whatever the agent calls its end. */
  failure: TurnFailure | null;
}

export interface TurnFailure { code: AgentErrorKind; message: string }

/** All a driver knows of its run: plain JSON, replaced whole on every change, never changed in place. */
export interface AcpState {
  phase: 'initializing' | 'opening' | 'configuring' | 'ready';
  /** Keys of our requests that the agent has not answered; `om:<key>` is the id on the wire. */
  outstanding: string[];
  /** How the conversation is opened, decided by what the agent said it can. */
  opening: 'session/new' | 'session/load' | 'session/resume' | null;
  /** How the model that the spawn asked for is chosen: by a configuration option, or by session/set_model. Null: not at all. */
  model: { configId: string | null } | null;
  /** The session mode that is chosen before anything is prompted. */
  mode: string | null;
  /** The agent takes input into a turn that runs. */
  steering: boolean;
  agentSessionId: string | null;
  /** The agent can go on with this conversation in another process. */
  keepsConversations: boolean;
  agentInfo: { name?: string; version?: string } | null;
  /** The end of its log before it was ready: said when it never is. */
  startLog: string;
  turn: RunningTurn | null;
  turns: number;
  inputs: HeldInput[];
  /** On their way into the running turn; the agent says what became of them. */
  steers: HeldInput[];
  /** Why permissions were denied: ACP cannot carry it, so the next prompt does. */
  denials: string[];
  approvals: OpenApproval[];
  sentAnswers: SentAnswer[];
  toolCalls: Record<string, OpenToolCall>;
  planStep: string | null;
  paused: boolean;
  stopping: boolean;
  usage: AcpUsage;
  said: { activity: Activity; currentTask: string | null };
}

export function newTurn(input: HeldInput | null): RunningTurn {
  return { ...input, delivered: false, cancelling: false, retries: 0, troubled: false, errorText: null, failure: null };
}

export function newAcpState(): AcpState {
  return {
    phase: 'initializing', outstanding: [], opening: null, model: null, mode: null, steering: false, agentSessionId: null,
    keepsConversations: true, agentInfo: null, startLog: '', turn: null, turns: 0, inputs: [], steers: [], denials: [],
    approvals: [], sentAnswers: [], toolCalls: {}, planStep: null, paused: false, stopping: false,
    usage: NO_USAGE, said: { activity: 'idle', currentTask: null },
  };
}

/** A snapshot as this version has it: what an earlier one did not know yet is as at the beginning. */
export function readAcpState(saved: Record<string, unknown>, stateVersion: number): AcpState {
  const state = { ...newAcpState(), ...saved };
  if (stateVersion >= ACP_STATE_VERSION) return state;
  const { total, costUsd } = state.usage;
  return {
    ...state, turn: state.turn && { ...newTurn(null), ...state.turn },
    approvals: state.approvals.map((open) => ({ ...open, title: '', rejects: [] })), sentAnswers: state.sentAnswers.map((sent) => ({ ...sent, title: '', rejects: [] })),
    usage: { ...NO_USAGE, total: { ...NO_USAGE.total, ...total }, costUsd, costBefore: costUsd ?? 0 },
  };
}
