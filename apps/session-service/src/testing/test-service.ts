import { copyFile, mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Global, Module, type DynamicModule, type INestApplicationContext, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Actor, EventEnvelope, Project, Session, SessionView, Task } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type Rpc, type SpawnSessionBody } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { createLogger, HealthRegistry, Installation, Lifecycle, LOGGER, Metrics } from '@orbitmesh/service-kit';
import { Store, type StoreOptions } from '@orbitmesh/storage';
import { eventProblem } from '@orbitmesh/testing';
import { SESSION_SERVICE_PROVIDERS } from '../app.module.js';
import { Commands } from '../commands/commands.js';
import { Clock } from '../kernel/clock.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { COLLECTIONS } from '../store/collections.js';
import { openStore } from '../store/store.provider.js';
import { Supervisor } from '../supervisor/supervisor.js';
import { FakeClock } from './fake-clock.js';
import { LocalBus } from './local-bus.js';

@Global()
@Module({})
class TestModule {}

export interface TestServiceOptions {
  home?: string;
  clock?: FakeClock;
  bus?: LocalBus | Bus;
  roots?: string[];
  /** What else is configured. */
  config?: Partial<SessionServiceConfig>;
  /** Another disk, other bounds. */
  storage?: Pick<StoreOptions, 'fs' | 'limits'>;
}

/** session-service as it is, on a directory of its own, with a clock that moves when told to. */
export class TestService {
  /** What was wrong with events it committed. */
  private readonly unlawful: string[] = [];

  private constructor(
    readonly home: string,
    readonly clock: FakeClock,
    readonly bus: LocalBus,
    private readonly app: INestApplicationContext,
  ) {}

  static async start(options: TestServiceOptions = {}): Promise<TestService> {
    const home = options.home ?? await temporaryDirectory('om-session-');
    const clock = options.clock ?? new FakeClock();
    const bus = options.bus ?? new LocalBus();
    const config: SessionServiceConfig = Object.assign(new SessionServiceConfig(), { home, natsUrl: 'nats://unused', roots: options.roots ?? [], ...options.config });
    const installation = new Installation('in_test', '2025-01-01T00:00:00Z');
    const logger = createLogger({ service: 'test', level: 'silent' });
    const given: Provider[] = [
      { provide: Store, useFactory: () => openStore(config, installation, clock, logger, { ...options.storage, limits: { checkDelayMs: 0, ...options.storage?.limits } }) },
      { provide: SessionServiceConfig, useValue: config },
      { provide: Installation, useValue: installation },
      { provide: HealthRegistry, useValue: new HealthRegistry('session-service') },
      { provide: Lifecycle, useValue: { leaveWithout: () => undefined } },
      { provide: LOGGER, useValue: logger },
      { provide: Metrics, useValue: new Metrics() },
      { provide: Bus, useValue: bus },
      { provide: Clock, useValue: clock },
    ];
    const replaced = new Set<unknown>(given.map((provider) => (provider as { provide: unknown }).provide));
    const own = SESSION_SERVICE_PROVIDERS.filter((provider) => !replaced.has(typeof provider === 'function' ? provider : provider.provide));
    const module: DynamicModule = { module: TestModule, providers: [...own, ...given] };
    const service = new TestService(home, clock, bus as LocalBus, await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }));
    service.store.onCommitted(({ events }) => service.unlawful.push(...events.flatMap((event) => problemOf(event))));
    return service;
  }

  get store(): Store {
    return this.app.get(Store);
  }

  get<T>(type: Type<T>): T {
    return this.app.get(type);
  }

  call<Req, Res>(rpc: Rpc<Req, Res>, req: Req): Promise<Res> {
    return this.bus.request(rpc, req);
  }

  /** Ends in order; the directory stays for another start. @throws for what is not as docs/events.md and docs/subjects.md say */
  async stop(): Promise<void> {
    const { store } = this;
    await this.app.close();
    // The service does not wait for files that lag far behind; whoever removes the directory does.
    await store.close();
    const unlawful = [...this.unlawful, ...(this.bus.unlawful ?? [])];
    if (unlawful.length > 0) throw new Error(`Not as the catalogue says:\n${unlawful.slice(0, 10).join('\n')}`);
  }

  async remove(): Promise<void> {
    await this.stop().finally(() => rm(this.home, { recursive: true, force: true }));
  }

  /** What the disk has at this moment, as after `kill -9`, for another service to start on. */
  async copyOfDisk(): Promise<string> {
    const home = await temporaryDirectory('om-session-copy-');
    const names = (await readdir(this.home, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.home, join(entry.parentPath, entry.name)));
    // The checkpoint first and the log last: as at one moment, nothing else may be ahead of the log or behind the checkpoint.
    const rank = (name: string): number => (name.endsWith('checkpoint.json') ? 0 : name.includes('/log/') ? 2 : 1);
    for (const name of names.sort((a, b) => rank(a) - rank(b))) {
      await mkdir(dirname(join(home, name)), { recursive: true });
      await copyFile(join(this.home, name), join(home, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error; // Renamed or unlinked since it was listed.
      });
    }
    return home;
  }

  async project(workingDir = '/work/repo', name = 'Repo'): Promise<Project> {
    return (await this.call(SessionRpc.createProject, { body: { name, workingDir }, meta: meta() })).body;
  }

  async task(projectId: string, title = 'Do it', more: object = {}): Promise<Task> {
    return (await this.call(SessionRpc.createTask, { body: { projectId, title, ...more }, meta: meta() })).body;
  }

  async spawn(body: Partial<SpawnSessionBody> & { projectId: string }, more: Partial<CommandMeta> = {}): Promise<SessionView> {
    const full = { initialDirective: 'go', ...body };
    return (await this.call(SessionRpc.spawn, { body: full, meta: meta(more) })).body;
  }

  session(id: string): Session {
    const session = this.store.durable.get<Session>(COLLECTIONS.sessions, id);
    if (!session) throw new Error(`no session ${id}`);
    return session;
  }

  async events(after?: string): Promise<EventEnvelope[]> {
    const all: EventEnvelope[] = [];
    for (let cursor = after; ;) {
      const page = await this.call(SessionRpc.eventPage, { ...(cursor !== undefined && { after: cursor }), limit: 200 });
      if (page.items.length === 0) return all;
      all.push(...page.items);
      cursor = page.nextCursor;
    }
  }

  /** Lets everything that was decided become durable, and the supervisor finish what it is at. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.get(Supervisor).idle();
      await this.get(Commands).settled();
    }
  }
}

export function meta(more: Partial<CommandMeta> = {}): CommandMeta {
  return { actor: { kind: 'admin' }, traceId: 'trace', ...more };
}

export const agent = (sessionId: string): { actor: Actor } => ({ actor: { kind: 'agent', sessionId } });

export async function temporaryDirectory(prefix: string): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), prefix)));
}

function problemOf(event: EventEnvelope): string[] {
  const problem = eventProblem(event);
  return problem === null ? [] : [`${event.type} (${event.cursor}): ${problem}`];
}
