import { Inject, Injectable } from '@nestjs/common';
import { NotifierRpc, SessionRpc, type Readiness, type ServiceHealth } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry, Lifecycle } from '@orbitmesh/service-kit';
import { READINESS_CACHE_MS, READINESS_TIMEOUT_MS } from '../limits.js';

/** Ready: this gateway, session-service and at least one runner, be it drained by intent (design §6); how the notifier is, is told beside it. */
@Injectable()
export class ReadinessProbe {
  private latest: { at: number; answer: Promise<Readiness> } | undefined;

  constructor(
    @Inject(Bus) private readonly bus: Bus, @Inject(HealthRegistry) private readonly health: HealthRegistry, @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
  ) {}

  /** Shared by everybody who asks at about the same time: the route needs no token. */
  check(): Promise<Readiness> {
    const now = performance.now();
    if (!this.latest || now - this.latest.at > READINESS_CACHE_MS) this.latest = { at: now, answer: this.ask() };
    return this.latest.answer;
  }

  private async ask(): Promise<Readiness> {
    const options = { timeoutMs: READINESS_TIMEOUT_MS };
    const [service, runners, notifier] = await Promise.allSettled([
      this.bus.request(SessionRpc.health, {}, options), this.bus.request(SessionRpc.listRunners, {}, options), this.bus.request(NotifierRpc.health, {}, options),
    ]);
    const checks = {
      gateway: this.health.ok && !this.lifecycle.stopping,
      sessionService: service.status === 'fulfilled' && service.value.ok,
      runners: runners.status === 'fulfilled' ? runners.value.items.filter(({ state, drain }) => state === 'connected' || (drain !== null && (state === 'draining' || state === 'drained'))).length : 0,
      notifier: notifier.status === 'fulfilled' && notifier.value.ok,
    };
    const problems = { ...problemOf('sessionService', service), ...problemOf('notifier', notifier) };
    return { ready: checks.gateway && checks.sessionService && checks.runners > 0, checks, ...(Object.keys(problems).length > 0 && { problems }) };
  }
}

/** In the words of its parts that are not as they should be, or have something to say though they are; they are made for everybody who may ask. */
function problemOf(name: keyof NonNullable<Readiness['problems']>, asked: PromiseSettledResult<ServiceHealth>): Readiness['problems'] {
  if (asked.status === 'rejected') return {};
  const said = Object.values(asked.value.details).flatMap((part) => {
    const { ok, problem, notice } = part as { ok?: unknown; problem?: unknown; notice?: unknown };
    return [ok === false ? problem : undefined, notice].filter((one) => typeof one === 'string');
  });
  return said.length > 0 ? { [name]: said.join(' ') } : {};
}
