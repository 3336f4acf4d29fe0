import 'reflect-metadata';
import { Global, Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppError } from '@orbitmesh/domain';
import { Bus, MessagingModule } from '@orbitmesh/messaging';
import { HealthRegistry } from './health.registry.js';
import { Installation, loadInstallation } from './installation.js';
import { EXIT, Lifecycle } from './lifecycle.js';
import { createLogger, LOGGER, NestLogger, type Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { serveMetrics } from './metrics-server.js';
import { natsLogin } from './nats-login.js';
import { answerCounter, measureBus, measureProcess } from './own-metrics.js';
import { keepReadyFile } from './ready-file.js';
import { loadConfig, ServiceConfig } from './service.config.js';

/** What a service has before its module exists; all of it can be injected (the logger as `@Inject(LOGGER)`). */
export interface ServiceRuntime<C extends ServiceConfig> {
  name: string;
  config: Readonly<C>;
  logger: Logger;
  installation: Installation;
  bus: Bus;
  health: HealthRegistry;
  metrics: Metrics;
  lifecycle: Lifecycle;
}

export interface ServiceDefinition<C extends ServiceConfig> {
  name: 'api-gateway' | 'session-service' | 'provider-runner' | 'notifier' | (string & {});
  module: Type;
  configClass: new () => C;
  /** Makes the Nest application from the root module. @default an application context without HTTP. */
  create?: (root: DynamicModule, runtime: ServiceRuntime<C>) => Promise<INestApplicationContext>;
  /** Starts serving (HTTP: listen). What it returns goes to the parent with `ready`. */
  start?: (app: INestApplicationContext, runtime: ServiceRuntime<C>) => Promise<Record<string, unknown> | void>;
}

/**
 * The whole life of a service process: umask, configuration, log, installation, bus, module, ready, stop. Stopping runs Nest's hooks in this
 * order: `onModuleDestroy` (the bus still works both ways) → the bus drains → `onApplicationShutdown` (close stores) → exit 0.
 */
export async function bootstrapService<C extends ServiceConfig>(definition: ServiceDefinition<C>): Promise<void> {
  process.umask(0o077);
  const early = createLogger({ service: definition.name });
  const lifecycle = new Lifecycle(early);
  try {
    const config = loadConfig(definition.configClass, process.env);
    const logger = createLogger({ service: definition.name, level: config.logLevel });
    lifecycle.attach();
    await startService(definition, config, logger, lifecycle);
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'INTERNAL';
    early.fatal({ err: error }, 'could not start');
    await lifecycle.tell({ type: 'failed', code, message: (error as Error).message });
    process.exit(code === 'CONFIG_INVALID' ? EXIT.config : code === 'STORAGE_LOCKED' ? EXIT.locked : EXIT.failed);
  }
}

async function startService<C extends ServiceConfig>(definition: ServiceDefinition<C>, config: Readonly<C>, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  const installation = await loadInstallation(config.home, { place: config.homePlace, id: config.installationId });
  const login = await natsLogin(definition.name, config);
  const metrics = new Metrics();
  const bus = await Bus.connect({ url: config.natsUrl, installationId: installation.installationId, name: definition.name, login, log: logger, onAnswered: answerCounter(metrics) });
  const health = new HealthRegistry(definition.name);
  const runtime: ServiceRuntime<C> = { name: definition.name, config, logger, installation, bus, health, metrics, lifecycle };
  watchBus(runtime);
  await measure(runtime);

  const root = rootModule(definition, runtime);
  const create = definition.create ?? ((module) => NestFactory.createApplicationContext(module, { logger: new NestLogger(logger), abortOnError: false }));
  const app = await create(root, runtime);
  lifecycle.onStop(() => app.close());
  const info = await definition.start?.(app, runtime);
  await bus.flush();
  health.onChange((ready) => void lifecycle.tell({ type: 'state', ready }));
  if (config.readyFile !== undefined) keepReadyFile(config.readyFile, health, logger);
  await lifecycle.tell({ type: 'ready', ...info });
  // What went wrong while it started, nobody was there to be told.
  if (!health.ok) await lifecycle.tell({ type: 'state', ready: false });
  logger.info({ installationId: installation.installationId }, 'ready');
}

function watchBus({ bus, health, lifecycle, logger }: ServiceRuntime<ServiceConfig>): void {
  health.set('nats', bus.connected);
  health.probe('nats', () => ({ ...bus.health() }));
  bus.onStatus((status) => {
    health.set('nats', status === 'connected');
    if (status === 'closed' && !lifecycle.stopping) {
      // Refused for good (e.g. a changed password): the library will not try again, a new process will.
      lifecycle.crash(new AppError('UNAVAILABLE', 'The NATS connection was closed for good.'));
    }
  });
  bus.onProblem((problem) => logger.warn({ problem }, 'nats problem'));
}

/** @throws CONFIG_INVALID when the port of its own metrics cannot be had */
async function measure({ config, metrics, bus, logger }: ServiceRuntime<ServiceConfig>): Promise<void> {
  measureProcess(metrics, config.restarts);
  measureBus(metrics, bus);
  if (config.metricsPort === undefined) return;
  const { metricsHost: host, metricsPort: port } = config;
  const server = await serveMetrics(metrics, { host, port }).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('CONFIG_INVALID', `ORBITMESH_METRICS_PORT: ${port} cannot be had on ${host} (${cause.code}). Services of one machine need one each; the gateway's /metrics has those of all.`, {}, { cause });
  });
  logger.info({ host, port: server.port }, 'metrics are served');
}

@Global()
@Module({})
class ServiceModule {}

function rootModule<C extends ServiceConfig>(definition: ServiceDefinition<C>, runtime: ServiceRuntime<C>): DynamicModule {
  const providers = [
    { provide: definition.configClass, useValue: runtime.config },
    ...((definition.configClass as Type) === ServiceConfig ? [] : [{ provide: ServiceConfig, useValue: runtime.config }]),
    { provide: LOGGER, useValue: runtime.logger },
    { provide: Installation, useValue: runtime.installation },
    { provide: HealthRegistry, useValue: runtime.health },
    { provide: Metrics, useValue: runtime.metrics },
    { provide: Lifecycle, useValue: runtime.lifecycle },
  ];
  return {
    module: ServiceModule,
    imports: [MessagingModule.forRoot(runtime.bus), definition.module],
    providers,
    exports: providers.map((p) => p.provide),
  };
}
