import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { problemOf, toAppError } from './problem.js';
import { RouteTable } from './route-table.js';

/** Every error of every request leaves through here, as application/problem+json. */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(RouteTable) private readonly routes: RouteTable, @Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.send(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  send(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const failure = this.refined(toAppError(error), request, reply);
    const { status, headers, body } = problemOf(failure, request.id);
    if (failure.code === 'INTERNAL') this.logger.error({ err: failure.cause ?? failure, traceId: request.id, route: request.routeOptions?.url }, 'request failed');
    // Bytes, not text: Fastify would add a charset, which this type does not have (RFC 9457 §3).
    void reply.status(status).headers(headers).send(Buffer.from(JSON.stringify(body)));
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
