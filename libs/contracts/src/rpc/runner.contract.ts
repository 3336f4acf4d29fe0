import type { Manifest } from '@orbitmesh/domain';
import { DIRECTORY_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './limits.js';
import type { MetricsReport } from './metrics.js';
import { defineRpc } from './rpc.js';

const rpc = <Req, Res>(name: string) => defineRpc<Req, Res>('runner', name, REQUEST_TIMEOUT_MS);

/** A runner takes commands for one run under one epoch; an older epoch, or a run it does not hold, is RUN_NOT_FOUND. */
export interface RunCommand { sessionId: string; runId: string; epoch: number }
/** Accepted, never done: what came of it comes up as facts. A repeated command is the same command. */
export interface Accepted { accepted: true }

export interface StartRun extends RunCommand {
  /** Counted by the runner on its monotonic clock from the moment it sent the claim; checked right before it executes. */
  ttlMs: number;
  manifest: Manifest;
  manifestHash: string;
  /** The agent's own token and where it finds the API. */
  token: string;
  apiUrl: string;
  /** Realpaths of the allowed roots, checked once more by the starting runner. */
  roots: string[];
  /** The agent's own conversation to go on with, where the driver can. */
  continueAgentSessionId?: string;
  /** The session that began the agent's conversation: what its agent keeps is kept under this name. */
  conversationId: string;
}

/** Where an agent is to work, and where it may. */
export interface DirectoryQuestion { path: string; roots: string[] }

export const RunnerRpc = {
  start: rpc<StartRun, Accepted>('start'),
  stop: rpc<RunCommand & { reason: string }, Accepted>('stop'),
  kill: rpc<RunCommand & { reason: string }, Accepted>('kill'),
  pause: rpc<RunCommand, Accepted>('pause'),
  resume: rpc<RunCommand, Accepted>('resume'),
  interrupt: rpc<RunCommand, Accepted>('interrupt'),
  /** `steer`: into the turn that runs. */
  input: rpc<RunCommand & { inputId: string; text: string; steer?: boolean }, Accepted>('input'),
  /** `optionId` null: cancelled. */
  answerApproval: rpc<RunCommand & { approvalId: string; optionId: string | null; reason?: string }, Accepted>('approval.answer'),
  /** Realpath, is it a directory, is it inside one of the roots, is it one of this runner's. @throws WORKING_DIR_INVALID */
  resolveDirectory: defineRpc<DirectoryQuestion, { realPath: string }>('runner', 'resolveDirectory', DIRECTORY_TIMEOUT_MS),
  status: rpc<RunCommand, { state: string; activity: string; pid: number | null; queuedInputs: number }>('status'),
  metrics: rpc<Record<string, never>, MetricsReport>('metrics'),
} as const;

export const AnyRunnerRpc = {
  /** The same of whichever runner answers. @throws WORKING_DIR_INVALID */
  resolveDirectory: defineRpc<DirectoryQuestion, { realPath: string }>('anyRunner', 'resolveDirectory', DIRECTORY_TIMEOUT_MS),
} as const;
