import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HealthRegistry, Lifecycle } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Publisher } from './feed/publisher.js';
import { Clock, type Stop } from './kernel/clock.js';
import { HEALTH_MS } from './limits.js';
import { ProviderCatalog } from './provider/provider-catalog.js';
import { RunService } from './runner/run.service.js';
import { RunnerRegistry } from './runner/runner-registry.js';
import { LiveSessions } from './supervisor/live-sessions.js';
import { Supervisor } from './supervisor/supervisor.js';

/** What of this service can be in trouble. A store that cannot write makes it not ok; the rest is told and goes on. */
@Injectable()
export class HealthService implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: Stop = () => undefined;

  constructor(
    @Inject(HealthRegistry) private readonly health: HealthRegistry,
    @Inject(Lifecycle) private readonly lifecycle: Pick<Lifecycle, 'leaveWithout'>,
    @Inject(Store) private readonly store: Store,
    @Inject(ProviderCatalog) private readonly catalog: ProviderCatalog,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(RunService) private readonly runs: RunService,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(Supervisor) private readonly supervisor: Supervisor,
    @Inject(Publisher) private readonly publisher: Publisher,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.health.probe('providers', () => ({ names: this.catalog.list().length, problem: this.catalog.problem }));
    this.health.probe('runners', () => {
      const live = this.registry.all().filter(({ heartbeat }) => this.registry.presence(heartbeat.runnerId) === 'live');
      return { live: live.length, impaired: live.filter(({ heartbeat }) => heartbeat.problem !== undefined).length };
    });
    this.health.probe('sessions', () => ({ live: this.live.count, supervised: this.supervisor.active, unsupervised: this.supervisor.failing }));
    this.health.probe('fencing', () => ({ refused: this.runs.refused }));
    this.health.probe('feed', () => ({ cursor: this.store.head().cursor, publishFailures: this.publisher.failures }));
    this.lifecycle.leaveWithout('the store', () => this.store.health().owned);
    this.stop = this.clock.every(HEALTH_MS, () => this.look());
    this.look();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  private look(): void {
    const storage = this.store.health();
    this.health.set('storage', storage.writable, { ...storage });
    // Keeps nobody waiting, and throws nothing: a broken file is kept as its problem.
    void this.catalog.refresh();
  }
}
