import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, UnreachableError } from './errors.js';
import { ATTEMPT_MS_MAX, ATTEMPTS_MAX, BACKOFF_MS, BACKOFF_MS_MAX, RETRY_AFTER_MS_MAX } from './limits.js';

export interface ConnectionOptions {
  /** `http://host:port` */
  url: string;
  token: string;
  /** Which work all requests are part of (W3C Trace Context). @default each is of its own */
  traceparent?: string;
  /** Over every body, before it is sent. */
  clean?: (body: unknown) => unknown;
  /** Ends every request that is under way, and every wait between attempts. */
  signal?: AbortSignal;
  /** Asked once the attempts are used up, each time again: is a server that cannot be reached on its way back? Then it is tried on. */
  expectedBack?: (triedMs: number) => Promise<boolean>;
}

export interface CallOptions {
  /** If-Match. @throws ApiError 412 when the revision is another one */
  ifMatch?: number;
  /** @default a new one for each mutation, the same for all of its attempts */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface ApiRequest extends CallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: object;
  body?: unknown;
  /** One attempt; the server may be asked to wait for something. @default ATTEMPT_MS_MAX */
  attemptMs?: number;
  /** Tried once: the answer is how it is now. */
  once?: boolean;
}

export interface ApiAnswer<T> {
  status: number;
  body: T;
  /** X-OrbitMesh-Cursor: the feed from here on shows what came of a mutation. null on reads. */
  cursor: string | null;
}

const RETRIED = new Set([429, 502, 503, 504]);
/** What a server says of one behind it that is away; what else it says does not change by waiting for a process. */
const AWAY = new Set(['UNAVAILABLE', 'TIMEOUT', 'HTTP_502', 'HTTP_503', 'HTTP_504']);
/** An answer counts when all of it is there: a gateway may die in the middle of one. */
interface Answer { status: number; headers: Headers; text: string }
type Outcome = { answer: Answer } | { failure: unknown };

/** HTTP with the retries of design §8: only what may succeed later, always under the same Idempotency-Key. */
export class Transport {
  constructor(private readonly options: ConnectionOptions) {}

  /** @throws ApiError, UnreachableError; what `signal` was aborted with */
  async send<T>(request: ApiRequest): Promise<ApiAnswer<T>> {
    const url = this.urlOf(request);
    const init = { method: request.method, headers: this.headersOf(request), body: request.body === undefined ? undefined : JSON.stringify(this.options.clean?.(request.body) ?? request.body) };
    const { signal = this.options.signal, attemptMs = ATTEMPT_MS_MAX } = request;
    const since = performance.now();
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.attempt(url, init, attemptMs, signal);
      if ('answer' in outcome && !RETRIED.has(outcome.answer.status)) return read<T>(outcome.answer);
      const wait = waitAfter(outcome, attempt);
      const again = !request.once && wait <= RETRY_AFTER_MS_MAX && (attempt < ATTEMPTS_MAX || await this.isExpectedBack(outcome, performance.now() - since));
      if (!again) {
        if ('answer' in outcome) return read<T>(outcome.answer);
        throw new UnreachableError(this.options.url, { cause: outcome.failure });
      }
      await delay(wait, undefined, { signal });
    }
  }

  private async isExpectedBack(outcome: Outcome, triedMs: number): Promise<boolean> {
    const away = 'failure' in outcome || AWAY.has(problemOf(outcome.answer).code);
    return away && (await this.options.expectedBack?.(triedMs)) === true;
  }

  private async attempt(url: URL, init: RequestInit, attemptMs: number, signal?: AbortSignal): Promise<Outcome> {
    const late = AbortSignal.timeout(attemptMs);
    try {
      const response = await fetch(url, { ...init, redirect: 'error', signal: signal ? AbortSignal.any([signal, late]) : late });
      return { answer: { status: response.status, headers: response.headers, text: await response.text() } };
    } catch (failure) {
      signal?.throwIfAborted();
      return { failure };
    }
  }

  private urlOf({ path, query = {} }: ApiRequest): URL {
    const url = new URL(path, this.options.url);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.append(key, String(value));
    return url;
  }

  private headersOf({ method, body, ifMatch, idempotencyKey }: ApiRequest): Record<string, string> {
    return {
      accept: 'application/json, application/problem+json',
      authorization: `Bearer ${this.options.token}`,
      ...(this.options.traceparent !== undefined && { traceparent: this.options.traceparent }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(method !== 'GET' && { 'idempotency-key': idempotencyKey ?? randomUUID() }),
      ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
    };
  }
}

function waitAfter(outcome: Outcome, attempt: number): number {
  const backoff = Math.min(BACKOFF_MS * 2 ** (attempt - 1), BACKOFF_MS_MAX) * (0.5 + Math.random() / 2);
  return Math.max(backoff, 'answer' in outcome ? retryAfterMs(outcome.answer) : 0);
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(answer: Answer): number {
  const header = answer.headers.get('retry-after') ?? '';
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}

/** @throws ApiError for what is no success */
function read<T>(answer: Answer): ApiAnswer<T> {
  if (answer.status >= 200 && answer.status <= 299) return { status: answer.status, body: parse(answer.text) as T, cursor: answer.headers.get('x-orbitmesh-cursor') };
  throw problemOf(answer);
}

function problemOf({ status, text }: Answer): ApiError {
  const body = parse(text);
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const code = typeof problem['code'] === 'string' ? problem['code'] : `HTTP_${status}`;
  const detail = typeof problem['detail'] === 'string' ? problem['detail'] : `The server answered ${status}.`;
  return new ApiError(status, code, detail, problem);
}

/** null for what is no JSON: a proxy's page, or nothing. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
