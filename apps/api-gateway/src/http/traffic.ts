import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { REQUESTS_IN_FLIGHT_MAX } from '../limits.js';

/** Counts what is being answered, so that there is a bound to it and an end to wait for. */
@Injectable()
export class Traffic {
  private inFlight = 0;
  private onIdle: (() => void) | undefined;

  constructor(@Inject(Metrics) private readonly metrics: Metrics) {
    metrics.gaugeOf('orbitmesh_http_requests_in_flight', 'Requests being answered.', () => this.inFlight);
  }

  /** Counts the request even when it refuses it: its refusal is an answer too. @throws TOO_MANY_REQUESTS */
  begin(): void {
    this.inFlight += 1;
    if (this.inFlight > REQUESTS_IN_FLIGHT_MAX) throw new AppError('TOO_MANY_REQUESTS');
  }

  end(method: string, status: number, seconds: number): void {
    this.inFlight -= 1;
    this.metrics.count('orbitmesh_http_requests_total', 'Requests answered.', { method, status: `${Math.floor(status / 100)}xx` });
    this.metrics.observe('orbitmesh_http_request_seconds', 'From the request to its answer.', seconds);
    if (this.inFlight === 0) this.onIdle?.();
  }

  /** Resolves when nothing is being answered, at the latest after `timeoutMs`; true when it is so. */
  async idle(timeoutMs: number): Promise<boolean> {
    if (this.inFlight === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
    return this.inFlight === 0;
  }
}
