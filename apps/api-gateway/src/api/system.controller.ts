import { Controller, Get, Header, Inject } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { ReadinessProbe } from './readiness.js';

/** What operators and tools ask of the gateway itself. Health and the API's description need no token. */
@Controller()
export class SystemController {
  constructor(
    @Inject(ReadinessProbe) private readonly readiness: ReadinessProbe, @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live() {
    return { ok: true };
  }

  /** @throws UNAVAILABLE with `checks` saying what is missing */
  @Get('health/ready')
  async ready() {
    const answer = await this.readiness.check();
    if (!answer.ready) throw new AppError('UNAVAILABLE', undefined, { checks: answer.checks });
    return answer;
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  render() {
    return this.metrics.render();
  }
}
