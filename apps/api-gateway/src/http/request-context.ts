import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { IDEMPOTENCY_KEY_CHARS_MAX, newTraceId, traceContextOf, validationError, type CommandMeta } from '@orbitmesh/contracts';
import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the door on every route that needs a token. */
    principal: Principal | null;
    /** The token itself, or the one that a ticket stood for: to be asked again. */
    token: string | null;
    /** SHA-256 of the body as it came, hex; null without one. */
    bodyHash: string | null;
  }
}

/** One request, as controllers hand it to the relay. */
export interface Call { request: FastifyRequest; reply: FastifyReply }

export const HttpCall = createParamDecorator((_data: unknown, context: ExecutionContext): Call => {
  const http = context.switchToHttp();
  return { request: http.getRequest<FastifyRequest>(), reply: http.getResponse<FastifyReply>() };
});

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

const NO_BODY_HASH = sha256(Buffer.alloc(0));

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The caller's trace, or a new one. */
export function traceIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  return traceContextOf(request.headers['traceparent'])?.traceId ?? newTraceId();
}

/** @throws VALIDATION_FAILED for a key or an If-Match that cannot be one */
export function commandMetaOf(request: FastifyRequest): CommandMeta {
  const { principal } = request;
  if (!principal) throw new AppError('UNAUTHENTICATED');
  const meta: CommandMeta = { actor: principal.actor, traceId: request.id };
  const key = request.headers['idempotency-key'];
  if (key !== undefined) {
    const scope = `${principal.tokenId} ${request.method} ${request.url.split('?', 1)[0]}`;
    meta.idempotency = { scope, key: checkedKey(key), bodyHash: request.bodyHash ?? NO_BODY_HASH };
  }
  const ifMatch = revisionOf(request.headers['if-match']);
  if (ifMatch !== null) meta.ifMatch = ifMatch;
  return meta;
}

/** @throws VALIDATION_FAILED for what cannot be an Idempotency-Key */
export function checkedKey(key: string | string[]): string {
  const valid = typeof key === 'string' && key.length <= IDEMPOTENCY_KEY_CHARS_MAX && /^[\x21-\x7e]+$/.test(key);
  if (!valid) throw validationError([{ pointer: '/idempotency-key', detail: `must be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters` }], 'header');
  return key;
}

/** No revision is negative: an entity tag that is none of ours (`abc`, and `01` too) matches nothing. */
const MATCHES_NOTHING = -1;

/** RFC 9110 §13.1.1, one tag; null: whatever the revision. Weak and bare ones are taken too. */
function revisionOf(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const match = /^(?:W\/)?(?:"([\x21\x23-\x7e]*)"|(\d+))$/.exec(header.trim());
  if (!match) throw validationError([{ pointer: '/if-match', detail: 'must be one entity tag, or *' }], 'header');
  const tag = match[1] ?? match[2];
  return /^(?:0|[1-9]\d{0,14})$/.test(tag) ? Number(tag) : MATCHES_NOTHING;
}
