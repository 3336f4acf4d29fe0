import type { Actor } from '@orbitmesh/domain';
import type { TokenScope } from '@orbitmesh/contracts';

/** Who sent a request. */
export interface Principal {
  actor: Exclude<Actor, { kind: 'system' }>;
  /** Names the token in idempotency scopes; never the token itself. */
  tokenId: string;
  /** What a user's token may do; the admin's may do everything. */
  scopes?: readonly TokenScope[];
  /** When a user's token ends by itself, ms since the epoch. */
  endsAt?: number;
  /** What an agent's token stands for: nothing beyond it is the agent's. */
  agent?: { sessionId: string; projectId: string; taskIds: readonly string[] };
}
