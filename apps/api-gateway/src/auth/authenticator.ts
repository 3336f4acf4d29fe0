import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { TOKEN_CHARS_MAX } from '../limits.js';
import type { Principal } from './principal.js';
import { TokenStore } from './token.store.js';

/** Beginning of the tokens that session-service mints, one a run. */
const AGENT_PREFIX = 'oma_';

@Injectable()
export class Authenticator {
  constructor(@Inject(TokenStore) private readonly tokens: TokenStore, @Inject(Bus) private readonly bus: Bus) {}

  /** @throws UNAUTHENTICATED for what is no token of ours; UNAVAILABLE when only session-service could say. */
  async authenticate(token: string | null): Promise<Principal> {
    if (token === null || token.length > TOKEN_CHARS_MAX || !/^[A-Za-z0-9_.~+/=-]+$/.test(token)) throw new AppError('UNAUTHENTICATED');
    if (token.startsWith(AGENT_PREFIX)) return this.agent(token);
    if (this.tokens.isAdmin(token)) return { actor: { kind: 'admin' }, tokenId: 'admin' };
    const user = await this.tokens.findUser(token);
    if (!user) throw new AppError('UNAUTHENTICATED');
    return { actor: { kind: 'user', tokenId: user.id }, tokenId: `user:${user.id}` };
  }

  private async agent(token: string): Promise<Principal> {
    const { actor, projectId, taskIds } = await this.bus.request(SessionRpc.verifyAgentToken, { token });
    return { actor, tokenId: `agent:${actor.sessionId}`, agent: { sessionId: actor.sessionId, projectId, taskIds } };
  }
}
