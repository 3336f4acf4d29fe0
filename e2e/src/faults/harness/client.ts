import { setTimeout as delay } from 'node:timers/promises';
import { ATTEMPT_MS_MAX, COMMAND_MS_MAX, RETRY_MS } from './limits.js';

export interface Reply<T> { status: number; body: T; replayed: boolean; cursor: string | null }

/** What a client is told when nobody can do it now: it asks again, under the same key. */
const TRY_AGAIN = new Set([429, 502, 503, 504]);

/** A client that insists: until it is answered it repeats the same command under the same key. */
export class Client {
  /** Attempts that were not answered, or with `try again`. */
  retries = 0;
  /** Set when there is nothing to wait for any more. */
  abandoned = false;

  constructor(readonly url: string, readonly token: string) {}

  /** @throws when the answer is a refusal, or nobody answers in COMMAND_MS_MAX */
  async insist<T>(method: string, path: string, options: { body?: unknown; key?: string } = {}): Promise<Reply<T>> {
    const until = performance.now() + COMMAND_MS_MAX;
    for (let last: unknown = null; ; ) {
      const answer = await this.attempt<T>(method, path, options).catch((error: unknown) => { last = error; return null; });
      if (answer && answer.status < 300) return answer;
      if (answer && !TRY_AGAIN.has(answer.status)) throw new Error(`${method} ${path} was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
      if (answer) last = answer;
      if (this.abandoned || performance.now() > until) throw new Error(`${method} ${path} was not answered: ${JSON.stringify(last)}`, { cause: last });
      this.retries += 1;
      await delay(RETRY_MS);
    }
  }

  async get<T>(path: string): Promise<T> {
    return (await this.insist<T>('GET', path)).body;
  }

  /** Once. @throws when nothing is answered */
  async attempt<T>(method: string, path: string, { body, key }: { body?: unknown; key?: string } = {}): Promise<Reply<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      signal: AbortSignal.timeout(ATTEMPT_MS_MAX),
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T, replayed: response.headers.has('idempotent-replayed'), cursor: response.headers.get('x-orbitmesh-cursor') };
  }

  /** Every event after a cursor. */
  async eventsAfter<E>(cursor: string | null): Promise<E[]> {
    const all: E[] = [];
    for (let after = cursor; ; ) {
      const page = await this.get<{ items: E[]; nextCursor: string }>(`/api/events?limit=200${after === null ? '' : `&after=${encodeURIComponent(after)}`}`);
      if (page.items.length === 0) return all;
      all.push(...page.items);
      after = page.nextCursor;
    }
  }
}
