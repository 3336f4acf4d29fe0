import {
  AppError, buildManifest, isTerminal, manifestInputFrom, permissionModeFor, providerTypeFor, runnerLabelsFor, sessionView, type Actor, type ManifestInput, type Project, type Session,
  type SpawnCommand, type Task, type TeamMember,
} from '@orbitmesh/domain';
import { validationError, type CommandMeta, type SpawnSessionBody } from '@orbitmesh/contracts';
import type { View } from '@orbitmesh/storage';
import { assertNotAgent, assertOwnSession, assertPermissionMode } from '../commands/access.js';
import type { Decide, Decision } from '../commands/decision.js';
import { sightOf } from '../commands/reader.js';
import { AGENT_CHILDREN_MAX, AGENT_GENERATIONS_MAX, MANIFEST_INPUT_BYTES_MAX, NAME_CHARS_MAX, SPAWN_CAPABILITY, SPAWN_TASKS_MAX } from '../limits.js';
import type { ProviderCatalog } from '../provider/provider-catalog.js';
import { COLLECTIONS } from '../store/collections.js';
import { projectOf, sessionOf, taskOf, teamMemberOf } from '../store/documents.js';
import { assertMcpServerNames } from './mcp-server-rule.js';
import { assertNoSecretByValue, assertSecretsOutsideHome } from './secret-rule.js';
import { spawnSession } from './session-change.js';
import { assertInsideRoots, assertOutsideHome, normalDirectory } from './working-dir.js';

/** What a spawn is checked against beside the store. */
export interface SpawnRules {
  catalog: Pick<ProviderCatalog, 'has'>;
  /** ORBITMESH_ROOTS. */
  roots: readonly string[];
  /** $ORBITMESH_HOME by both of its names. */
  homes: readonly string[];
}

/** A spawn in which everything named is there and allowed; nothing has been made yet. */
export interface SpawnPlan {
  body: SpawnSessionBody;
  project: Project;
  tasks: Task[];
  member: TeamMember | null;
  parent: Session | null;
  providerType: string;
  workingDir: string;
  roots: string[];
  /** The session whose conversation it goes on with. */
  continued: Session | null;
}

/**
 * Checks a spawn whole (design §4.3, step 2). Synchronous: it runs once before a runner is asked for the directory,
 * and again in the decision.
 *
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, TEAM_MEMBER_NOT_FOUND, SESSION_NOT_FOUND (parent), PROVIDER_NOT_FOUND,
 * WORKING_DIR_INVALID, SECRET_BY_VALUE, VALIDATION_FAILED, FORBIDDEN
 */
export function planSpawn(view: View, asked: SpawnSessionBody, actor: Actor, rules: SpawnRules): SpawnPlan {
  const project = projectOf(view, asked.projectId, sightOf(view, actor));
  const parent = parentOf(view, asked, actor);
  const tasks = tasksOf(view, asked);
  const member = asked.teamMemberId === undefined ? null : teamMemberOf(view, asked.teamMemberId, project.id);
  const body: SpawnSessionBody = actor.kind === 'agent' ? { ...inherited(parent!, member, asked), ...asked } : asked;
  if (member?.status === 'archived') throw new AppError('CONFLICT', `The team member ${member.id} is archived.`, { teamMemberId: member.id });
  const providerType = providerTypeFor(body, member);
  if (!rules.catalog.has(providerType)) throw new AppError('PROVIDER_NOT_FOUND', `No provider ${providerType} is configured.`, { providerType });
  assertPermissionMode(view, actor, permissionModeFor(body, member));
  if (body.mcpServers?.length) assertNotAgent(actor, 'bring MCP servers');
  if (Object.keys(body.secrets ?? {}).length > 0) assertNotAgent(actor, 'bring secrets');
  // A variable can make a program run code, or send its key elsewhere: the agent's own permissions would mean nothing.
  if (Object.keys(body.environment ?? {}).length > 0) assertNotAgent(actor, 'bring environment variables');
  if (asked.runnerLabels) assertNotAgent(actor, 'choose runners');
  if (actor.kind === 'agent') assertMaySpawn(view, parent!);
  if (actor.kind === 'agent') assertPriority(parent!, body);
  assertMcpServerNames(body);
  assertNoSecretByValue(body);
  assertSecretsOutsideHome(body, rules.homes);
  const roots = [project.workingDir, ...rules.roots.map(normalDirectory)];
  const workingDir = normalDirectory(body.workingDir ?? project.workingDir);
  assertOutsideHome(workingDir, rules.homes);
  assertInsideRoots(workingDir, roots);
  return { body, project, tasks, member, parent, providerType, workingDir, roots, continued: null };
}

