import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import type { RunnerLabels } from '../provider/runner-labels.js';
import type { Project } from './project.js';
import { assertRoom, given, type Written } from './written.js';

export interface NewProject {
  name: string; workingDir: string; description?: string; trustRepository?: boolean; runnerLabels?: RunnerLabels; maxSessions?: number | null;
}
export type ProjectPatch = Partial<NewProject>;

/** @throws DOCUMENT_TOO_LARGE */
export function createProject(body: NewProject, ctx: DecideContext): Written<Project> {
  const doc: Project = {
    id: ctx.newId('project'),
    name: body.name,
    workingDir: body.workingDir,
    description: body.description ?? '',
    trustRepository: body.trustRepository ?? false,
    runnerLabels: body.runnerLabels ?? {},
    maxSessions: body.maxSessions ?? null,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    revision: 1,
  };
  assertRoom(doc);
  return { doc, events: [projectEvent('project:created', doc, ctx)] };
}

/**
 * Every update is a revision and an event; one without a field is neither. A repository was trusted, not a project: another directory is not
 * trusted until that is said again.
 * @throws DOCUMENT_TOO_LARGE
 */
export function updateProject(project: Project, body: ProjectPatch, ctx: DecideContext): Written<Project> {
  const fields = given(body, ['name', 'workingDir', 'description', 'trustRepository', 'runnerLabels', 'maxSessions']);
  if (Object.keys(fields).length === 0) return { doc: project, events: [] };
  const moved = fields.workingDir !== undefined && fields.workingDir !== project.workingDir;
  const doc = { ...project, ...(moved && { trustRepository: false }), ...fields, updatedAt: ctx.now, revision: project.revision + 1 };
  assertRoom(doc);
  return { doc, events: [projectEvent('project:updated', doc, ctx)] };
}

export function projectDeleted(project: Project, ctx: DecideContext): FeedEvent {
  return { type: 'project:deleted', timestamp: ctx.now, projectId: project.id, data: { id: project.id } };
}

function projectEvent(type: 'project:created' | 'project:updated', doc: Project, ctx: DecideContext): FeedEvent {
  return { type, timestamp: ctx.now, projectId: doc.id, data: doc };
}
