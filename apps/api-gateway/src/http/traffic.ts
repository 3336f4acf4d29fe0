import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { PUBLIC_REQUESTS_MAX, REQUESTS_IN_FLIGHT_MAX } from '../limits.js';
import { Shares } from './shares.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where Traffic counts it; null before and after. */
    place: Place | null;
    /** Of performance.now(). */
    arrivedAt: number;
  }
}

/** `arriving`: nobody knows yet whose it is. `open`: of anybody. `held`: it is answered when something happens. */
type Place = 'arriving' | 'open' | 'inFlight' | 'held';

/**
 * Counts what is being answered, so that there is a bound to it and an end to wait for. Who shows no token takes no place of those
 * who do: what is refused is answered and gone, and what everybody may ask has places of its own.
 */
@Injectable()
export class Traffic {
  private readonly counts: Record<Place, number> = { arriving: 0, open: 0, inFlight: 0, held: 0 };
  /** Who has the places in flight: a request takes one before its body is there, which may take its time. */
  private readonly shares = new Shares(REQUESTS_IN_FLIGHT_MAX);
  private onIdle: (() => void) | undefined;

  constructor(@Inject(Metrics) private readonly metrics: Metrics) {
    metrics.gaugeOf('orbitmesh_http_requests_in_flight', 'Requests being answered, without those that wait for something.', () => this.counts.open + this.counts.inFlight);
    metrics.gaugeOf('orbitmesh_http_requests_held', 'Requests that are answered when something happens: waits for mail, event streams.', () => this.counts.held);
  }

  begin(request: FastifyRequest): void {
    request.place = 'arriving';
    request.arrivedAt = performance.now();
    this.counts.arriving += 1;
  }

  /** It may be answered, to somebody with a token or to anybody. @throws TOO_MANY_REQUESTS */
  enter(request: FastifyRequest): void {
    // Who has hung up meanwhile has no place any more.
    if (request.place === null) return;
    const { principal } = request;
    const hasRoom = principal ? this.shares.take(principal) : this.counts.open < PUBLIC_REQUESTS_MAX;
    if (!hasRoom) throw new AppError('TOO_MANY_REQUESTS');
    this.vacate(request);
    this.occupy(request, principal ? 'inFlight' : 'open');
  }

  /** It leaves its place to ordinary requests; whoever holds it has a bound for that. */
  hold(request: FastifyRequest): void {
    if (request.place !== 'inFlight') return;
    this.vacate(request);
    this.occupy(request, 'held');
    // It is silent for longer than an answer may be.
    request.raw.socket.setTimeout(0);
  }

  /** Once: what comes later of the same request changes nothing. */
  end(request: FastifyRequest, status: number): void {
    const { place } = request;
    // One whose URL could not be read is told by the router of its own kind: it never began.
    if (!place) return;
    this.vacate(request);
    this.metrics.count('orbitmesh_http_requests_total', 'Requests answered.', { method: request.method, status: `${Math.floor(status / 100)}xx` });
    if (place !== 'held') this.metrics.observe('orbitmesh_http_request_seconds', 'From the request to its answer.', (performance.now() - request.arrivedAt) / 1_000);
    if (this.isIdle) this.onIdle?.();
  }

  /** Resolves when nothing is being answered, at the latest after `timeoutMs`; true when it is so. */
  async idle(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    // The end of one may be the turn of the next on its connection.
    while (!this.isIdle && performance.now() < deadline) await this.nextIdle(deadline - performance.now());
    return this.isIdle;
  }

  private async nextIdle(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }

  private get isIdle(): boolean {
    return Object.values(this.counts).every((count) => count === 0);
  }

  private occupy(request: FastifyRequest, place: Place): void {
    this.counts[place] += 1;
    request.place = place;
  }

  private vacate(request: FastifyRequest): void {
    const { place, principal } = request;
    if (place === null) return;
    if (place === 'inFlight' && principal) this.shares.leave(principal);
    this.counts[place] -= 1;
    request.place = null;
  }
}
