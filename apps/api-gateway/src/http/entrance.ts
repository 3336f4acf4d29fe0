import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { Lifecycle } from '@orbitmesh/service-kit';
import { AuditLog } from '../audit/audit.log.js';
import { Authenticator } from '../auth/authenticator.js';
import { bearerOf, Door } from './door.js';
import { ProblemFilter } from './problem.filter.js';
import { Traffic } from './traffic.js';

/** Where a token is needed (design §6). */
const GUARDED = /^\/(?:api|ws|metrics)(?:\/|$)/;

/** The first hook of every request, also of those that match no route. */
@Injectable()
export class Entrance {
  constructor(
    @Inject(Door) private readonly door: Door, @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(Traffic) private readonly traffic: Traffic,
    @Inject(ProblemFilter) private readonly problems: ProblemFilter, @Inject(Lifecycle) private readonly lifecycle: Lifecycle, @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /** Calls `done` for a request that may come in; answers every other itself. */
  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    this.admit(request, reply).then(
      (admitted) => { if (admitted) done(); },
      (error: unknown) => this.problems.send(error, request, reply),
    );
  };

  /** The router could not read the URL: the door is still the first to be asked. */
  onMalformed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    try {
      this.door.check(request.raw, request.socket.localPort ?? 0);
      this.problems.send(error, request, reply);
    } catch (refusal) {
      this.problems.send(refusal, request, reply);
    }
  }

  private async admit(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    // Not Fastify's onResponse: it is not called for a client that hangs up before its answer.
    reply.raw.once('close', () => {
      this.traffic.end(request, reply.statusCode);
      this.audit.answered(request, reply);
    });
    this.traffic.begin(request);
    if (this.lifecycle.stopping) reply.header('connection', 'close');
    this.door.check(request.raw, request.socket.localPort ?? 0);
    if (this.door.isForeign(request.headers.origin) && answerCors(request, reply, request.headers.origin)) return false;
    if (needsToken(request)) request.principal = await this.authenticator.authenticate(bearerOf(request.headers));
    refuseCoding(request, reply);
    return true;
  }
}

/** A body that came compressed would be read as it is: as garbage, or as something else than was meant (RFC 9110 §15.5.16). */
function refuseCoding(request: FastifyRequest, reply: FastifyReply): void {
  const coding = request.headers['content-encoding'];
  if (coding === undefined || coding.trim().toLowerCase() === 'identity') return;
  reply.header('accept-encoding', 'identity');
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'A body is taken as it is, without a Content-Encoding.');
}

/** By the route that matched, where one did: the path as sent may be escaped. */
function needsToken(request: FastifyRequest): boolean {
  return GUARDED.test(request.routeOptions.url ?? decoded(request.url.split('?', 1)[0]));
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new AppError('NOT_FOUND');
  }
}

/** Lets an allowed page read our answers; true when this was its preflight, which carries no token. */
function answerCors(request: FastifyRequest, reply: FastifyReply, origin: string): boolean {
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin')
    .header('access-control-expose-headers', 'ETag, Location, Retry-After, X-OrbitMesh-Cursor');
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
  void reply.status(204).header('access-control-allow-methods', 'GET, POST, PATCH, PUT, DELETE')
    .header('access-control-allow-headers', 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Traceparent')
    .header('access-control-max-age', '600').send();
  return true;
}
