import { AppError, SessionNotFoundError, buildManifest, isId, printManifest, type Mail, type Manifest, type ManifestInput, type Project, type Session, type Task, type TeamMember } from '@orbitmesh/domain';
import type { Store, View } from '@orbitmesh/storage';
import type { Sight } from '../commands/reader.js';
import { COLLECTIONS } from './collections.js';

/*
 * What a view holds, by noun. An id that could not be one is simply not there, and neither is, for somebody
 * whose sight ends at a project, what is of another.
 */

export function projectOf(view: View, id: string, sight: Sight = null): Project {
  const project = found<Project>(view, COLLECTIONS.projects, id);
  if (!project || (sight !== null && project.id !== sight)) throw new AppError('PROJECT_NOT_FOUND', `There is no project ${shown(id)}.`, { projectId: shown(id) });
  return project;
}

export function taskOf(view: View, id: string, sight: Sight = null): Task {
  const task = found<Task>(view, COLLECTIONS.tasks, id);
  if (!task || isBeyond(sight, task)) throw new AppError('TASK_NOT_FOUND', `There is no task ${shown(id)}.`, { taskId: shown(id) });
  return task;
}

/** A member of the project, or a global one; with null, any. */
export function teamMemberOf(view: View, id: string, projectId: Sight): TeamMember {
  const member = found<TeamMember>(view, COLLECTIONS.teamMembers, id);
  if (!member || (member.projectId !== null && isBeyond(projectId, member))) {
    throw new AppError('TEAM_MEMBER_NOT_FOUND', `There is no team member ${shown(id)}${projectId === null ? '' : ' in this project'}.`, { teamMemberId: shown(id) });
  }
  return member;
}

export function mailOf(view: View, id: string): Mail {
  const mail = found<Mail>(view, COLLECTIONS.mail, id);
  if (!mail) throw mailNotFound(id);
  return mail;
}

export const mailNotFound = (id: string): AppError => new AppError('MAIL_NOT_FOUND', `There is no mail ${shown(id)}.`, { mailId: shown(id) });

export function sessionOf(view: View, id: string, sight: Sight = null): Session {
  const session = found<Session>(view, COLLECTIONS.sessions, id);
  if (!session || isBeyond(sight, session)) throw new SessionNotFoundError(shown(id));
  return session;
}

/** Where damages are told. */
type Damages = Pick<Store, 'reportDamage'>;

/** What the session was started with, to the byte. @throws SESSION_NOT_FOUND; NOT_FOUND when it is damaged */
export const manifestOf = (view: View, sessionId: string, damages: Damages): Manifest =>
  besideSession<Manifest>(view, COLLECTIONS.manifests, sessionId, damages, (manifest) => printManifest(manifest).hash);

/** What that was made of. @throws SESSION_NOT_FOUND; NOT_FOUND when it is damaged */
export const manifestInputOf = (view: View, sessionId: string, damages: Damages): ManifestInput =>
  besideSession<ManifestInput>(view, COLLECTIONS.manifestInputs, sessionId, damages, (input) => buildManifest(input).hash);

/** A file that can be read may still be another session's, or nobody's: the session alone knows which it was. */
function besideSession<T>(view: View, collection: string, id: string, damages: Damages, hashOf: (document: T) => string): T {
  const { manifestHash } = sessionOf(view, id);
  const document = view.get<T>(collection, id);
  if (document !== undefined && attempt(() => hashOf(document)) === manifestHash) return document;
  if (document !== undefined) damages.reportDamage({ collection, id }, 'is not what its session was started with');
  throw new AppError('NOT_FOUND', 'The manifest of this session, or what it was made of, is damaged or missing. On its machine, orbitmesh doctor says what can be done.', { sessionId: id });
}

/** @param compute fails for a document of any other shape */
function attempt(compute: () => string): string | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

const found = <T>(view: View, collection: string, id: string): T | undefined => (isId(id) ? view.get<T>(collection, id) : undefined);

const isBeyond = (sight: Sight, doc: { projectId: string | null }): boolean => sight !== null && doc.projectId !== sight;

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
