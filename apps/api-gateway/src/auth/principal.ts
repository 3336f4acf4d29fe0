import type { Actor } from '@orbitmesh/domain';

/** Who sent a request. */
export interface Principal {
  actor: Exclude<Actor, { kind: 'system' }>;
  /** Names the token in idempotency scopes; never the token itself. */
  tokenId: string;
  /** What an agent's token stands for: nothing beyond it is the agent's. */
  agent?: { sessionId: string; projectId: string; taskIds: readonly string[] };
}