/** The one commit of a spawn: session, manifest, task links, events. @throws MANIFEST_TOO_LARGE, DOCUMENT_TOO_LARGE, LIMIT_REACHED */
export function decideSpawn(tx: Decide, plan: SpawnPlan, { actor, traceId }: CommandMeta): Decision<ReturnType<typeof sessionView>> {
  const { project, tasks, member, parent, continued } = plan;
  if (actor.kind === 'agent') assertRoomForChild(tx, parent!);
  const sessionId = tx.newId('session');
  const input = manifestInput(plan, sessionId);
  const { manifest, hash } = buildManifest(input);
  const command: SpawnCommand = {
    type: 'spawn', sessionId, projectId: project.id, taskIds: tasks.map(({ id }) => id), name: nameOf(plan), teamMember: member,
    parent: parent && { sessionId: parent.id, rootSessionId: parent.rootSessionId }, continues: continued?.id ?? null,
    agentSessionId: continued?.agentSessionId ?? null, conversationId: continued && (continued.conversationId ?? continued.id), providerType: plan.providerType, model: input.model, permissionMode: input.permissionMode, mode: input.mode,
    workingDir: plan.workingDir, manifestHash: hash, traceId,
    runnerLabels: runnerLabelsFor(plan.body, member, project), priority: plan.body.priority,
  };
  const { session, change } = spawnSession(tx, command, tasks);
  return {
    status: 201, body: sessionView(session), events: change.events,
    puts: [
      ...change.puts,
      { collection: COLLECTIONS.manifests, id: sessionId, doc: manifest },
      { collection: COLLECTIONS.manifestInputs, id: sessionId, doc: input },
    ],
  };
}

/** @throws LIMIT_REACHED */
function assertRoomForChild({ view, indexes }: Decide, { id }: Session): void {
  const live = [...indexes.in(view, indexes.childrenOfSession, id)].filter((child) => !isTerminal(child)).length;
  if (live >= AGENT_CHILDREN_MAX) throw new AppError('LIMIT_REACHED', `An agent has at most ${AGENT_CHILDREN_MAX} sessions at work.`, { sessionId: id, max: AGENT_CHILDREN_MAX });
}

function manifestInput({ body, providerType, workingDir, ...sources }: SpawnPlan, sessionId: string): ManifestInput {
  const input = manifestInputFrom({ ...sources, sessionId, request: { ...body, providerType, workingDir } });
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes > MANIFEST_INPUT_BYTES_MAX) throw new AppError('MANIFEST_TOO_LARGE', "The manifest's input would be too large.", { bytes, max: MANIFEST_INPUT_BYTES_MAX });
  return input;
}

/** An agent starts others unless its team member's capabilities, where it has any, leave that out; and not generation after generation. @throws FORBIDDEN, LIMIT_REACHED */
function assertMaySpawn(view: View, self: Session): void {
  const { capabilities = [] } = self.teamMember ?? {};
  if (capabilities.length > 0 && !capabilities.includes(SPAWN_CAPABILITY)) {
    throw new AppError('FORBIDDEN', `The team member of this session may not start others: its capabilities lack "${SPAWN_CAPABILITY}".`, { teamMemberId: self.teamMemberId });
  }
  let depth = 1;
  for (let at: Session | undefined = self; at?.parentSessionId; at = view.get<Session>(COLLECTIONS.sessions, at.parentSessionId)) depth += 1;
  if (depth > AGENT_GENERATIONS_MAX) throw new AppError('LIMIT_REACHED', `Agents start each other at most ${AGENT_GENERATIONS_MAX} deep.`, { max: AGENT_GENERATIONS_MAX });
}

/** An agent's children are its own: it need not say so, and cannot say otherwise. */
function parentOf(view: View, body: SpawnSessionBody, actor: Actor): Session | null {
  const parentId = body.parentSessionId ?? (actor.kind === 'agent' ? actor.sessionId : undefined);
  if (parentId === undefined) return null;
  assertOwnSession(actor, parentId);
  const parent = sessionOf(view, parentId);
  if (parent.projectId !== body.projectId) throw new AppError('SESSION_NOT_FOUND', `There is no session ${parentId} in this project.`, { sessionId: parentId });
  return parent;
}

/** What it starts is no more urgent than it is itself. @throws FORBIDDEN */
function assertPriority({ priority = 0 }: Session, asked: SpawnSessionBody): void {
  if ((asked.priority ?? priority) > priority) throw new AppError('FORBIDDEN', `An agent may not start a session that is more urgent (${asked.priority}) than its own (${priority}).`);
}

/** What an agent starts is as it is itself, unless it or the member says otherwise: of its provider and model, as urgent, on such runners; and what is denied to it is denied to its children, too. */
function inherited(parent: Session, member: TeamMember | null, { providerType }: SpawnSessionBody): Partial<SpawnSessionBody> {
  const alike = providerType === undefined && !member?.provider;
  return {
    ...(alike && { providerType: parent.providerType }),
    ...(alike && parent.model !== null && !member?.model && { model: parent.model }),
    ...(!member?.runnerLabels && { runnerLabels: parent.runnerLabels ?? {} }),
    priority: parent.priority ?? 0,
    ...(parent.permissionMode === 'deny' && !member?.permissionMode && { permissionMode: 'deny' as const }),
  };
}

function tasksOf(view: View, { projectId, taskIds = [], initialDirective }: SpawnSessionBody): Task[] {
  if (taskIds.length > SPAWN_TASKS_MAX || new Set(taskIds).size < taskIds.length) {
    throw invalid('/taskIds', `must be at most ${SPAWN_TASKS_MAX} different ids`);
  }
  if (taskIds.length === 0 && !initialDirective?.trim()) throw invalid('/initialDirective', 'is needed when there are no tasks');
  return taskIds.map((id) => taskOf(view, id, projectId));
}

function nameOf({ body, tasks, member }: SpawnPlan): string {
  const name = body.name ?? tasks[0]?.title ?? body.initialDirective?.trim().split('\n')[0] ?? member?.name ?? 'Session';
  return [...name].slice(0, NAME_CHARS_MAX).join('');
}

function invalid(pointer: string, detail: string): AppError {
  return validationError([{ pointer, detail }], 'body');
}
