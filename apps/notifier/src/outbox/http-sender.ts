import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Injectable } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { ANSWER_BYTES_MAX, ATTEMPT_MS_MAX } from '../limits.js';
import type { AttemptResult } from './delivery.js';

export interface Post { url: string; headers: Record<string, string>; body: string }

/** One POST to an endpoint of others: bounded in time, never redirected, and nothing of what it answers is kept. */
@Injectable()
export class HttpSender {
  constructor(private readonly clock: Clock) {}

  /** null: stopped by us, so nothing is known of it. Whatever the endpoint does is a result, never an error. */
  send({ url, headers, body }: Post, stop: AbortSignal): Promise<AttemptResult | null> {
    return new Promise((resolve) => {
      const target = new URL(url);
      const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
      const fail = (error: string): void => resolve({ status: null, error, retryAfterMs: null });
      // A connection of its own: one that was kept may be closed by the other side just now, which would look like a failure.
      const outgoing = request(target, { method: 'POST', agent: false, headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
      const late = this.clock.after(ATTEMPT_MS_MAX, () => {
        fail(`There was no answer within ${ATTEMPT_MS_MAX / 1_000} s.`);
        outgoing.destroy();
      });
      const onStop = (): void => {
        resolve(null);
        outgoing.destroy();
      };
      stop.addEventListener('abort', onStop, { once: true });
      outgoing.on('response', (answer) => {
        resolve(this.resultOf(answer));
        discard(answer);
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => fail(`There was no answer: ${error.code ?? error.name}.`));
      outgoing.on('close', () => {
        late();
        stop.removeEventListener('abort', onStop);
        fail('The connection was closed without an answer.');
      });
      if (stop.aborted) onStop();
      else outgoing.end(body);
    });
  }

  private resultOf({ statusCode: status = 0, headers }: IncomingMessage): AttemptResult {
    if (status >= 200 && status < 300) return { status, error: null, retryAfterMs: null };
    const error = status >= 300 && status < 400 ? `It answered ${status}; redirects are not followed, set the URL that it leads to.` : `It answered ${status}.`;
    return { status, error, retryAfterMs: this.waitOf(headers['retry-after']) };
  }

  /** RFC 9110 §10.2.3: seconds, or a date. */
  private waitOf(header: string | undefined): number | null {
    if (header === undefined) return null;
    if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
    // Date.parse takes much that is no date.
    const at = /^[A-Z][a-z]{2}, .+ GMT$/.test(header) ? Date.parse(header) : NaN;
    return Number.isNaN(at) ? null : Math.max(0, at - this.clock.wall());
  }
}

/** Lets the endpoint end its answer, within a bound: cutting it short looks like a broken client to many servers. */
function discard(answer: IncomingMessage): void {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) answer.destroy();
  });
  // The verdict is in the status already.
  answer.on('error', () => undefined);
}
