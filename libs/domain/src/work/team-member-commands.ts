import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import { MEMBER_BYTES_MAX, MEMBER_MEMORY_MAX } from '../limits.js';
import type { RunnerLabels } from '../provider/runner-labels.js';
import type { PermissionMode } from '../session/session.js';
import { taskEvent } from './task-events.js';
import type { Task } from './task.js';
import type { TeamMember } from './team-member.js';
import { assertBytes, given, type Written } from './written.js';

export interface NewTeamMember {
  projectId?: string | null; name: string; role?: string; identity?: string; avatar?: string; provider?: string | null; model?: string | null;
  permissionMode?: PermissionMode | null; runnerLabels?: RunnerLabels | null; capabilities?: string[]; skills?: string[]; memory?: string[];
}
export type TeamMemberPatch = Partial<Omit<NewTeamMember, 'projectId'>>;

const PATCHED = ['name', 'role', 'identity', 'avatar', 'provider', 'model', 'permissionMode', 'runnerLabels', 'capabilities', 'skills', 'memory'] as const;

/** @throws DOCUMENT_TOO_LARGE */
export function createTeamMember(body: NewTeamMember, ctx: DecideContext): Written<TeamMember> {
  const doc: TeamMember = {
    id: ctx.newId('teamMember'),
    projectId: body.projectId ?? null,
    name: body.name,
    role: body.role ?? '',
    identity: body.identity ?? '',
    avatar: body.avatar ?? '',
    provider: body.provider ?? null,
    model: body.model ?? null,
    permissionMode: body.permissionMode ?? null,
    runnerLabels: body.runnerLabels ?? null,
    capabilities: body.capabilities ?? [],
    skills: body.skills ?? [],
    memory: body.memory ?? [],
    status: 'active',
    createdAt: ctx.now,
    updatedAt: ctx.now,
    revision: 1,
  };
  assertSize(doc);
  return { doc, events: [memberEvent('team_member:created', doc, ctx)] };
}

/** Every update is a revision and an event; one without a field is neither. @throws DOCUMENT_TOO_LARGE */
export function updateTeamMember(member: TeamMember, body: TeamMemberPatch, ctx: DecideContext): Written<TeamMember> {
  const fields = given(body, PATCHED);
  return Object.keys(fields).length === 0 ? { doc: member, events: [] } : changed(member, fields, ctx);
}

/** Archived, it starts no session any more; what it is and remembers stays. Doing it twice changes nothing. */
export function archiveTeamMember(member: TeamMember, archived: boolean, ctx: DecideContext): Written<TeamMember> {
  const status = archived ? 'archived' : 'active';
  return member.status === status ? { doc: member, events: [] } : changed(member, { status }, ctx);
}

/** @throws LIMIT_REACHED, DOCUMENT_TOO_LARGE */
export function addMemory(member: TeamMember, text: string, ctx: DecideContext): Written<TeamMember> {
  if (member.memory.length >= MEMBER_MEMORY_MAX) {
    throw new AppError('LIMIT_REACHED', `A team member remembers at most ${MEMBER_MEMORY_MAX} things; replace its memory with a shorter one.`, { teamMemberId: member.id, max: MEMBER_MEMORY_MAX });
  }
  return changed(member, { memory: [...member.memory, text] }, ctx);
}

/**
 * Forgets a member; tasks that were its are nobody's. Its sessions hold a copy of it and go on.
 * @param tasks those that name it
 */
export function deleteTeamMember(member: TeamMember, tasks: Iterable<Task>, ctx: DecideContext): { tasks: Task[]; events: FeedEvent[] } {
  const freed = [...tasks].map((task) => ({ ...task, teamMemberId: null, updatedAt: ctx.now, revision: task.revision + 1 }));
  const { id, projectId } = member;
  const deleted: FeedEvent = { type: 'team_member:deleted', timestamp: ctx.now, ...(projectId !== null && { projectId }), data: { id, projectId } };
  return { tasks: freed, events: [...freed.map((task) => taskEvent('task:updated', task, ctx.now)), deleted] };
}

function changed(member: TeamMember, fields: Partial<TeamMember>, ctx: DecideContext): Written<TeamMember> {
  const doc = { ...member, ...fields, updatedAt: ctx.now, revision: member.revision + 1 };
  assertSize(doc);
  return { doc, events: [memberEvent('team_member:updated', doc, ctx)] };
}

/** It is refused here, where it grows, and not at every start of a session later. @throws DOCUMENT_TOO_LARGE */
function assertSize(doc: TeamMember): void {
  assertBytes(doc, MEMBER_BYTES_MAX, 'Each of its sessions keeps a copy of it. Replace its memory with a shorter one, or say less of it.');
}

/** A global member's events belong to no project. */
function memberEvent(type: 'team_member:created' | 'team_member:updated', doc: TeamMember, ctx: DecideContext): FeedEvent {
  return { type, timestamp: ctx.now, ...(doc.projectId !== null && { projectId: doc.projectId }), data: doc };
}
