import { SessionRpc, type FactBatch, type Heartbeat, type Topic } from '@orbitmesh/contracts';
import { AppError, type NumberedFact, type RunFact } from '@orbitmesh/domain';
import { Bus } from '@orbitmesh/messaging';

/** The facts on their way to whoever serves them, for one who only listens. */
const OVERHEARD = { kind: 'req', name: `${SessionRpc.facts.owner}.${SessionRpc.facts.name}` } as unknown as Topic<FactBatch>;

/** A session-service of the tests: grants claims, acknowledges facts, and remembers all it was told. */
export class ScriptedSession {
  readonly heartbeats: Heartbeat[] = [];
  readonly claims: { runId: string; epoch: number }[] = [];
  /** Every batch as it came, repetitions too. */
  readonly batches: FactBatch[] = [];
  readonly facts = new Map<string, NumberedFact[]>();
  /** Runs it does not want to be held. */
  readonly unwanted = new Set<string>();
  refuseClaims: AppError | undefined;
  /** Claims are answered after this. */
  claimDelayMs = 0;
  acknowledging = true;
  stale = false;

  private constructor(readonly bus: Bus) {}

  static async start(url: string, installationId: string): Promise<ScriptedSession> {
    const session = new ScriptedSession(await Bus.connect({ url, installationId, name: 'scripted-session' }));
    session.serve();
    await session.bus.flush();
    return session;
  }

  /** Another reader of the same facts. It answers nothing: an owner is one process, and of two each would tell the other's requests to be late. */
  static async overhear(url: string, installationId: string): Promise<ScriptedSession> {
    const session = new ScriptedSession(await Bus.connect({ url, installationId, name: 'overhearing' }));
    session.bus.subscribe(OVERHEARD, (batch) => { session.take(batch); });
    await session.bus.flush();
    return session;
  }

  factsOf<T extends RunFact['type']>(runId: string, type: T): Extract<RunFact, { type: T }>[] {
    return (this.facts.get(runId) ?? []).map(({ fact }) => fact).filter((fact): fact is Extract<RunFact, { type: T }> => fact.type === type);
  }

  /** All that a run wrote, as it would be shown. */
  output(runId: string, stream = 'stdout'): string {
    return this.factsOf(runId, 'output').filter((fact) => fact.stream === stream).map((fact) => fact.content).join('');
  }

  /** The run's last fact, once it has been said. */
  ended(runId: string): Extract<RunFact, { type: 'run_ended' | 'start_failed' }> | undefined {
    const last = this.facts.get(runId)?.at(-1)?.fact;
    return last?.type === 'run_ended' || last?.type === 'start_failed' ? last : undefined;
  }

  private serve(): void {
    this.bus.serve(SessionRpc.claimRun, async ({ runId, epoch }) => {
      this.claims.push({ runId, epoch });
      if (this.claimDelayMs > 0) await new Promise((resolve) => { setTimeout(resolve, this.claimDelayMs); });
      if (this.refuseClaims) throw this.refuseClaims;
      return { granted: true };
    });
    this.bus.serve(SessionRpc.heartbeat, (heartbeat) => {
      this.heartbeats.push(heartbeat);
      return { held: heartbeat.runs.map(({ runId }) => runId).filter((runId) => !this.unwanted.has(runId)), serverTime: new Date().toISOString() };
    });
    this.bus.serve(SessionRpc.facts, (batch) => {
      this.batches.push(batch);
      if (this.stale) return { ackedRunSeq: 0, stale: true };
      if (!this.acknowledging) throw new AppError('UNAVAILABLE');
      return { ackedRunSeq: this.take(batch) };
    });
  }

  /** Like the real one: drops what it has, stops at a gap. */
  private take({ runId, facts }: FactBatch): number {
    const known = this.facts.get(runId) ?? [];
    this.facts.set(runId, known);
    for (const fact of facts) if (fact.runSeq === known.length + 1) known.push(fact);
    return known.length;
  }
}
