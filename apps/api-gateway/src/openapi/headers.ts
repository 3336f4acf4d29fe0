import { IDEMPOTENCY_KEY_CHARS_MAX } from '@orbitmesh/contracts';
import type { Operation } from './operations.js';

type Header = Record<string, unknown>;
const header = (name: string, schema: Header, description: string): Header => ({ name, in: 'header', required: false, schema, description });

/** `components.parameters`: what requests may say in their headers. */
export const REQUEST_HEADERS = {
  IdempotencyKey: header('Idempotency-Key', { type: 'string', minLength: 1, maxLength: IDEMPOTENCY_KEY_CHARS_MAX, pattern: '^[\\x21-\\x7e]+$' },
    'Repeats of the request under the same key have one effect and get one answer, for 24 hours.'),
  IfMatch: header('If-Match', { type: 'string' }, 'The revision that the caller saw, as its ETag; another one is 412.'),
  IfNoneMatch: header('If-None-Match', { type: 'string' }, 'The ETag that the caller has; if it is still the present one, the answer is 304.'),
  LastEventId: header('Last-Event-ID', { type: 'string' }, 'The cursor of the last event received; wins over `after`.'),
} as const;

/** `components.headers`: what answers say in theirs. */
export const ANSWER_HEADERS = {
  ETag: { schema: { type: 'string' }, description: 'The revision, quoted.' },
  Location: { schema: { type: 'string' }, description: 'Where what was made is found.' },
  Cursor: { schema: { type: 'string' }, description: 'The place in the feed behind the change: from there on it shows what comes of it.' },
  IdempotentReplayed: { schema: { const: 'true' }, description: 'This is the kept answer of an earlier request with the same Idempotency-Key.' },
  RetryAfter: { schema: { type: 'string', pattern: '^\\d+$' }, description: 'Seconds.' },
  WwwAuthenticate: { schema: { type: 'string' }, description: 'Bearer.' },
} as const;

const refs = <N extends string>(prefix: string, names: readonly N[]): Header[] => names.map((name) => ({ $ref: `${prefix}${name}` }));

/** References to the request headers of an operation; `revised`: its answer has a revision. */
export function requestHeadersOf({ method, conditional, answers }: Operation, revised: boolean): Header[] {
  const names: (keyof typeof REQUEST_HEADERS)[] = [];
  if (method !== 'get') names.push('IdempotencyKey');
  if (conditional) names.push('IfMatch');
  if (method === 'get' && revised && !answers.moving) names.push('IfNoneMatch');
  if (answers.mediaType === 'text/event-stream') names.push('LastEventId');
  return refs('#/components/parameters/', names);
}

/** Those of its answer with this status. */
export function answerHeadersOf({ method, answers }: Operation, status: number, revised: boolean): Record<string, Header> | undefined {
  const names: Record<string, keyof typeof ANSWER_HEADERS> = {};
  if (revised && status !== 204) names['ETag'] = 'ETag';
  if (status === 201) names['Location'] = 'Location';
  if (method !== 'get') Object.assign(names, { ...(!answers.local && { 'X-OrbitMesh-Cursor': 'Cursor' }), 'Idempotent-Replayed': 'IdempotentReplayed' });
  return referred(names);
}

export function errorHeadersOf(status: number): Record<string, Header> | undefined {
  if (status === 401) return referred({ 'WWW-Authenticate': 'WwwAuthenticate' });
  return status === 429 || status === 503 ? referred({ 'Retry-After': 'RetryAfter' }) : undefined;
}

function referred(names: Record<string, keyof typeof ANSWER_HEADERS>): Record<string, Header> | undefined {
  const entries = Object.entries(names).map(([name, component]): [string, Header] => [name, { $ref: `#/components/headers/${component}` }]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
