import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { REQUESTS_IN_FLIGHT_MAX } from '../limits.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** It is answered when something happens, not as soon as it can be. */
    isHeld: boolean;
  }
}

/** Counts what is being answered, so that there is a bound to it and an end to wait for. */
@Injectable()
export class Traffic {
  private inFlight = 0;
  private held = 0;
  private onIdle: (() => void) | undefined;

  constructor(@Inject(Metrics) private readonly metrics: Metrics) {
    metrics.gaugeOf('orbitmesh_http_requests_in_flight', 'Requests being answered, without those that wait for something.', () => this.inFlight);
    metrics.gaugeOf('orbitmesh_http_requests_held', 'Requests that are answered when something happens: waits for mail, event streams.', () => this.held);
  }

  /** Counts the request even when it refuses it: its refusal is an answer too. @throws TOO_MANY_REQUESTS */
  begin(): void {
    this.inFlight += 1;
    if (this.inFlight > REQUESTS_IN_FLIGHT_MAX) throw new AppError('TOO_MANY_REQUESTS');
  }

  /** It leaves its place to ordinary requests; whoever holds it has a bound for that. */
  hold(request: FastifyRequest): void {
    if (request.isHeld) return;
    request.isHeld = true;
    this.inFlight -= 1;
    this.held += 1;
  }

  end(request: FastifyRequest, status: number, seconds: number): void {
    if (request.isHeld) this.held -= 1;
    else this.inFlight -= 1;
    this.metrics.count('orbitmesh_http_requests_total', 'Requests answered.', { method: request.method, status: `${Math.floor(status / 100)}xx` });
    if (!request.isHeld) this.metrics.observe('orbitmesh_http_request_seconds', 'From the request to its answer.', seconds);
    if (this.isIdle) this.onIdle?.();
  }

  /** Resolves when nothing is being answered, at the latest after `timeoutMs`; true when it is so. */
  async idle(timeoutMs: number): Promise<boolean> {
    if (this.isIdle) return true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
    return this.isIdle;
  }

  private get isIdle(): boolean {
    return this.inFlight === 0 && this.held === 0;
  }
}
