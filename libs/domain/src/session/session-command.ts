import type { NumberedFact } from '../provider/fact.js';
import type { RunnerLabels } from '../provider/runner-labels.js';
import type { TimelineKind } from '../work/timeline.js';
import type { Mail } from '../work/mail.js';
import type { TaskStatus } from '../work/task.js';
import type { TeamMember } from '../work/team-member.js';
import type { OutcomeCode } from './outcome.js';
import type { PendingInput, PermissionMode, SessionMode } from './session.js';

/** Who gave a command: kept in reasons and answers. */
export type Actor =
  | { kind: 'admin' }
  | { kind: 'user'; tokenId: string }
  | { kind: 'agent'; sessionId: string }
  | { kind: 'system' };

export interface SpawnCommand {
  type: 'spawn';
  sessionId: string;
  projectId: string;
  taskIds: string[];
  name: string;
  teamMember: TeamMember | null;
  parent: { sessionId: string; rootSessionId: string } | null;
  continues: string | null;
  /** The agent's own conversation to go on with; null: a new one. */
  agentSessionId: string | null;
  /** The session that began that conversation; null: a new one. */
  conversationId: string | null;
  providerType: string;
  model: string | null;
  permissionMode: PermissionMode;
  mode: SessionMode;
  workingDir: string;
  manifestHash: string;
  /** @default none: any runner */
  runnerLabels?: RunnerLabels;
  /** @default 0 */
  priority?: number;
  /** Of the request that asked for it. */
  traceId?: string;
}

/** All that can happen to a session; `decide` says what each comes to (design §4). */
export type SessionCommand =
  | SpawnCommand
  /** The supervisor found a runner: epoch + 1, `created` → `starting` (or placed anew while `starting`). */
  | { type: 'place'; runId: string; runnerId: string }
  /** The supervisor found none: visible in `waiting`. */
  | { type: 'wait'; reason: string }
  /** The runner claims the run before it executes. @throws CONFLICT when it is not the present run and epoch, or when the session is to end. */
  | { type: 'claim'; runId: string; epoch: number }
  | { type: 'stop'; reason: string; actor: Actor }
  | { type: 'kill'; reason: string; actor: Actor }
  | { type: 'pause'; reason: string; actor: Actor }
  | { type: 'resume'; reason: string; actor: Actor }
  /** Break off the turn that runs, keep the session. Nothing runs: nothing changes. */
  | { type: 'interrupt'; reason: string; actor: Actor }
  | { type: 'input'; inputId: string; text: string; source: PendingInput['source']; steer?: boolean; actor: Actor }
  /** Its runner will never take this input: what the driver can was not known when it was queued. */
  | { type: 'refuse_input'; inputId: string; reason: string }
  /** Mail that waits goes to the agent, where it is between two turns. */
  | { type: 'deliver_mail' }
  /** It was given this mail as it waited for it. */
  | { type: 'take_mail'; mails: readonly Pick<Mail, 'fromSessionId' | 'createdAt'>[] }
  | { type: 'timeline'; kind: TimelineKind; message: string; taskId?: string; taskStatus?: TaskStatus; actor: Actor }
  | { type: 'answer_approval'; approvalId: string; optionId?: string; decision?: 'allow' | 'deny'; reason?: string; actor: Actor }
  /** Denies every open approval whose deadline is not after `now`. */
  | { type: 'expire_approvals' }
  /** Facts of one run, in order; what is at or below `ackedRunSeq` is dropped, a gap stops at the gap. @throws CONFLICT {stale: true} on another run or epoch. */
  | { type: 'facts'; runId: string; epoch: number; facts: NumberedFact[] }
  /** The supervisor gives up on the run's runner. */
  | { type: 'runner_lost'; runId: string; message: string }
  /** The run's runner is there and does not hold the run that it had claimed. */
  | { type: 'run_absent'; runId: string; message: string }
  /** The system ends it: recorded as intent while a run may be alive, at once where none is. */
  | { type: 'end'; outcome: OutcomeCode; message: string; kill?: boolean }
  | { type: 'rename'; name: string };
