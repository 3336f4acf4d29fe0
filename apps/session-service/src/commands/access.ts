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

/** From the least to the most that is allowed. */
const PERMISSIONS: readonly PermissionMode[] = ['deny', 'ask', 'allow'];

/** An agent cannot start one that may more than itself. @throws FORBIDDEN */
export function assertPermissionMode(view: View, actor: Actor, mode: PermissionMode): void {
  if (actor.kind !== 'agent') return;
  const own = view.get<Session>(COLLECTIONS.sessions, actor.sessionId)?.permissionMode ?? 'deny';
  if (PERMISSIONS.indexOf(mode) > PERMISSIONS.indexOf(own)) {
    throw new AppError('FORBIDDEN', `An agent may not start a session with more permissions (${mode}) than its own (${own}).`);
  }
}
