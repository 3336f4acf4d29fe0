import type { RunnerDrain, RunnerView } from '@orbitmesh/contracts';
import type { LiveSessions } from '../supervisor/live-sessions.js';
import type { KnownRunner, RunnerPresence } from './runner-registry.js';

export interface RunnerStanding {
  presence: RunnerPresence;
  drain: RunnerDrain | null;
  live: Pick<LiveSessions, 'load' | 'starting'>;
}

/** A runner as REST shows it: what it said last, and what we know of it. */
export function runnerViewOf({ heartbeat, heardAtWall }: KnownRunner, { presence, drain, live }: RunnerStanding): RunnerView {
  const { runnerId: id, capacity, startsAtOnce = null, cpuLoad = null, labels, roots = null, version, incarnation, pid, host, problem = null } = heartbeat;
  const running = live.load(id);
  const drainState = drain !== null && running === 0 ? 'drained' : drain !== null || heartbeat.draining ? 'draining' : null;
  return {
    id, state: presence !== 'live' ? presence : drainState ?? (problem === null ? 'connected' : 'impaired'), problem, drain,
    capacity, running, starting: live.starting(id).length, startsAtOnce, cpuLoad, labels, roots,
    providers: heartbeat.providers.filter(({ installed }) => installed).map(({ name, version: its }) => ({ name, version: its })),
    version, lastHeartbeatAt: new Date(heardAtWall).toISOString(), incarnation, pid, host,
  };
}
