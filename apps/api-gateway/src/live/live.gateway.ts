import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WebSocketServer, type WebSocket } from 'ws';
import { AppError } from '@orbitmesh/domain';
import { HTTP_STATUS, validationError, WS_PROTOCOL, type AuditEntry } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { actorOf, AuditLog, callerOf } from '../audit/audit.log.js';
import { checkScope } from '../auth/agent-access.guard.js';
import type { Entry } from '../auth/authenticator.js';
import { refuseTokenInUrl } from '../auth/url-token.js';
import { Callers } from '../http/callers.js';
import { bearerOf, bearerOfProtocols, Door, originForm } from '../http/door.js';
import { refuseUpgrade } from '../http/raw-problem.js';
import { traceIdOf } from '../http/request-context.js';
import { FRAME_BYTES_MAX, SLOW_CLOSE_MS_MAX } from '../limits.js';
import { LiveClient } from './live-client.js';
import { LiveClients } from './live-clients.js';
import { LiveCommands } from './live-commands.js';

/** The WebSocket `/ws`: who may come in (design §5). */
@Injectable()
export class LiveGateway implements OnApplicationBootstrap {
  private readonly sockets = new WebSocketServer({
    noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX,
    ...{ closeTimeout: SLOW_CLOSE_MS_MAX }, // @types/ws does not know it yet.
    handleProtocols: (offered) => (offered.has(WS_PROTOCOL) ? WS_PROTOCOL : false),
  });

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost, @Inject(Door) private readonly door: Door,
    @Inject(Callers) private readonly callers: Callers, @Inject(LiveClients) private readonly clients: LiveClients,
    @Inject(LiveCommands) private readonly commands: LiveCommands, @Inject(LOGGER) private readonly logger: Logger, @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => this.onUpgrade(request, socket, head));
    this.sockets.on('wsClientError', (error, socket, request) => {
      refuseUpgrade(socket as Socket, validationError([{ pointer: '', detail: error.message }], 'header'), traceIdOf(request), { 'sec-websocket-version': '13' });
    });
  }

  private onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const drop = () => socket.destroy();
    socket.on('error', drop);
    let known: Entry | undefined;
    this.admit(request, socket, (entry) => (known = entry)).then(() => {
      if (!socket.writable || !known) return;
      const admitted = known;
      // Only now: who shows no token takes nobody's place.
      this.clients.checkRoom(admitted.principal);
      socket.removeListener('error', drop);
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.onConnected(ws, callerOf(request), admitted));
    }).catch((error: unknown) => {
      const traceId = traceIdOf(request);
      const failure = refuseUpgrade(socket, this.callers.refused(error, socket), traceId);
      const { code } = failure;
      this.audit.record({ actor: actorOf(known?.principal ?? null), action: 'GET /ws', target: {}, status: HTTP_STATUS[code], code, from: callerOf(request), traceId });
      if (code === 'INTERNAL') this.logger.error({ err: error, traceId }, 'upgrade failed');
    });
  }

  /** The same checks as on a request. @throws HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED, NOT_FOUND, VALIDATION_FAILED, UNAUTHENTICATED, FORBIDDEN, TOO_MANY_REQUESTS */
  private async admit(request: IncomingMessage, socket: Socket, onKnown: (entry: Entry) => void): Promise<void> {
    this.door.check(request, socket.localPort ?? 0);
    if (originForm(request.url).split('?', 1)[0] !== '/ws') throw new AppError('NOT_FOUND');
    refuseTokenInUrl(request.url);
    await this.callers.enter(bearerOf(request.headers) ?? bearerOfProtocols(request.headers), request, (entry) => {
      onKnown(entry);
      checkScope(entry.principal, 'read');
    });
  }

  private onConnected(ws: WebSocket, from: AuditEntry['from'], { principal, token }: Entry): void {
    const client = new LiveClient(ws, this.clients.optionsFor(principal, token), this.commands, from);
    ws.on('close', () => this.clients.delete(client));
    ws.on('error', (error) => this.logger.debug({ err: error }, 'live socket failed'));
    this.clients.add(client);
  }
}
