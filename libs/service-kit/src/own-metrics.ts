import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Bus } from '@orbitmesh/messaging';
import { LAG_LOOK_MS } from './limits.js';
import type { Metrics } from './metrics.js';

const NS = 1e9;

/** What every process tells of itself, by the names that Prometheus' own clients use. */
export function measureProcess(metrics: Metrics, restarts: number | undefined): void {
  const startedAt = Date.now() / 1_000 - process.uptime();
  metrics.counterOf('process_cpu_seconds_total', 'Processor time, of user and system.', () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6);
  metrics.gaugeOf('process_start_time_seconds', 'When it was started, since the epoch.', () => startedAt);
  metrics.gaugeOf('process_resident_memory_bytes', 'Memory that is its own in the RAM.', () => process.memoryUsage.rss());
  metrics.gaugeOf('nodejs_heap_size_used_bytes', 'Of it, what JavaScript uses.', () => process.memoryUsage().heapUsed);
  if (process.platform === 'linux') metrics.gaugesOf('process_open_fds', 'Open files, sockets and pipes.', openFiles);
  if (restarts !== undefined) metrics.counterOf('orbitmesh_restarts_total', 'Times that it died, and was started again by the launcher.', () => restarts);
  const delay = monitorEventLoopDelay({ resolution: LAG_LOOK_MS });
  delay.enable();
  metrics.gaugesOf('nodejs_eventloop_lag_seconds', 'How late its timers were since the last scrape.', () => {
    // What it keeps is how long it was from one to the next.
    const late = (percent: number): number => Math.max(0, delay.percentile(percent) / NS - LAG_LOOK_MS / 1_000);
    const quantiles = [50, 99, 100].map((percent): [Record<string, number>, number] => [{ quantile: percent / 100 }, late(percent)]);
    delay.reset();
    return quantiles;
  });
}

/** Nothing where none is left to look with: all else is told then as well. */
function openFiles(): [Record<string, never>, number][] {
  try {
    return [[{}, readdirSync('/proc/self/fd').length]];
  } catch {
    return [];
  }
}

/** What goes over NATS. */
export function measureBus(metrics: Metrics, bus: Pick<Bus, 'health' | 'connected'>): void {
  metrics.gaugeOf('orbitmesh_nats_connected', '1 while it is connected to NATS.', () => (bus.connected ? 1 : 0));
  metrics.counterOf('orbitmesh_nats_reconnects_total', 'Connections to NATS after the first.', () => bus.health().reconnects);
  metrics.counterOf('orbitmesh_nats_publishes_dropped_total', 'Messages not sent as there was no connection, or it took too little; whoever missed them pages.', () => bus.health().publishesDropped);
  metrics.counterOf('orbitmesh_rpc_late_total', 'Requests that came after their time, and were not begun.', () => bus.health().requestsLate);
  metrics.gaugeOf('orbitmesh_rpc_answering', 'Requests of other services that are being answered.', () => bus.health().handlersInFlight);
  metrics.gaugeOf('orbitmesh_rpc_waiting', 'Own requests to other services that wait for their answer.', () => bus.health().requestsInFlight);
}

/** For the bus, which hears of each answer. */
export function answerCounter(metrics: Metrics): (request: string, result: string, seconds: number) => void {
  return (request, result, seconds) => {
    metrics.count('orbitmesh_rpc_answers_total', 'Requests of other services answered, by what they came to.', { request, result });
    metrics.observe('orbitmesh_rpc_answer_seconds', 'From the arrival of a request of another service to its answer.', seconds, { request });
  };
}
