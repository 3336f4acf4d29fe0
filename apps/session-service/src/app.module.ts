import { Module, type Provider } from '@nestjs/common';
import { Installation, LOGGER, Metrics, StoreCloser, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Commands } from './commands/commands.js';
import { FeedService } from './feed/feed.service.js';
import { Publisher } from './feed/publisher.js';
import { MetricsService, syncCounter } from './metrics.service.js';
import { HealthService } from './health.service.js';
import { Clock } from './kernel/clock.js';
import { Grace } from './kernel/grace.js';
import { MailService } from './mail/mail.service.js';
import { MailWaits } from './mail/mail-waits.js';
import { OrderingService } from './ordering/ordering.service.js';
import { Placement } from './placement/placement.js';
import { ProjectService } from './project/project.service.js';
import { ProviderCatalog } from './provider/provider-catalog.js';
import { RetentionService } from './retention/retention.service.js';
import { RpcServer } from './rpc-server.js';
import { DirectoryCheck } from './runner/directory-check.js';
import { RunService } from './runner/run.service.js';
import { RunnerCalls } from './runner/runner-calls.js';
import { RunnerDrains } from './runner/runner-drains.js';
import { RunnerRegistry } from './runner/runner-registry.js';
import { RunnerViews } from './runner/runner.views.js';
import { AgentTokens } from './session/agent-token.js';
import { ApprovalService } from './session/approval.service.js';
import { ContinueService } from './session/continue.service.js';
import { SessionService } from './session/session.service.js';
import { SpawnService } from './session/spawn.service.js';
import { TimelineService } from './session/timeline.service.js';
import { UnrecordedEnd } from './session/unrecorded-end.js';
import { SessionServiceConfig } from './session-service.config.js';
import { Indexes } from './store/indexes.js';
import { openStore, storeDirectory } from './store/store.provider.js';
import { LiveSessions } from './supervisor/live-sessions.js';
import { StepExecutor } from './supervisor/step-executor.js';
import { Supervisor } from './supervisor/supervisor.js';
import { TeamMemberService } from './team-member/team-member.service.js';
import { TaskService } from './task/task.service.js';

const state: Provider[] = [
  {
    provide: Store,
    useFactory: (config: SessionServiceConfig, installation: Installation, clock: Clock, logger: Logger, metrics: Metrics) =>
      openStore(config, installation, clock, logger, { onSynced: syncCounter(metrics) }),
    inject: [SessionServiceConfig, Installation, Clock, LOGGER, Metrics],
  },
  {
    provide: AgentTokens,
    // The store first: its lock makes us the only one who may make the key.
    useFactory: (config: SessionServiceConfig, installation: Installation, _store: Store) =>
      AgentTokens.load(storeDirectory(config.home), installation.installationId),
    inject: [SessionServiceConfig, Installation, Store],
  },
  {
    provide: ProviderCatalog,
    useFactory: async (config: SessionServiceConfig) => {
      const catalog = new ProviderCatalog(config.home);
      await catalog.refresh();
      return catalog;
    },
    inject: [SessionServiceConfig],
  },
  { provide: StoreCloser, useFactory: (store: Store, logger: Logger) => new StoreCloser(store, logger), inject: [Store, LOGGER] },
];

/** The services of session-service; configuration, log, bus and installation come from `bootstrapService`. */
export const SESSION_SERVICE_PROVIDERS: Provider[] = [
  Clock, Grace, ...state, Indexes, Commands, LiveSessions, RunnerRegistry, RunnerCalls, RunnerDrains, DirectoryCheck, Placement, StepExecutor, Supervisor,
  ProjectService, TaskService, TeamMemberService, OrderingService, MailService, MailWaits, SpawnService, ContinueService, SessionService, UnrecordedEnd, TimelineService, ApprovalService, RunService, RunnerViews,
  FeedService, Publisher, RetentionService, HealthService, MetricsService, RpcServer,
];

@Module({ providers: SESSION_SERVICE_PROVIDERS })
export class AppModule {}
