import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { Authenticator } from '../auth/authenticator.js';
import type { Principal } from '../auth/principal.js';
import { Connections } from './connections.js';
import { Rates } from './rates.js';

/** Whoever asks for something, by request or by upgrade: who it is, and what becomes of who may not. */
@Injectable()
export class Callers {
  constructor(@Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(Connections) private readonly connections: Connections, @Inject(Rates) private readonly rates: Rates) {}

  /** @throws UNAUTHENTICATED, TOO_MANY_REQUESTS; UNAVAILABLE when only session-service could say who it is */
  async identify(token: string | null, socket: Socket): Promise<Principal> {
    const principal = await this.authenticator.authenticate(token);
    this.connections.know(socket);
    this.rates.take(principal);
    return principal;
  }

  /** What the refusal becomes: itself, or that there were too many from there. */
  refused(error: unknown, { remoteAddress }: Socket): unknown {
    return this.rates.refused(error, remoteAddress);
  }
}
