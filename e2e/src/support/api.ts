import { randomUUID } from 'node:crypto';
import { answerProblem } from '@orbitmesh/testing';

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

export interface RequestOptions {
  body?: unknown;
  /** Sent as it is, instead of `body` as JSON. */
  raw?: string;
  headers?: Record<string, string>;
}

/** The wire, as any client sees it: statuses and headers included, nothing retried; every answer must be as docs/openapi.json says. */
export class Api {
  constructor(readonly url: string, readonly token: string) {}

  async request<T = Record<string, unknown>>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      body,
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const parsed: unknown = text === '' ? null : isJson ? JSON.parse(text) : text;
    const problem = answerProblem({ method, path, status: response.status, headers: response.headers, body: parsed });
    if (problem !== null) throw new Error(`Not as docs/openapi.json says: ${problem}\n${text.slice(0, 2_000)}`);
    return { status: response.status, headers: response.headers, body: parsed as T };
  }

  /** @throws unless the answer is 2xx */
  async ok<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request<T>(method, path, { body });
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  get<T = Record<string, unknown>>(path: string): Promise<T> {
    return this.ok<T>('GET', path);
  }

  post<T = Record<string, unknown>>(path: string, body: unknown = {}): Promise<T> {
    return this.ok<T>('POST', path, body);
  }

  /**
   * A mutation that is repeated under one Idempotency-Key until it is answered: what a client does while a service is
   * down.
   */
  async insist<T = Record<string, unknown>>(method: string, path: string, body: unknown, timeoutMs = 60_000): Promise<T> {
    const key = randomUUID();
    const until = performance.now() + timeoutMs;
    let last: unknown;
    while (performance.now() < until) {
      try {
        const answer = await this.request<T>(method, path, { body, headers: { 'idempotency-key': key } });
        if (answer.status >= 200 && answer.status <= 299) return answer.body;
        if (answer.status !== 503) throw new Refused(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
        last = answer.body;
      } catch (error) {
        if (error instanceof Refused) throw error;
        last = error;
      }
      await new Promise((done) => { setTimeout(done, 100); });
    }
    throw new Error(`${method} ${path} was not answered in ${timeoutMs} ms: ${JSON.stringify(last)}`, { cause: last });
  }
}

class Refused extends Error {}
