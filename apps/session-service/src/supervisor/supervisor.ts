import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { isTerminal, type Session } from '@orbitmesh/domain';
import { Bus } from '@orbitmesh/messaging';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Clock, type Stop } from '../kernel/clock.js';
import { Grace } from '../kernel/grace.js';
import { RESEND_MS, TICK_MS, WAITS_TOLD_AT_ONCE } from '../limits.js';
import { Placement } from '../placement/placement.js';
import { ProviderCatalog } from '../provider/provider-catalog.js';
import { RunnerRegistry } from '../runner/runner-registry.js';
import { COLLECTIONS } from '../store/collections.js';
import { Indexes } from '../store/indexes.js';
import { LiveSessions } from './live-sessions.js';
import { nextSteps, type Step, type World } from './next-steps.js';
import { SendGate } from './send-gate.js';
import { StepExecutor } from './step-executor.js';

/** What was tried for a session; monotonic ms. */
interface Attempts { byKey: Map<string, number>; restUntil: number }

/**
 * Makes reality match what is recorded (design §1.4). Every session that has not ended is looked at after each of its
 * changes and at every tick; one at a time for each session, many sessions at once.
 */
@Injectable()
export class Supervisor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly gate = new SendGate();
  private readonly attempts = new Map<string, Attempts>();
  private readonly busy = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly changed = new Set<string>();
  /** Sessions that nothing can be decided for: a damaged document, or a mistake of ours. */
  private readonly undecided = new Set<string>();
  /** How many are being told what they wait for. */
  private telling = 0;
  private stops: Stop[] = [];
  private running = false;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(StepExecutor) private readonly executor: StepExecutor,
    @Inject(Placement) private readonly placement: Placement,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(ProviderCatalog) private readonly catalog: ProviderCatalog,
    @Inject(Indexes) private readonly indexes: Indexes,
    @Inject(Grace) private readonly grace: Grace,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Bus) private readonly bus: Pick<Bus, 'onStatus' | 'connected'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = true;
    this.live.onSettled((id) => this.lookSoon(id));
    this.registry.onReturn((runnerId) => this.sayAgain(runnerId));
    this.registry.onRefused((id) => this.goElsewhere(id));
    this.stops = [
      this.clock.every(TICK_MS, () => this.lookAtAll()),
      this.bus.onStatus((status) => { if (status === 'connected') this.startOver(); }),
    ];
    this.startOver();
  }

  async onModuleDestroy(): Promise<void> {
    this.running = false;
    for (const stop of this.stops) stop();
    await Promise.all(this.busy.values());
  }

  /** Sessions being worked on, for health. */
  get active(): number {
    return this.busy.size;
  }

  /** Sessions that cannot be supervised, for health. */
  get failing(): number {
    return this.undecided.size;
  }

  /** Resolves when nothing is being worked on right now. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy.values());
  }

  /** After our start and after a reconnect: leases and windows begin anew, and everything is said again at once. */
  private startOver(): void {
    this.grace.restart();
    this.attempts.clear();
    this.lookAtAll();
  }

  /** What was said to a runner's former process, or while it was away, may have reached nobody. */
  private sayAgain(runnerId: string): void {
    this.placeWaiting();
    for (const { id } of this.live.ofRunner(runnerId)) {
      this.attempts.delete(id);
      this.look(id);
    }
  }

  /** Another runner is not to wait for what one would not take. */
  private goElsewhere(sessionId: string): void {
    this.attempts.delete(sessionId);
    this.placeWaiting();
    this.lookSoon(sessionId);
  }

  private lookAtAll(): void {
    this.placeWaiting();
    for (const id of this.live.ids()) this.look(id);
  }

  /** When everything that changes at this moment has: any of it may have made room for those that wait. */
  private lookSoon(sessionId: string): void {
    if (this.changed.size === 0) {
      queueMicrotask(() => {
        const changed = [...this.changed];
        this.changed.clear();
        if (this.running) {
          this.observe();
          this.placement.roundAfterMoves();
        }
        for (const id of changed) this.look(id);
      });
    }
    this.changed.add(sessionId);
  }

  private placeWaiting(): void {
    if (!this.running) return;
    this.observe();
    this.placement.round();
  }

  /** Before anything is decided from time: after a wake-up, messages may be handled before the timer is. */
  private observe(): void {
    if (this.grace.observe()) this.logger.warn('woke up late, leases start over');
  }

  private look(sessionId: string): void {
    if (!this.running) return;
    this.observe();
    if (this.busy.has(sessionId)) {
      this.again.add(sessionId);
      return;
    }
    const step = this.next(sessionId);
    if (!step) return;
    const work = this.work(sessionId, step).finally(() => {
      this.busy.delete(sessionId);
      if (this.again.delete(sessionId)) this.look(sessionId);
    });
    this.busy.set(sessionId, work);
  }

  /** Step after step, each decided on the session as it is then. */
  private async work(sessionId: string, first: Decided): Promise<void> {
    for (let next: Decided | null = first; next && this.running; next = this.next(sessionId)) {
      if (!(await this.attempt(next))) return;
    }
  }

  private async attempt({ session, step }: Decided): Promise<boolean> {
    const leave = this.enter(session, step);
    if (!leave) return false;
    // Kept over the wait: where everything is to be said again meanwhile, these no longer count.
    const attempts = this.attemptsOf(session.id);
    attempts.byKey.set(step.key, this.clock.monotonic());
    try {
      const done = await this.executor.execute(session, step);
      if (!done) attempts.restUntil = this.clock.monotonic() + (step.type === 'send' ? RESEND_MS : 0);
      return done;
    } catch (err) {
      this.logger.warn({ err, sessionId: session.id, step: step.type }, 'step failed, will be tried again');
      return false;
    } finally {
      leave();
    }
  }

  /** Null: as many of its kind as may be are on their way; its turn comes at a later tick. */
  private enter(session: Session, step: Step): (() => void) | null {
    if (step.type === 'wait') {
      if (this.telling >= WAITS_TOLD_AT_ONCE) return null;
      this.telling += 1;
      return () => { this.telling -= 1; };
    }
    if (step.type !== 'send') return () => undefined;
    const { runnerId } = session.run!;
    return this.gate.enter(runnerId) ? () => this.gate.leave(runnerId) : null;
  }

  /** One session for which nothing can be decided must not keep the others from being looked at. */
  private next(sessionId: string): Decided | null {
    try {
      const decided = this.decide(sessionId);
      this.undecided.delete(sessionId);
      return decided;
    } catch (err) {
      if (!this.undecided.has(sessionId)) this.logger.error({ err, sessionId }, 'a session cannot be supervised');
      this.undecided.add(sessionId);
      return null;
    }
  }

  /** The first step that is due: decided on what is durable, as it touches the world outside. */
  private decide(sessionId: string): Decided | null {
    const session = this.store.durable.get<Session>(COLLECTIONS.sessions, sessionId);
    if (!session || isTerminal(session)) {
      this.attempts.delete(sessionId);
      this.registry.forgetRefusals(sessionId);
      return null;
    }
    const steps = nextSteps(session, this.worldOf(session), this.clock.wall());
    const now = this.clock.monotonic();
    const { byKey, restUntil } = this.attemptsOf(sessionId);
    for (const [key, at] of byKey) if (now - at >= RESEND_MS) byKey.delete(key);
    const step = steps.find(({ type, key }) => !byKey.has(key) && (type !== 'send' || now >= restUntil));
    return step ? { session, step } : null;
  }

  private worldOf(session: Session): World {
    const runnerId = session.run?.runnerId;
    return {
      graceSince: this.grace.since,
      clockSetAt: this.grace.clockSetAt,
      connected: this.bus.connected,
      presence: runnerId === undefined ? 'silent' : this.registry.presence(runnerId),
      refused: runnerId !== undefined && this.registry.hasRefused(session.id, runnerId),
      waiting: () => this.placement.waitingOf(session.id),
      mail: this.indexes.queuedFor(this.store.durable, session.id),
      stallMs: this.catalog.get(session.providerType)?.stallMs ?? null,
    };
  }

  private attemptsOf(sessionId: string): Attempts {
    let attempts = this.attempts.get(sessionId);
    if (!attempts) {
      attempts = { byKey: new Map(), restUntil: 0 };
      this.attempts.set(sessionId, attempts);
    }
    return attempts;
  }
}

interface Decided { session: Session; step: Step }
