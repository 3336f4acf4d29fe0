import { availableParallelism, hostname, loadavg } from 'node:os';
import { HEARTBEAT_MS, SessionRpc, type Heartbeat } from '@orbitmesh/contracts';
import type { ProviderInfo, RunnerLabels } from '@orbitmesh/domain';
import { HEARTBEAT_RETRY_MS, LAST_HEARTBEAT_MS, STARTS_AT_ONCE } from '../limits.js';
import type { RunEnvironment } from '../run/run-environment.js';
import type { RunnerService } from './runner.service.js';

export interface HeartbeatOptions {
  env: RunEnvironment;
  runner: RunnerService;
  capacity: number;
  labels: RunnerLabels;
  roots: readonly string[];
  version: string;
  providers(): { present: ProviderInfo[]; unlooked: string[] };
}

/** Tells session-service every 2 s what this runner holds, and gives up what it is told not to hold (design §7). */
export class HeartbeatLoop {
  private n = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;
  private unanswered = 0;

  constructor(private readonly options: HeartbeatOptions) {
    options.env.bus.onStatus((status) => { if (status === 'connected') this.soon(); });
  }

  start(): void {
    this.stopped = false;
    this.soon();
  }

  /** One more, at once, e.g. because the set of runs has changed. */
  soon(): void {
    this.beatAgainIn(0);
  }

  /** The last word, for as long as it may take: from here on nothing is to be placed here, which would wait for the end of the lease. */
  async leave(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const { bus, log } = this.options.env;
    await bus.request(SessionRpc.heartbeat, this.next(), { timeoutMs: LAST_HEARTBEAT_MS }).catch((error: unknown) => log('debug', 'the last heartbeat is unanswered', { err: error }));
  }

  private async beat(): Promise<void> {
    const { env, runner } = this.options;
    this.beatAgainIn(HEARTBEAT_MS);
    void env.disk.look();
    const heartbeat = this.next();
    try {
      const { held } = await env.bus.request(SessionRpc.heartbeat, heartbeat, { timeoutMs: HEARTBEAT_MS });
      if (this.unanswered > 0) env.log('info', 'heartbeats are answered again', { unanswered: this.unanswered });
      this.unanswered = 0;
      // An answer speaks only of the runs that its own request listed.
      for (const run of runner.list()) {
        if (heartbeat.runs.some(({ runId }) => runId === run.runId) && !held.includes(run.runId)) await run.lose('not held');
      }
    } catch (error) {
      this.unanswered += 1;
      if (this.unanswered === 1) env.log('warn', 'heartbeat unanswered', { err: error });
      // Nobody is there yet, or again: work waits for a runner to be known, so do not let it wait a whole beat.
      if (env.bus.connected) this.beatAgainIn(Math.min(HEARTBEAT_RETRY_MS * this.unanswered, HEARTBEAT_MS));
    }
  }

  private beatAgainIn(ms: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.beat(), ms);
  }

  private next(): Heartbeat {
    const { env, runner, capacity, labels, roots, version } = this.options;
    const { present, unlooked } = this.options.providers();
    this.n += 1;
    return {
      runnerId: env.runnerId, incarnation: env.incarnation, n: this.n, pid: process.pid, host: hostname(), version,
      capacity, startsAtOnce: STARTS_AT_ONCE, labels, draining: runner.draining,
      ...(roots.length > 0 && { roots: [...roots] }), cpuLoad: Math.round(100 * loadavg()[0] / availableParallelism()) / 100,
      ...(env.disk.problem !== null && { problem: env.disk.problem }),
      runs: runner.list().map(({ sessionId, runId, epoch, state }) => ({ sessionId, runId, epoch, state })),
      providers: present, ...(unlooked.length > 0 && { unlooked }),
    };
  }
}
