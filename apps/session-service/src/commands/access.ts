import { AppError, type Actor, type PermissionMode, type Session } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import { COLLECTIONS } from '../store/collections.js';

/** What only its users may do. @throws FORBIDDEN for an agent. */
export function assertNotAgent(actor: Actor, what: string): void {
  if (actor.kind === 'agent') throw new AppError('FORBIDDEN', `An agent may not ${what}.`);
}

/** An agent acts as its own session, never as another. @throws FORBIDDEN */
export function assertOwnSession(actor: Actor, sessionId: string): void {
  if (actor.kind === 'agent' && actor.sessionId !== sessionId) {
    throw new AppError('FORBIDDEN', 'An agent may act only as its own session.', { sessionId });
  }
}

/** An agent works within the project of its session. @throws FORBIDDEN */
export function assertOwnProject(view: View, actor: Actor, projectId: string): void {
  if (actor.kind !== 'agent') return;
  if (view.get<Session>(COLLECTIONS.sessions, actor.sessionId)?.projectId !== projectId) {
    throw new AppError('FORBIDDEN', 'An agent may work only within the project of its session.', { projectId });
  }
}

/** An agent cannot start one that asks nobody, unless nobody is asked about itself. @throws FORBIDDEN */
export function assertPermissionMode(view: View, actor: Actor, mode: PermissionMode): void {
  if (actor.kind !== 'agent' || mode !== 'allow') return;
  if (view.get<Session>(COLLECTIONS.sessions, actor.sessionId)?.permissionMode !== 'allow') {
    throw new AppError('FORBIDDEN', "An agent may not start a session with more permissions than its own ('allow').");
  }
}
