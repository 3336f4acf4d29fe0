import { AppError } from '../errors/app-error.js';
import type { DecideContext } from '../kernel/context.js';
import { jsonBytes } from '../kernel/text.js';
import { SESSION_SPAWN_BYTES_MAX } from '../limits.js';
import { SESSION_PRIORITY } from '../provider/runner-labels.js';
import { NO_METRICS } from '../provider/tokens.js';
import type { Session } from './session.js';
import type { SpawnCommand } from './session-command.js';

/**
 * A session as a spawn makes it: `created`, revision 1, nothing run yet.
 * @throws DOCUMENT_TOO_LARGE when what was given would leave no room for what happens to it later.
 */
export function createSession(command: SpawnCommand, { now }: DecideContext): Session {
  const session: Session = {
    id: command.sessionId,
    projectId: command.projectId,
    taskIds: [...command.taskIds],
    name: command.name,
    teamMemberId: command.teamMember?.id ?? null,
    teamMember: command.teamMember,
    parentSessionId: command.parent?.sessionId ?? null,
    rootSessionId: command.parent?.rootSessionId ?? command.sessionId,
    continues: command.continues,
    providerType: command.providerType,
    model: command.model,
    permissionMode: command.permissionMode,
    mode: command.mode,
    workingDir: command.workingDir,
    runnerLabels: command.runnerLabels ?? {},
    priority: command.priority ?? SESSION_PRIORITY.usual,
    state: 'created',
    desired: { state: 'running', reason: 'spawned', at: now },
    outcome: null,
    activity: 'idle',
    currentTask: null,
    waiting: null,
    needsInput: null,
    metrics: NO_METRICS,
    error: null,
    transitions: [],
    transitionsDropped: 0,
    run: null,
    agentSessionId: command.agentSessionId,
    conversationId: command.conversationId ?? command.sessionId,
    manifestHash: command.manifestHash,
    ...(command.traceId !== undefined && { traceId: command.traceId }),
    report: null,
    nudged: false,
    turn: { active: false, startedAt: null, endedAt: null, stopReason: null, openToolCalls: [] },
    approvals: [],
    pendingInputs: [],
    interruptRequestedAt: null,
    lastFactAt: null,
    createdAt: now,
    updatedAt: now,
    endedAt: null,
    revision: 1,
  };
  const bytes = jsonBytes(session);
  if (bytes > SESSION_SPAWN_BYTES_MAX) {
    throw new AppError('DOCUMENT_TOO_LARGE', `The session would begin with ${bytes} bytes; these may be ${SESSION_SPAWN_BYTES_MAX}. Shorten its name or its team member.`, { bytes, max: SESSION_SPAWN_BYTES_MAX });
  }
  return session;
}
