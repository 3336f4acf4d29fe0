import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { Lifecycle } from '@orbitmesh/service-kit';
import { AuditLog } from '../audit/audit.log.js';
import type { Entry } from '../auth/authenticator.js';
import { refuseTokenInUrl } from '../auth/url-token.js';
import { Callers } from './callers.js';
import { bearerOf, Door } from './door.js';
import { ProblemFilter } from './problem.filter.js';
import { Pipelines } from './pipelines.js';
import { isPublic } from './public.js';
import { hasBody } from './request-context.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { Traffic } from './traffic.js';

/** The one type of a body; no other charset, which would be another text under the same bytes. */
const JSON_TYPE = /^application\/json *(?:; *charset="?utf-8"? *)?$/i;
/** Where browsers, which cannot send one there, come with a ticket. */
const STREAM = '/api/events/stream';

/** The first hook of every request, also of those that match no route. */
@Injectable()
export class Entrance {
  constructor(
    @Inject(Door) private readonly door: Door, @Inject(Callers) private readonly callers: Callers, @Inject(Traffic) private readonly traffic: Traffic,
    @Inject(ProblemFilter) private readonly problems: ProblemFilter, @Inject(Lifecycle) private readonly lifecycle: Lifecycle, @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(Pipelines) private readonly pipelines: Pipelines,
  ) {}

  /** Calls `done` for a request that may come in; answers every other itself. */
  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    this.pipelines.inTurn(request.raw, reply.raw, () => this.admit(request, reply).then(
      (admitted) => { if (admitted) done(); },
      (error: unknown) => this.problems.send(this.callers.refused(error, request.socket), request, reply),
    ));
  };

  /** The router could not read the URL: the door is still the first to be asked. */
  onMalformed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    reply.raw.once('close', () => this.audit.answered(request, reply));
    reply.headers(SECURITY_HEADERS);
    try {
      this.door.check(request.raw, request.socket.localPort ?? 0);
      this.problems.send(error, request, reply);
    } catch (refusal) {
      this.problems.send(this.callers.refused(refusal, request.socket), request, reply);
    }
  }

  private async admit(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    // Not Fastify's onResponse: it is not called for a client that hangs up before its answer.
    reply.raw.once('close', () => {
      this.traffic.end(request, reply.statusCode);
      this.audit.answered(request, reply);
    });
    this.traffic.begin(request);
    reply.headers(SECURITY_HEADERS);
    if (this.lifecycle.stopping) reply.header('connection', 'close');
    this.door.check(request.raw, request.socket.localPort ?? 0);
    if (this.door.isForeign(request.headers.origin) && answerCors(request, reply, request.headers.origin)) return false;
    refuseTokenInUrl(request.raw.url);
    if (!isPublic(request)) await this.identify(request);
    this.traffic.enter(request);
    refuseBody(request, reply);
    return true;
  }

  private identify(request: FastifyRequest): Promise<void> {
    const token = bearerOf(request.headers);
    const onKnown = (entry: Entry): void => { Object.assign(request, entry); };
    return request.routeOptions.url === STREAM ? this.callers.enter(token, request.raw, onKnown) : this.callers.identify(token, request.raw, onKnown);
  }
}

/**
 * Wherever there is a body, also where none is taken: what is no JSON by its type is what a page elsewhere could send without being
 * asked (CORS has it ask for `application/json`). One that came compressed would be read as it is (RFC 9110 §15.5.16).
 */
function refuseBody({ headers, raw }: FastifyRequest, reply: FastifyReply): void {
  const { 'content-type': type, 'content-encoding': coding } = headers;
  if (hasBody(raw) && !JSON_TYPE.test(type ?? '')) throw new AppError('UNSUPPORTED_MEDIA_TYPE');
  if (coding === undefined || coding.trim().toLowerCase() === 'identity') return;
  reply.header('accept-encoding', 'identity');
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'A body is taken as it is, without a Content-Encoding.');
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
