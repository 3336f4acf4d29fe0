import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { Authenticator, type Entry } from '../auth/authenticator.js';
import { Connections } from './connections.js';
import { Rates } from './rates.js';

/** Whoever asks for something, by request or by upgrade: who it is, and what becomes of who may not. */
@Injectable()
export class Callers {
  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(Connections) private readonly connections: Connections, @Inject(Rates) private readonly rates: Rates,
  ) {}

  /**
   * @param onKnown called once it is known who it is, before anything else is refused to them
   * @throws UNAUTHENTICATED, TOO_MANY_REQUESTS; UNAVAILABLE when only session-service could say who it is
   */
  async identify(token: string | null, { socket }: IncomingMessage, onKnown: (entry: Entry) => void): Promise<void> {
    this.welcome({ principal: await this.authenticator.authenticate(token), token: token ?? '' }, socket, onKnown);
  }

  /** The same where a ticket does as well: into the feed. @throws VALIDATION_FAILED beside */
  async enter(token: string | null, request: IncomingMessage, onKnown: (entry: Entry) => void): Promise<void> {
    this.welcome(await this.authenticator.enter(token, request), request.socket, onKnown);
  }

  /** What the refusal becomes: itself, or that there were too many from there. */
  refused(error: unknown, { remoteAddress }: Socket): unknown {
    return this.rates.refused(error, remoteAddress);
  }

  private welcome(entry: Entry, socket: Socket, onKnown: (entry: Entry) => void): void {
    onKnown(entry);
    this.connections.know(socket, entry.principal);
    this.rates.take(entry.principal);
  }
}
