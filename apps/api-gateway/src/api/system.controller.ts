import { Controller, Get, Inject } from '@nestjs/common';
import { NotifierRpc, SessionRpc, type DamageView, type List, type Liveness, type Readiness, type ServiceHealth } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { Public } from '../http/public.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { ReadinessProbe } from './readiness.js';
import { Answers } from '../openapi/answers.js';

/** What operators and tools ask of the gateway itself. Health and the API's description need no token. */
@Controller()
export class SystemController {
  constructor(
    @Inject(ReadinessProbe) private readonly readiness: ReadinessProbe, @Inject(Relay) private readonly relay: Relay,
  ) {}

  @Public()
  @Answers(200, 'Liveness', 'The gateway runs.')
  @Get('health/live')
  live(): Liveness {
    return { ok: true };
  }

  /** @throws UNAVAILABLE with `checks` saying what is missing, and `problems` why, where that is known */
  @Public()
  @Answers(200, 'Readiness', 'Everything that a session needs is there.', { codes: ['UNAVAILABLE'] })
  @Get('health/ready')
  async ready(): Promise<Readiness> {
    const answer = await this.readiness.check();
    if (!answer.ready) throw new AppError('UNAVAILABLE', undefined, { checks: answer.checks, ...(answer.problems && { problems: answer.problems }) });
    return answer;
  }

  @Answers(200, 'DamageList', 'Lists what the services found damaged, missing or edited by hand in the home, of each the newest 1,000, and when.', { name: 'damages' })
  @Get('api/system/damages')
  async damages(@HttpCall() call: Call): Promise<List<DamageView>> {
    const [sessions, notifier] = await Promise.all([this.relay.read(call, SessionRpc.health, {}), this.relay.read(call, NotifierRpc.health, {})]);
    return { items: [...damagesOf('session-service', sessions), ...damagesOf('notifier', notifier)], nextCursor: null };
  }
}

/** Whichever part of it is its store. A store is in the home by the name of its service. */
function damagesOf(service: DamageView['service'], { details }: ServiceHealth): DamageView[] {
  const quarantined = Object.values(details).flatMap((part) => (part as { quarantined?: Omit<DamageView, 'service'>[] }).quarantined ?? []);
  return quarantined.map(({ file, reason, at }) => ({ service, file: `${service}/${file}`, reason, at }));
}
