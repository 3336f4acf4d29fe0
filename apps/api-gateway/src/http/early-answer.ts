import { finished } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { REFUSED_LINGER_MS } from '../limits.js';

/** Is there a body on its way that nobody has read to its end? */
export function isUnread({ raw }: FastifyRequest): boolean {
  return !raw.complete && !raw.destroyed;
}

/**
 * An answer while its request is still arriving: whole and at once, but the connection stays until the rest has been read (and
 * dropped), or REFUSED_LINGER_MS are over. Closed with unread bytes it would be reset, which overtakes the answer.
 */
export function answerEarly(request: FastifyRequest, reply: FastifyReply, status: number, headers: Record<string, string>, body: Buffer): void {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(status, { ...reply.getHeaders() as Record<string, string>, ...headers, 'content-length': body.length });
  response.write(body);
  const end = () => {
    clearTimeout(late);
    response.end();
  };
  const late = setTimeout(end, REFUSED_LINGER_MS).unref();
  finished(request.raw, { writable: false }, end);
  request.raw.resume();
}
