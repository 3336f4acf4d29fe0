import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionRpc, type FactBatch, type ServiceName } from '@orbitmesh/contracts';
import { Bus, requestSubject } from '@orbitmesh/messaging';
import type { Chance, TestStack } from '@orbitmesh/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ECHOES_KEPT_MAX, ECHO_ONE_IN } from './limits.js';

/** What no agent ever said: where it is found, somebody was believed who must not be. */
export const GHOST = 'said by a ghost';

/** By which our own are known, which are heard, too. */
const OWN_TRACE = 'ec40'.repeat(8);

/**
 * A network that repeats itself, and runners that should be dead: hears the facts on their way to session-service and
 * says them again, late and in another order, and says others of an older epoch, of another run, or as another runner.
 */
export class FactEcho {
  readonly violations: string[] = [];
  /** Said in all. */
  echoes = 0;
  private readonly kept: FactBatch[] = [];
  private readonly saying = new Set<Promise<void>>();

  private constructor(private readonly listener: NatsConnection, private readonly bus: Bus, private readonly chance: Chance) {}

  /** Only session-service hears facts, and only a runner says some: it goes as both. */
  static async start({ natsUrl, home }: Pick<TestStack, 'natsUrl' | 'home'>, installationId: string, chance: Chance): Promise<FactEcho> {
    const passwordOf = async (service: ServiceName): Promise<string> => (await readFile(join(home, 'run', 'nats', service), 'utf8')).trim();
    const listener = await connect({
      servers: new URL(natsUrl).host, user: 'session-service', pass: await passwordOf('session-service'), maxReconnectAttempts: -1, reconnectTimeWait: 100, waitOnFirstConnect: true,
    });
    const login = { user: 'provider-runner', password: await passwordOf('provider-runner') };
    const echo = new FactEcho(listener, await Bus.connect({ url: natsUrl, installationId, name: 'provider-runner', login }), chance);
    listener.subscribe(requestSubject(installationId, SessionRpc.facts), {
      callback: (_error, message) => { if (!message.headers?.get('traceparent').includes(OWN_TRACE)) echo.hear(message.json()); },
    });
    return echo;
  }

  async stop(): Promise<void> {
    await this.listener.close();
    await Promise.all(this.saying);
    await this.bus.drain();
  }

  private hear(batch: FactBatch): void {
    if (batch.facts.length === 0) return;
    const before = this.kept.at(-1)?.runId === batch.runId ? this.kept.at(-1)! : null;
    this.kept.push(batch);
    if (this.kept.length > ECHOES_KEPT_MAX) this.kept.shift();
    if (!this.chance.oneIn(ECHO_ONE_IN)) return;
    const last = batch.facts[batch.facts.length - 1];
    const ghost = { runSeq: last.runSeq + 1, at: last.at, fact: { type: 'output' as const, stream: 'stdout' as const, content: GHOST } };
    this.say(batch);
    this.say(this.chance.pick(this.kept));
    // As a runner does that was not answered: what is new, behind what was sent before.
    if (before) this.say({ ...batch, facts: [...before.facts, ...batch.facts] });
    this.say({ ...batch, epoch: batch.epoch - 1, facts: [ghost] }, 'an older epoch');
    this.say({ ...batch, runId: `${batch.runId.slice(0, -1)}${batch.runId.endsWith('0') ? '1' : '0'}`, facts: [ghost] }, 'another run');
    this.say({ ...batch, runnerId: 'slot-9', facts: [ghost] }, 'another runner');
  }

  /** @param refusedFor what must keep it from being believed; without it, it may be acknowledged once more */
  private say(batch: FactBatch, refusedFor?: string): void {
    this.echoes += 1;
    const said = this.bus.request(SessionRpc.facts, batch, { traceId: OWN_TRACE }).then(
      ({ stale }) => { if (refusedFor && stale !== true) this.violations.push(`facts of ${refusedFor} were taken for run ${batch.runId}`); },
      // Nobody there, or a refusal.
      () => undefined,
    ).finally(() => this.saying.delete(said));
    this.saying.add(said);
  }
}
