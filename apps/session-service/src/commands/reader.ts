import { AppError, type Actor, type Session } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import { COLLECTIONS } from '../store/collections.js';

/** Whose documents somebody may see: of one project, or (null) all there are. */
export type Sight = string | null;

/** An agent sees what is its project's (design §8); people see everything. @throws UNAUTHENTICATED when its session is gone */
export function sightOf(view: View, reader: Actor | undefined): Sight {
  if (reader?.kind !== 'agent') return null;
  const session = view.get<Session>(COLLECTIONS.sessions, reader.sessionId);
  if (!session) throw new AppError('UNAUTHENTICATED');
  return session.projectId;
}

/** The project a list is of: the one asked for, for an agent its own. @throws FORBIDDEN for an agent that asks for another */
export function listedProject(view: View, reader: Actor | undefined, asked: string | undefined): string | undefined {
  const sight = sightOf(view, reader);
  if (sight === null) return asked;
  if (asked !== undefined && asked !== sight) throw new AppError('FORBIDDEN', 'An agent sees only what is of its own project.', { projectId: asked });
  return sight;
}

/** What is a session's own is seen by its agent and by people. @throws FORBIDDEN */
export function assertSeesSession(reader: Actor | undefined, sessionId: string): void {
  if (reader?.kind === 'agent' && reader.sessionId !== sessionId) {
    throw new AppError('FORBIDDEN', 'An agent may act only as its own session.', { sessionId });
  }
}
