import type { Actor } from './session-command.js';

/** Who, in a reason or an answer. */
export function actorName(actor: Actor): string {
  switch (actor.kind) {
    case 'admin':
    case 'system':
      return actor.kind;
    case 'user':
      return `user:${actor.tokenId}`;
    case 'agent':
      return `agent:${actor.sessionId}`;
  }
}

/** Who, for a timeline entry. */
export function actorRole(actor: Actor): 'agent' | 'user' | 'system' {
  return actor.kind === 'admin' ? 'user' : actor.kind;
}
