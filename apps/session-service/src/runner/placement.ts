import { Inject, Injectable } from '@nestjs/common';
import type { Session } from '@orbitmesh/domain';
import { Store } from '@orbitmesh/storage';
import { Clock } from '../kernel/clock.js';
import { START_PLACE_MS } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { RunnerRegistry, type KnownRunner } from './runner-registry.js';

/** Where a session would go now, or why nowhere. */
export type Place = { runnerId: string } | {
  runnerId: null;
  reason: string;
  /** It comes by itself in a moment: told only when it takes longer. */
  soon?: true;
};

/**
 * The least-loaded capable runner; for a session that goes on with another, the runner that has its conversation, and no
 * other (ADR-0011). Loads are what is decided (pending), so that a burst of spawns spreads.
 */
@Injectable()
export class Placement {
  constructor(
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(Store) private readonly store: Store,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  find(session: Session): Place {
    const keeper = this.keeperOf(session);
    const why = keeper === null ? anywhere(session.providerType) : onlyOn(keeper, session.providerType);
    const nowhere = (reason: string): Place => ({ runnerId: null, reason });
    const provider = ({ heartbeat }: KnownRunner): { installed: boolean; detail: string | null } | undefined => this.registry.provider(heartbeat.runnerId, session.providerType);
    const live = this.registry.all().filter(({ heartbeat: { runnerId, draining } }) => this.registry.presence(runnerId) === 'live' && !draining && (keeper === null || runnerId === keeper));
    if (live.length === 0) return nowhere(why.away);
    const capable = live.filter((runner) => provider(runner));
    if (capable.length === 0) return nowhere(why.unknown);
    const installed = capable.filter((runner) => provider(runner)?.installed);
    if (installed.length === 0) return nowhere([why.missing, provider(capable[0])?.detail].filter(Boolean).join(': '));
    const sound = installed.filter(({ heartbeat: { problem } }) => problem === undefined);
    if (sound.length === 0) return nowhere(`${why.impaired}: ${installed[0].heartbeat.problem}`);
    const willing = sound.filter(({ heartbeat }) => !this.registry.hasRefused(session.id, heartbeat.runnerId));
    if (willing.length === 0) return nowhere(why.refused);
    const free = willing.filter((runner) => this.load(runner, session) < runner.heartbeat.capacity);
    if (free.length === 0) return nowhere(why.full);
    const ready = free.filter((runner) => this.starting(runner, session) < (runner.heartbeat.startsAtOnce ?? Infinity));
    if (ready.length === 0) return { runnerId: null, reason: why.starting, soon: true };
    const share = (runner: KnownRunner): number => this.load(runner, session) / runner.heartbeat.capacity;
    return { runnerId: ready.reduce((best, runner) => (share(runner) < share(best) ? runner : best)).heartbeat.runnerId };
  }

  /** The runner whose agent keeps the conversation that is gone on with. Null: a new one, or nobody knows any more (its session was deleted). */
  private keeperOf(session: Session): string | null {
    let before = this.predecessor(session);
    // One that ended before it was placed anywhere leaves it where its own predecessor had it.
    while (before && !before.run) before = this.predecessor(before);
    return before?.run?.runnerId ?? null;
  }

  private predecessor({ continues }: Session): Session | undefined {
    return continues === null ? undefined : this.store.pending.get<Session>(COLLECTIONS.sessions, continues);
  }

  /** Agents that are being started there. One that hangs keeps its place only so long: it costs nobody else's. */
  private starting({ heartbeat: { runnerId } }: KnownRunner, session: Session): number {
    const since = this.clock.wall() - START_PLACE_MS;
    return this.live.starting(runnerId).filter(({ id, run }) => id !== session.id && Date.parse(run!.placedAt) > since).length;
  }

  /** A session that is placed anew does not count against the runner it is on. */
  private load({ heartbeat: { runnerId } }: KnownRunner, session: Session): number {
    return this.live.load(runnerId) - (session.run?.runnerId === runnerId ? 1 : 0);
  }
}

type Reasons = Record<'away' | 'unknown' | 'missing' | 'impaired' | 'refused' | 'full' | 'starting', string>;

function anywhere(provider: string): Reasons {
  return {
    away: 'no runner is connected', unknown: `no runner knows the provider ${provider}`, missing: `the provider ${provider} is installed on no runner`,
    impaired: 'no capable runner can start anything now', refused: 'every capable runner refused for now', full: 'every capable runner is at its capacity',
    starting: 'other agents are being started; its turn comes',
  };
}

function onlyOn(runnerId: string, provider: string): Reasons {
  const it = `its conversation is on the runner ${runnerId}, which`;
  return {
    away: `${it} is not connected`, unknown: `${it} does not know the provider ${provider}`, missing: `${it} does not have the provider ${provider} installed`,
    impaired: `${it} can start nothing now`, refused: `${it} refused for now`, full: `${it} is at its capacity`, starting: `${it} is starting other agents; its turn comes`,
  };
}
