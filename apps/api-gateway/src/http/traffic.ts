import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { REQUESTS_IN_FLIGHT_MAX } from '../limits.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where Traffic counts it; null before and after. `held`: it is answered when something happens. */
    place: 'inFlight' | 'held' | null;
    /** Of performance.now(). */
    arrivedAt: number;
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
  begin(request: FastifyRequest): void {
    request.place = 'inFlight';
    request.arrivedAt = performance.now();
    this.inFlight += 1;
    if (this.inFlight > REQUESTS_IN_FLIGHT_MAX) throw new AppError('TOO_MANY_REQUESTS');
  }

  /** It leaves its place to ordinary requests; whoever holds it has a bound for that. */
  hold(request: FastifyRequest): void {
    if (request.place !== 'inFlight') return;
    request.place = 'held';
    this.inFlight -= 1;
    this.held += 1;
  }

  /** Once: what comes later of the same request changes nothing. */
  end(request: FastifyRequest, status: number): void {
    const { place } = request;
    if (place === null) return;
    request.place = null;
    this[place] -= 1;
    this.metrics.count('orbitmesh_http_requests_total', 'Requests answered.', { method: request.method, status: `${Math.floor(status / 100)}xx` });
    if (place === 'inFlight') this.metrics.observe('orbitmesh_http_request_seconds', 'From the request to its answer.', (performance.now() - request.arrivedAt) / 1_000);
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
