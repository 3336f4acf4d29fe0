import { RunnerRpc } from '@orbitmesh/contracts';
import type { Bus } from '@orbitmesh/messaging';
import type { Metrics } from '@orbitmesh/service-kit';
import type { RunnerService } from './runner.service.js';

const STATES = ['starting', 'running', 'paused', 'ending', 'ended'] as const;

/** What a runner counts of its runs, and who may ask for it. */
export function serveRunnerMetrics(bus: Pick<Bus, 'serve'>, metrics: Metrics, runner: Pick<RunnerService, 'list' | 'draining'>, { runnerId, capacity }: { runnerId: string; capacity: number }): void {
  metrics.gaugesOf('orbitmesh_runs', 'Runs that it holds, by state; one that has ended waits for the acknowledgement of its last facts.', () => (
    STATES.map((state) => [{ state }, runner.list().filter((run) => run.state === state).length])
  ));
  metrics.gaugeOf('orbitmesh_runner_capacity', 'Agents that it takes at once.', () => capacity);
  metrics.gaugeOf('orbitmesh_facts_waiting', 'Facts of its runs that session-service has not acknowledged.', () => runner.list().reduce((sum, { unacked }) => sum + unacked, 0));
  bus.serve(RunnerRpc.metrics, () => ({ families: metrics.collect() }), { runnerId });
}
