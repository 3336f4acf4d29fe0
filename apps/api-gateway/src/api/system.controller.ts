import { Controller, Get, Header, Inject } from '@nestjs/common';
import type { Liveness, Readiness } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { ReadinessProbe } from './readiness.js';
import { Answers, AnswersMedia } from '../openapi/answers.js';

/** What operators and tools ask of the gateway itself. Health and the API's description need no token. */
@Controller()
export class SystemController {
  constructor(
    @Inject(ReadinessProbe) private readonly readiness: ReadinessProbe, @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Answers(200, 'Liveness', 'The gateway runs.')
  @Get('health/live')
  live(): Liveness {
    return { ok: true };
  }

  /** @throws UNAVAILABLE with `checks` saying what is missing, and `problems` why, where that is known */
  @Answers(200, 'Readiness', 'Everything that a session needs is there.', { codes: ['UNAVAILABLE'] })
  @Get('health/ready')
  async ready(): Promise<Readiness> {
    const answer = await this.readiness.check();
    if (!answer.ready) throw new AppError('UNAVAILABLE', undefined, { checks: answer.checks, ...(answer.problems && { problems: answer.problems }) });
    return answer;
  }

  @AnswersMedia('text/plain', 'Metrics, as Prometheus reads them.', { name: 'metrics' })
  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  render() {
    return this.metrics.render();
  }
}
