import { Inject, Injectable } from '@nestjs/common';
import type { Session } from '@orbitmesh/domain';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { RunnerRegistry, type KnownRunner } from './runner-registry.js';

/** Where a session would go now, or why nowhere. */
export type Place = { runnerId: string } | { runnerId: null; reason: string };

/** The least-loaded capable runner. Loads are what is decided (pending), so that a burst of spawns spreads. */
@Injectable()
export class Placement {
  constructor(
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(LiveSessions) private readonly live: LiveSessions,
  ) {}

  find(session: Session): Place {
    const provider = ({ heartbeat }: KnownRunner): { installed: boolean } | undefined => this.registry.provider(heartbeat.runnerId, session.providerType);
    const live = this.registry.all().filter(({ heartbeat }) => this.registry.presence(heartbeat.runnerId) === 'live' && !heartbeat.draining);
    if (live.length === 0) return { runnerId: null, reason: 'no runner is connected' };
    const capable = live.filter((runner) => provider(runner));
    if (capable.length === 0) return { runnerId: null, reason: `no runner knows the provider ${session.providerType}` };
    const installed = capable.filter((runner) => provider(runner)?.installed);
    if (installed.length === 0) return { runnerId: null, reason: `the provider ${session.providerType} is installed on no runner` };
    const willing = installed.filter(({ heartbeat }) => !this.registry.hasRefused(session.id, heartbeat.runnerId));
    if (willing.length === 0) return { runnerId: null, reason: 'every capable runner refused for now' };
    const free = willing.filter((runner) => this.load(runner, session) < runner.heartbeat.capacity);
    if (free.length === 0) return { runnerId: null, reason: 'every capable runner is at its capacity' };
    const share = (runner: KnownRunner): number => this.load(runner, session) / runner.heartbeat.capacity;
    return { runnerId: free.reduce((best, runner) => (share(runner) < share(best) ? runner : best)).heartbeat.runnerId };
  }

  /** A session that is placed anew does not count against the runner it is on. */
  private load({ heartbeat: { runnerId } }: KnownRunner, session: Session): number {
    return this.live.load(runnerId) - (session.run?.runnerId === runnerId ? 1 : 0);
  }
}
