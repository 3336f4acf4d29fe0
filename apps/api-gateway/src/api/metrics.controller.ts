import { Controller, Get, Header, Inject } from '@nestjs/common';
import { METRICS_TIMEOUT_MS, NotifierRpc, RunnerRpc, SessionRpc, type MetricsReport, type MetricSample, type Rpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { Metrics, METRICS_CONTENT_TYPE, metricsText } from '@orbitmesh/service-kit';
import { AnswersMedia } from '../openapi/answers.js';

interface Report { labels: MetricSample['labels']; families: MetricsReport['families'] }
interface Asked { service: string; runnerId?: string; rpc: Rpc<Record<string, never>, MetricsReport> }

const UP = 'orbitmesh_up';

/** What every service counts, in one scrape by one door (ADR-0036). */
@Controller()
export class MetricsController {
  constructor(@Inject(Metrics) private readonly metrics: Metrics, @Inject(Bus) private readonly bus: Bus) {}

  @AnswersMedia('text/plain', 'What all services count, as Prometheus reads it; one that does not answer has `orbitmesh_up` 0.', { name: 'metrics' })
  @Get('metrics')
  @Header('content-type', METRICS_CONTENT_TYPE)
  async all(): Promise<string> {
    const own: Report = { labels: { service: 'api-gateway' }, families: this.metrics.collect() };
    const others = await Promise.all((await this.others()).map((asked) => this.ask(asked)));
    return metricsText([own, ...others]);
  }

  /** The runners that session-service has heard of; with it, they are away. */
  private async others(): Promise<Asked[]> {
    const runners = await this.bus.request(SessionRpc.listRunners, {}, { timeoutMs: METRICS_TIMEOUT_MS }).then(({ items }) => items, () => []);
    return [
      { service: 'session-service', rpc: SessionRpc.metrics }, { service: 'notifier', rpc: NotifierRpc.metrics },
      ...runners.filter(({ state }) => state !== 'lost').map(({ id }) => ({ service: 'provider-runner', runnerId: id, rpc: RunnerRpc.metrics })),
    ];
  }

  private async ask({ service, runnerId, rpc }: Asked): Promise<Report> {
    const labels = { service, ...(runnerId !== undefined && { runner: runnerId }) };
    const up = (value: number): MetricsReport['families'][number] => ({ name: UP, type: 'gauge', help: '1: the service has told its metrics; 0: it does not answer.', samples: [{ suffix: '', labels: {}, value }] });
    try {
      const { families } = await this.bus.request(rpc, {}, { timeoutMs: METRICS_TIMEOUT_MS, ...(runnerId !== undefined && { runnerId }) });
      return { labels, families: [up(1), ...families] };
    } catch {
      return { labels, families: [up(0)] };
    }
  }
}
