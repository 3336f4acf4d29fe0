import type { Socket } from 'node:net';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HTTP_BODY_BYTES_MAX, parseJsonBody } from '@orbitmesh/contracts';
import { NestLogger, type Logger } from '@orbitmesh/service-kit';
import {
  ARRIVAL_CHECK_MS, HEAD_ARRIVAL_MS_MAX, HEADER_BYTES_MAX, KEEP_ALIVE_MS, PATH_PARAMETER_CHARS_MAX, REQUEST_ARRIVAL_MS_MAX, STALLED_MS_MAX,
} from '../limits.js';
import { Connections } from './connections.js';
import { Door, originForm } from './door.js';
import { Entrance } from './entrance.js';
import { Pipelines } from './pipelines.js';
import { sha256, traceIdOf } from './request-context.js';
import { refuseRaw, refuseUnheard } from './raw-problem.js';
import { RouteTable } from './route-table.js';

/** How long a slow caller is waited for, ms; tests wait for less. */
export interface Patience { headMs: number; requestMs: number; checkMs: number; keepAliveMs: number; stalledMs: number }
const PATIENCE: Patience = { headMs: HEAD_ARRIVAL_MS_MAX, requestMs: REQUEST_ARRIVAL_MS_MAX, checkMs: ARRIVAL_CHECK_MS, keepAliveMs: KEEP_ALIVE_MS, stalledMs: STALLED_MS_MAX };

/** The Nest application over Fastify, with everything that comes before a controller; not yet listening. */
export async function createApp(root: DynamicModule, logger: Logger, patience = PATIENCE): Promise<NestFastifyApplication> {
  const late: { entrance?: Entrance } = {};
  const adapter = new FastifyAdapter({
    bodyLimit: HTTP_BODY_BYTES_MAX,
    requestTimeout: patience.requestMs,
    keepAliveTimeout: patience.keepAliveMs,
    connectionTimeout: patience.stalledMs,
    // Node's own answer to a missing Host has no body; the door gives one that has.
    http: { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false, headersTimeout: patience.headMs, connectionsCheckingInterval: patience.checkMs },
    rewriteUrl: (request: { url?: string }) => originForm(request.url),
    routerOptions: { maxParamLength: PATH_PARAMETER_CHARS_MAX },
    genReqId: traceIdOf,
    return503OnClosing: false,
    skipMiddie: true,
    multipart: false,
    // A malformed URL, which never reaches a hook.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => late.entrance?.onMalformed(error, request, reply),
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => refuseRaw(socket, RAW_STATUS[error.code ?? ''] ?? 400),
  } as ConstructorParameters<typeof FastifyAdapter>[0]);
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger: new NestLogger(logger), abortOnError: false, bodyParser: false });
  const server = adapter.getInstance() as unknown as FastifyInstance;
  app.get(RouteTable).watch(server);
  server.decorateRequest('principal', null);
  server.decorateRequest('token', null);
  server.decorateRequest('bodyHash', null);
  server.decorateRequest('failure', null);
  server.decorateRequest('place', null);
  server.decorateRequest('arrivedAt', 0);
  takeJsonOnly(server);
  const entrance = app.get(Entrance);
  late.entrance = entrance;
  adapter.setOnRequestHook(entrance.onRequest as never);
  refuseUnheard(server.server, app.get(Door));
  app.get(Connections).watch(server.server);
  app.get(Pipelines).watch(server.server);
  return app;
}

/** What Node found wrong with what came, where it is not just no HTTP. */
const RAW_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

function takeJsonOnly(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    try {
      request.bodyHash = sha256(bytes);
      done(null, bytes.length === 0 ? undefined : parseJsonBody(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
}
