import { AppError, SessionNotFoundError, isId, type Manifest, type ManifestInput, type Project, type Session, type Task, type TeamMember } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import { COLLECTIONS } from './collections.js';

/** What a view holds, by noun. An id that could not be one is simply not there. */
export function projectOf(view: View, id: string): Project {
  const project = isId(id) ? view.get<Project>(COLLECTIONS.projects, id) : undefined;
  if (!project) throw new AppError('PROJECT_NOT_FOUND', `There is no project ${shown(id)}.`, { projectId: shown(id) });
  return project;
}

export function taskOf(view: View, id: string): Task {
  const task = isId(id) ? view.get<Task>(COLLECTIONS.tasks, id) : undefined;
  if (!task) throw new AppError('TASK_NOT_FOUND', `There is no task ${shown(id)}.`, { taskId: shown(id) });
  return task;
}

/** A member of the project, or a global one. */
export function teamMemberOf(view: View, id: string, projectId: string): TeamMember {
  const member = isId(id) ? view.get<TeamMember>(COLLECTIONS.teamMembers, id) : undefined;
  if (!member || (member.projectId !== null && member.projectId !== projectId)) {
    throw new AppError('TEAM_MEMBER_NOT_FOUND', `There is no team member ${shown(id)} in this project.`, { teamMemberId: shown(id) });
  }
  return member;
}

export function sessionOf(view: View, id: string): Session {
  const session = isId(id) ? view.get<Session>(COLLECTIONS.sessions, id) : undefined;
  if (!session) throw new SessionNotFoundError(shown(id));
  return session;
}

export const manifestOf = (view: View, sessionId: string): Manifest => besideSession(view, COLLECTIONS.manifests, sessionId);

export const manifestInputOf = (view: View, sessionId: string): ManifestInput => besideSession(view, COLLECTIONS.manifestInputs, sessionId);

function besideSession<T>(view: View, collection: string, sessionId: string): T {
  sessionOf(view, sessionId);
  const document = view.get<T>(collection, sessionId);
  if (!document) throw new AppError('NOT_FOUND', 'The manifest of this session is not readable (see quarantine in health).', { sessionId });
  return document;
}

export const put = <T extends { id: string }>(collection: string, doc: T): { collection: string; id: string; doc: T } =>
  ({ collection, id: doc.id, doc });

/** @throws REVISION_MISMATCH when the caller saw another revision (If-Match). */
export function assertRevision(doc: { revision: number }, ifMatch: number | undefined): void {
  if (ifMatch !== undefined && ifMatch !== doc.revision) {
    throw new AppError('REVISION_MISMATCH', `The revision is ${doc.revision}, which If-Match does not name.`, { revision: doc.revision });
  }
}

/** An id from outside may be anything; only a bounded piece of it goes into an answer. */
const shown = (id: string): string => String(id).slice(0, 80);
