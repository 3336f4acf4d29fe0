import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc, validationError } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { TOKEN_CHARS_MAX } from '../limits.js';
import type { Principal } from './principal.js';
import { Tickets } from './tickets.js';
import { TokenStore } from './token.store.js';

/** Beginning of the tokens that session-service mints, one a run. */
const AGENT_PREFIX = 'oma_';

/** Who came, and by what: it is asked again for as long as they stay. */
export interface Entry { principal: Principal; token: string }

@Injectable()
export class Authenticator {
  constructor(
    @Inject(TokenStore) private readonly tokens: TokenStore, @Inject(Bus) private readonly bus: Bus, @Inject(Tickets) private readonly tickets: Tickets,
  ) {}

  /** @throws UNAUTHENTICATED for what is no token of ours; UNAVAILABLE when only somebody who does not answer could say. */
  async authenticate(token: string | null): Promise<Principal> {
    if (token === null || token.length > TOKEN_CHARS_MAX || !/^[A-Za-z0-9_.~+/=-]+$/.test(token)) throw new AppError('UNAUTHENTICATED');
    if (token.startsWith(AGENT_PREFIX)) return this.agent(token);
    if (await this.tokens.isAdmin(token)) return { actor: { kind: 'admin' }, tokenId: 'admin' };
    const user = await this.tokens.findUser(token);
    if (!user) throw new AppError('UNAUTHENTICATED');
    const { id, scopes, expiresAt } = user;
    return { actor: { kind: 'user', tokenId: id }, tokenId: `user:${id}`, scopes, ...(expiresAt !== undefined && { endsAt: Date.parse(expiresAt) }) };
  }

  /**
   * Where a ticket does as well: into the feed. The token it stands for is asked for now, not when the ticket was made.
   * @throws VALIDATION_FAILED for both a token and a ticket; UNAUTHENTICATED, UNAVAILABLE
   */
  async enter(token: string | null, { url = '', headers }: { url?: string; headers: IncomingHttpHeaders }): Promise<Entry> {
    const [ticket, ...more] = new URLSearchParams(url.slice(url.indexOf('?') + 1)).getAll('ticket');
    if (ticket === undefined || !url.includes('?')) return { principal: await this.authenticate(token), token: token ?? '' };
    if (token !== null || more.length > 0) throw validationError([{ pointer: '/ticket', detail: 'must be the only thing that says who comes' }], 'query');
    const of = await this.tickets.use(ticket, { origin: headers.origin, host: headers.host });
    return { principal: await this.authenticate(of), token: of };
  }

  private async agent(token: string): Promise<Principal> {
    const { actor, projectId, taskIds } = await this.bus.request(SessionRpc.verifyAgentToken, { token });
    return { actor, tokenId: `agent:${actor.sessionId}`, agent: { sessionId: actor.sessionId, projectId, taskIds } };
  }
}
