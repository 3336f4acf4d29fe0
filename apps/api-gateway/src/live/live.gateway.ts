import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WebSocketServer, type WebSocket } from 'ws';
import { AppError } from '@orbitmesh/domain';
import { validationError, WS_CLOSE, WS_PROTOCOL } from '@orbitmesh/contracts';
import { Lifecycle, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { Authenticator } from '../auth/authenticator.js';
import type { Principal } from '../auth/principal.js';
import { bearerOf, bearerOfProtocols, Door, originForm } from '../http/door.js';
import { refuseUpgrade } from '../http/raw-problem.js';
import { traceIdOf } from '../http/request-context.js';
import { CLIENT_TICK_MS, CLIENTS_MAX, CLOSE_GRACE_MS, FRAME_BYTES_MAX, PING_INTERVAL_MS, SLOW_CLOSE_MS_MAX } from '../limits.js';
import { EventPager } from './event-pager.js';
import { EventTail, type TailChange } from './event-tail.js';
import { LiveClient } from './live-client.js';

/** The WebSocket `/ws`: who may come in, and everybody who is in (design §5). */
@Injectable()
export class LiveGateway implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly clients = new Set<LiveClient>();
  private readonly sockets = new WebSocketServer({
    noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX,
    ...{ closeTimeout: SLOW_CLOSE_MS_MAX }, // @types/ws does not know it yet.
    handleProtocols: (offered) => (offered.has(WS_PROTOCOL) ? WS_PROTOCOL : false),
  });
  private arriving = 0;
  private timer: NodeJS.Timeout | undefined;
  private nextRecheck = 0;

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost, @Inject(Door) private readonly door: Door,
    @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(EventTail) private readonly tail: EventTail,
    @Inject(EventPager) private readonly pager: EventPager, @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(Metrics) metrics: Metrics, @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.gaugeOf('orbitmesh_live_clients', 'WebSocket clients.', () => this.clients.size);
  }

  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => this.onUpgrade(request, socket, head));
    this.sockets.on('wsClientError', (error, socket, request) => {
      refuseUpgrade(socket as Socket, validationError([{ pointer: '', detail: error.message }], 'header'), traceIdOf(request), { 'sec-websocket-version': '13' });
    });
    this.tail.onChange((change) => this.onTail(change));
    this.timer = setInterval(() => this.tick(), CLIENT_TICK_MS);
  }

  /** Everybody is told to come back (1001), and cut off if they do not close in time. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    for (const client of this.clients) client.close(WS_CLOSE.shutdown, 'shutting down');
    const until = performance.now() + CLOSE_GRACE_MS;
    while (this.clients.size > 0 && performance.now() < until) await new Promise((resolve) => { setTimeout(resolve, 10); });
    for (const client of this.clients) client.terminate();
  }

  private onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const drop = () => socket.destroy();
    socket.on('error', drop);
    this.arriving += 1;
    this.admit(request, socket).then((admitted) => {
      if (!socket.writable) return;
      socket.removeListener('error', drop);
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.onConnected(ws, admitted.principal, admitted.token));
    }).catch((error: unknown) => {
      const traceId = traceIdOf(request);
      const failure = refuseUpgrade(socket, error, traceId);
      if (failure.code === 'INTERNAL') this.logger.error({ err: error, traceId }, 'upgrade failed');
    }).finally(() => { this.arriving -= 1; });
  }

  /** The same checks as on a request. @throws HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, UNAUTHENTICATED */
  private async admit(request: IncomingMessage, socket: Socket): Promise<{ principal: Principal; token: string }> {
    this.door.check(request, socket.localPort ?? 0);
    if (originForm(request.url).split('?', 1)[0] !== '/ws') throw new AppError('NOT_FOUND');
    if (this.lifecycle.stopping || this.clients.size + this.arriving > CLIENTS_MAX) throw new AppError('UNAVAILABLE');
    const token = bearerOf(request.headers) ?? bearerOfProtocols(request.headers);
    return { principal: await this.authenticator.authenticate(token), token: token ?? '' };
  }

  private onConnected(ws: WebSocket, principal: Principal, token: string): void {
    const client = new LiveClient(ws, {
      principal, token, tail: this.tail, pager: this.pager,
      onFault: (error) => this.logger.error({ err: error }, 'live client failed'),
    });
    this.clients.add(client);
    ws.on('close', () => this.clients.delete(client));
    ws.on('error', (error) => this.logger.debug({ err: error }, 'live socket failed'));
    if (this.lifecycle.stopping) client.close(WS_CLOSE.shutdown, 'shutting down');
  }

  private onTail(change: TailChange): void {
    const now = performance.now();
    for (const client of this.clients) {
      if (change === 'degraded') client.degraded();
      else if (change === 'reset') client.reset();
      client.wake();
      if (change === 'recovered') client.sendPosition(now);
    }
  }

  private tick(): void {
    const now = performance.now();
    for (const client of this.clients) client.tick(now);
    if (now < this.nextRecheck) return;
    this.nextRecheck = now + PING_INTERVAL_MS;
    for (const client of this.clients) if (client.principal.actor.kind !== 'admin') void this.recheck(client);
  }

  /** A token may end before its socket does: a user's was removed, an agent's session is over. */
  private async recheck(client: LiveClient): Promise<void> {
    try {
      await this.authenticator.authenticate(client.token);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') client.close(WS_CLOSE.unauthenticated, 'the token is not valid any more');
    }
  }
}
