import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { AppError, newUlidSource, type RunnerLabels } from '@orbitmesh/domain';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry, Installation, Lifecycle, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { findDriver } from './drivers/registry.js';
import { RunDisk } from './files/run-disk.js';
import { createProcessTable } from './process/process-table.js';
import { ProviderRunnerConfig } from './provider-runner.config.js';
import { ProviderDetection } from './providers/provider-detection.js';
import { ProvidersFile } from './providers/providers-file.js';
import { AgentStates } from './run/agent-state.js';
import type { RunEnvironment } from './run/run-environment.js';
import type { RunLog } from './run/run-log.js';
import { HeartbeatLoop } from './runner/heartbeat.js';
import { serveRunnerMetrics } from './runner/runner-metrics.js';
import { RunDirectory } from './runner/run-directory.js';
import { serveRunner } from './runner/runner.controller.js';
import { RunnerService } from './runner/runner.service.js';
import { Slot } from './runner/slot.js';
import { startUmask } from './start-umask.js';

const VERSION = '0.1.0';
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Puts the parts of a runner together, in the order in which they may begin and end. */
@Injectable()
export class ProviderRunner implements OnModuleDestroy, OnApplicationShutdown {
  private starting: Promise<unknown> | undefined;
  private parts: { slot: Slot; runner: RunnerService; heartbeat: HeartbeatLoop; detection: ProviderDetection } | undefined;
  private readonly log: RunLog;

  constructor(
    @Inject(ProviderRunnerConfig) private readonly config: ProviderRunnerConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(Installation) private readonly installation: Installation,
    @Inject(Bus) private readonly bus: Bus,
    @Inject(HealthRegistry) private readonly health: HealthRegistry,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
  ) {
    this.log = (level, message, fields = {}) => logger[level](fields, message);
  }

  /** @returns what the launcher is told with `ready` */
  start(): Promise<{ slot: string }> {
    const starting = this.begin();
    this.starting = starting.catch(() => undefined);
    return starting;
  }

  async onModuleDestroy(): Promise<void> {
    // Agents that are just being found again are to be ended as well.
    await this.starting;
    this.parts?.detection.stop();
    const unwritten = await this.parts?.runner.shutdown({ keepAgents: this.lifecycle.keepAgents }) ?? [];
    if (unwritten.length > 0) this.lifecycle.leaveUndone('runs have ended, and the disk did not take that', { runIds: unwritten });
    await this.parts?.heartbeat.leave();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.parts?.slot.release();
  }

  private async begin(): Promise<{ slot: string }> {
    const slot = await Slot.take(this.config.home, this.config.runnerName);
    // It has no model that would call a tool.
    const demo = { driver: 'acp', command: [process.execPath, path('./demo-agent/main.js')], custom: { orbitmeshMcp: false } };
    const providers = new ProvidersFile(this.config.home, demo);
    const env = this.environment(slot, providers);
    const runner = new RunnerService(env, new RunDirectory(slot.runsDir), this.config.runnerCapacity);
    const detection = new ProviderDetection(providers, env.table.seesEnvironment, this.log, () => heartbeat.soon());
    const heartbeat: HeartbeatLoop = new HeartbeatLoop({
      env, runner, capacity: this.config.runnerCapacity, labels: this.labels(), roots: env.ownRoots, version: VERSION, providers: () => detection,
    });
    // Agents first: what they wrote meanwhile is already waiting.
    await runner.recover();
    await detection.start();
    serveRunner(env, runner);
    serveRunnerMetrics(this.bus, this.metrics, runner, { runnerId: slot.runnerId, capacity: this.config.runnerCapacity });
    heartbeat.start();
    // Two runners in one slot would write the same journals, and end each other's agents. These are left to whoever has it now.
    this.lifecycle.leaveWithout(slot.name, () => slot.held);
    this.health.probe('runs', () => ({ slot: slot.name, runs: runner.list().length, providers: providers.problem }));
    this.parts = { slot, runner, heartbeat, detection };
    return { slot: slot.name };
  }

  private environment(slot: Slot, providers: ProvidersFile): RunEnvironment {
    return {
      installationId: this.installation.installationId, slot: slot.name, runnerId: slot.runnerId, incarnation: randomUUID(), home: this.config.home, ownRoots: this.config.runnerRoots.map((root) => resolve(root)),
      apiUrl: this.config.apiUrl, cliEntry: path('../../cli/dist/main.js'), userUmask: this.config.userUmask ?? startUmask, processEnv: process.env, agentStates: new AgentStates(slot.agentsDir),
      table: createProcessTable(this.config.home), disk: this.disk(slot), bus: this.bus, metrics: this.metrics, log: this.log, newId: newUlidSource(Date.now), driver: findDriver,
      provider: (name) => {
        const entry = providers.get(name);
        if (!entry) throw new AppError('PROVIDER_NOT_FOUND', undefined, { provider: name });
        const definition = findDriver(entry.driver);
        if (!definition) throw new AppError('CONFIG_INVALID', `There is no driver ${entry.driver}.`);
        return { entry, definition };
      },
    };
  }

  private disk(slot: Slot): RunDisk {
    const tell = (problem: string | null): void => this.health.set('disk', problem === null, { problem });
    tell(null);
    return new RunDisk(slot.runsDir, this.log, (problem) => {
      tell(problem);
      this.parts?.heartbeat.soon();
    });
  }

  private labels(): RunnerLabels {
    return Object.fromEntries(this.config.runnerLabels.map((label) => [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)]));
  }
}

@Module({ providers: [ProviderRunner] })
export class AppModule {}
