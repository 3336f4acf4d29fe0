import { Injectable } from '@nestjs/common';
import type { ParkedReason } from '@orbitmesh/contracts';
import { Metrics } from '@orbitmesh/service-kit';

/** What has become of deliveries since the start, for health and metrics. */
@Injectable()
export class DeliveryCounts {
  private readonly sums = { delivered: 0, failedAttempts: 0, parked: 0, droppedPending: 0, droppedParked: 0 };

  constructor(private readonly metrics: Metrics) {}

  delivered(): void {
    this.sums.delivered += 1;
    this.metrics.count('orbitmesh_webhook_deliveries_total', 'Deliveries that are over, by how.', { result: 'delivered' });
  }

  failedAttempt(): void {
    this.sums.failedAttempts += 1;
    this.metrics.count('orbitmesh_webhook_failed_attempts_total', 'Requests to webhooks that were not taken.');
  }

  parked(reason: ParkedReason, by = 1): void {
    this.sums.parked += by;
    this.metrics.count('orbitmesh_webhook_deliveries_total', 'Deliveries that are over, by how.', { result: 'parked', reason }, by);
  }

  /** `pending`: with their webhook, deleted or set inactive. `parked`: for newer ones. */
  dropped(state: 'pending' | 'parked', by: number): void {
    this.sums[state === 'pending' ? 'droppedPending' : 'droppedParked'] += by;
    this.metrics.count('orbitmesh_webhook_deliveries_total', 'Deliveries that are over, by how.', { result: 'dropped', state }, by);
  }

  all(): Readonly<Record<string, number>> {
    return { ...this.sums };
  }
}
