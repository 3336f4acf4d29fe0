import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { answerEarly, isUnread } from './early-answer.js';
import { problemOf, toAppError } from './problem.js';
import { RouteTable } from './route-table.js';
import { Traffic } from './traffic.js';

/** Every error of every request leaves through here, as application/problem+json. */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(RouteTable) private readonly routes: RouteTable, @Inject(Traffic) private readonly traffic: Traffic, @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.send(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  send(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const failure = this.refined(toAppError(error), request, reply);
    const { status, headers, body } = problemOf(failure, request.id);
    request.failure = failure.code;
    if (failure.code === 'INTERNAL') this.logger.error({ err: failure.cause ?? failure, traceId: request.id, route: request.routeOptions?.url }, 'request failed');
    // Bytes, not text: Fastify would add a charset, which this type does not have (RFC 9457 §3).
    const bytes = Buffer.from(JSON.stringify(body));
    if (!isUnread(request)) {
      void reply.status(status).headers(headers).send(bytes);
      return;
    }
    answerEarly(request, reply, status, headers, bytes);
    // It is answered: what is still to come of it neither takes a place nor holds up a shutdown.
    this.traffic.end(request, status);
  }

  /** No route: is it the path that is wrong, or the method? */
  private refined(failure: AppError, request: FastifyRequest, reply: FastifyReply): AppError {
    if (failure.code !== 'NOT_FOUND' || !request.is404) return failure;
    const allowed = this.routes.methodsOf(request.url.split('?', 1)[0]);
    if (allowed.length === 0 || allowed.includes(request.method)) return failure;
    reply.header('allow', allowed.join(', '));
    return new AppError('METHOD_NOT_ALLOWED', undefined, { allowed });
  }
}
