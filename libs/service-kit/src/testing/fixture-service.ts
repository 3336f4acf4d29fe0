import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { IsInt } from 'class-validator';
import { AppError } from '@orbitmesh/domain';
import { defineRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { bootstrapService } from '../bootstrap.js';
import { HealthRegistry } from '../health.registry.js';
import { Installation } from '../installation.js';
import { Lifecycle } from '../lifecycle.js';
import { LOGGER, type Logger } from '../logger.js';
import { EnvNumber, ServiceConfig } from '../service.config.js';

/** Answers after `ms`; what the spec asks the fixture for. */
export const Slow = defineRpc<{ ms: number }, { stoppingMeanwhile: boolean; umask: string }>('notifier', 'slow', 5_000);

/** What the fixture asks the spec for while it stops, which in its turn asks the fixture. */
export const Back = defineRpc<Record<string, never>, { stoppingMeanwhile: boolean }>('session', 'back', 5_000);

export class FixtureConfig extends ServiceConfig {
  @EnvNumber() @IsInt()
  fixtureNumber = 7;
}

@Injectable()
class FixtureService implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    private readonly bus: Bus,
    private readonly config: FixtureConfig,
    private readonly installation: Installation,
    private readonly lifecycle: Lifecycle,
    private readonly health: HealthRegistry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const fault = process.env.FIXTURE_FAULT;
    if (fault === 'locked') throw new AppError('STORAGE_LOCKED', 'Process 1 holds it.');
    if (fault === 'unwell') this.health.set('disk', false);
    if (fault === 'late') setTimeout(() => { throw new Error('late fault'); }, 20);
    this.bus.serve(Slow, async ({ ms }) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { stoppingMeanwhile: this.lifecycle.stopping, umask: process.umask().toString(8) };
    });
    this.logger.info({ fixtureNumber: this.config.fixtureNumber, installationId: this.installation.installationId, ok: this.health.ok, natsUrl: this.config.natsUrl }, 'fixture up');
  }

  async onModuleDestroy(): Promise<void> {
    const answer = await this.bus.request(Back, {});
    this.logger.info({ stoppingSeen: answer.stoppingMeanwhile, keepAgents: this.lifecycle.keepAgents }, 'destroy hook used the bus');
  }

  onApplicationShutdown(): void {
    this.logger.info({ connected: this.bus.connected, handlersInFlight: this.bus.health().handlersInFlight }, 'stores close');
  }
}

@Module({ providers: [FixtureService] })
class FixtureModule {}

// Only when run as a process; the spec imports the contract above.
if (process.argv[1]?.endsWith('fixture-service.js')) {
  await bootstrapService({ name: 'fixture', module: FixtureModule, configClass: FixtureConfig, start: async () => ({ slot: 'slot-0' }) });
}
