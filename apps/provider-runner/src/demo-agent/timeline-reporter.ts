import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TimelineKind } from '@orbitmesh/domain';
import { REPORT_ATTEMPT_MS, REPORT_BACKOFF_FIRST_MS, REPORT_BACKOFF_LAST_MS, REPORT_DEADLINE_MS, REPORT_QUEUE_MAX } from './limits.js';

const RETRIED_STATUSES = new Set([429, 502, 503, 504]);

export interface ReporterConfig {
  apiUrl: string | undefined;
  token: string | undefined;
  sessionId: string;
  /** Where it is said that a report could not be made: stderr, which the runner keeps. */
  warn: (message: string) => void;
  deadlineMs?: number;
}

export type TimelineReport = { kind: TimelineKind; message: string; taskId?: string };

/**
 * Tells OrbitMesh what the agent does, through the REST API with the agent's own token. Reports go out
 * in order, one at a time, each under one Idempotency-Key however often it is tried (design §8), so an
 * answer that was lost doubles nothing. An API that is away is waited for, up to the deadline.
 */
export class TimelineReporter {
  private tail: Promise<void> = Promise.resolve();
  private waiting = 0;
  readonly enabled: boolean;

  constructor(private readonly config: ReporterConfig) {
    this.enabled = Boolean(config.apiUrl && config.token);
  }

  /** Queues a report and returns at once; `flush` waits for it. */
  send(report: TimelineReport): void {
    if (!this.enabled) return;
    if (this.waiting >= REPORT_QUEUE_MAX && report.kind === 'progress') {
      this.config.warn(`dropped a progress report: ${REPORT_QUEUE_MAX} are waiting`);
      return;
    }
    this.waiting += 1;
    this.tail = this.tail.then(() => this.deliver(report)).finally(() => { this.waiting -= 1; });
  }

  /** Resolves once everything queued so far was taken or given up. */
  flush(): Promise<void> {
    return this.tail;
  }

  private async deliver(report: TimelineReport): Promise<void> {
    const url = new URL(`/api/sessions/${this.config.sessionId}/timeline`, this.config.apiUrl);
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.config.token}`, 'idempotency-key': randomUUID() };
    const body = JSON.stringify(report);
    const until = performance.now() + (this.config.deadlineMs ?? REPORT_DEADLINE_MS);
    let backoff = REPORT_BACKOFF_FIRST_MS;
    for (;;) {
      const outcome = await attempt(url, headers, body);
      if (outcome.done) return;
      if (!outcome.retry) return this.config.warn(`the API refused ${report.kind}: ${outcome.reason}`);
      const wait = Math.max(outcome.retryAfterMs, backoff * (0.5 + Math.random() / 2));
      if (performance.now() + wait > until) return this.config.warn(`gave up reporting ${report.kind}: ${outcome.reason}`);
      await delay(wait);
      backoff = Math.min(backoff * 2, REPORT_BACKOFF_LAST_MS);
    }
  }
}

type Attempt = { done: true } | { done: false; retry: boolean; reason: string; retryAfterMs: number };

async function attempt(url: URL, headers: Record<string, string>, body: string): Promise<Attempt> {
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(REPORT_ATTEMPT_MS) });
    const text = (await response.text()).slice(0, 500);
    if (response.ok) return { done: true };
    const retryAfterMs = Math.min(Number(response.headers.get('retry-after')) || 0, 30) * 1000;
    return { done: false, retry: RETRIED_STATUSES.has(response.status), reason: `${response.status} ${text}`, retryAfterMs };
  } catch (error) {
    const { message, cause } = error as Error;
    return { done: false, retry: true, reason: cause instanceof Error ? cause.message : message, retryAfterMs: 0 };
  }
}
