import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SESSION_STATES, type SessionState } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { Metrics } from '@orbitmesh/service-kit';
import { Store, type Committed, type StorageHealth } from '@orbitmesh/storage';
import { Publisher } from './feed/publisher.js';
import { Clock } from './kernel/clock.js';
import { RunService } from './runner/run.service.js';
import { RunnerRegistry } from './runner/runner-registry.js';
import { LiveSessions } from './supervisor/live-sessions.js';
import { Supervisor } from './supervisor/supervisor.js';
import { COLLECTIONS } from './store/collections.js';

/** For the store: a batch is on the disk. */
export function syncCounter(metrics: Metrics): (commits: number, seconds: number) => void {
  return (commits, seconds) => {
    metrics.count('orbitmesh_commits_total', 'Commits that are durable.', {}, commits);
    metrics.observe('orbitmesh_commit_sync_seconds', 'Write and fdatasync of one batch of commits.', seconds);
  };
}

/** What session-service counts (ADR-0036): whoever watches it sees what waits, and where. */
@Injectable()
export class MetricsService implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: () => void = () => undefined;

  constructor(
    @Inject(Bus) private readonly bus: Pick<Bus, 'serve'>, @Inject(Metrics) private readonly metrics: Metrics, @Inject(Store) private readonly store: Store,
    @Inject(LiveSessions) private readonly live: LiveSessions, @Inject(Supervisor) private readonly supervisor: Supervisor, @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(RunService) private readonly runs: RunService, @Inject(Publisher) private readonly publisher: Publisher, @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.store.onCommitted((committed) => this.onCommitted(committed));
    this.measureStore();
    this.measureWork();
    this.bus.serve(SessionRpc.metrics, () => ({ families: this.metrics.collect() }));
  }

  onModuleDestroy(): void {
    this.stop();
  }

  private onCommitted({ events }: Committed): void {
    if (events.length === 0) return;
    this.metrics.count('orbitmesh_events_total', 'Events of the feed.', {}, events.length);
    this.metrics.observe('orbitmesh_commit_seconds', 'From the decision to the durable commit that is told.', Math.max(0, this.clock.wall() - Date.parse(events[0].timestamp)) / 1_000);
  }

  private measureStore(): void {
    const { metrics } = this;
    const gauge = (name: string, help: string, of: (health: StorageHealth) => number): void => metrics.gaugeOf(name, help, () => of(this.store.health()));
    gauge('orbitmesh_store_writable', '1 while commits are taken.', ({ writable }) => (writable ? 1 : 0));
    gauge('orbitmesh_store_commits_waiting', 'Commits that are not durable yet.', ({ waiting }) => waiting);
    gauge('orbitmesh_store_files_waiting', 'Files that lag behind the log.', ({ dirtyDocuments }) => dirtyDocuments);
    gauge('orbitmesh_store_log_bytes', 'Size of the log.', ({ segmentBytes }) => segmentBytes);
    gauge('orbitmesh_store_damages', 'Files found damaged, missing or edited by hand; at most as many as are reported.', ({ quarantined }) => quarantined.length);
    metrics.counterOf('orbitmesh_idempotent_answers_dropped_total', 'Kept answers dropped before their time.', () => this.store.health().answersDropped);
    metrics.counterOf('orbitmesh_publish_failures_total', 'Messages of the feed that could not be sent; whoever missed them pages.', () => this.publisher.failures);
  }

  private measureWork(): void {
    const { metrics } = this;
    metrics.gaugesOf('orbitmesh_sessions_live', 'Sessions that have not ended, by state.', () => this.byState());
    metrics.gaugeOf('orbitmesh_sessions_stored', 'Sessions, ended ones among them.', () => this.store.durable.count(COLLECTIONS.sessions));
    metrics.gaugeOf('orbitmesh_sessions_waiting', 'Sessions that wait for a runner.', () => this.live.waiting.size);
    metrics.gaugeOf('orbitmesh_sessions_undecided', 'Sessions that nothing can be decided for: see the log.', () => this.supervisor.failing);
    metrics.gaugeOf('orbitmesh_supervisor_working', 'Sessions that something is being done for now.', () => this.supervisor.active);
    metrics.gaugesOf('orbitmesh_runners', 'Runners, by presence.', () => {
      const presences = this.registry.all().map(({ heartbeat }) => this.registry.presence(heartbeat.runnerId));
      return (['live', 'silent', 'lost'] as const).map((presence) => [{ presence }, presences.filter((one) => one === presence).length]);
    });
    metrics.countersOf('orbitmesh_stale_refused_total', 'What runners said for a run that is not theirs any more.', () => Object.entries(this.runs.refused).map(([what, count]) => [{ what }, count]));
  }

  private byState(): [{ state: SessionState }, number][] {
    const counts = new Map<SessionState, number>();
    for (const { state } of this.live.pending()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return SESSION_STATES.filter((state) => state !== 'stopped' && state !== 'error').map((state) => [{ state }, counts.get(state) ?? 0]);
  }
}
