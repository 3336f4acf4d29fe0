import { Inject, Injectable } from '@nestjs/common';
import { AppError, isId, type Capabilities, type ProviderInfo } from '@orbitmesh/domain';
import { LEASE_MS, type Heartbeat } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { Clock } from '../kernel/clock.js';
import { Grace } from '../kernel/grace.js';
import type { Refusal } from '../placement/fleet.js';
import { FORMER_PROCESSES_MAX, RUNNER_SILENT_MS, RUNNERS_MAX } from '../limits.js';

/** `silent`: two heartbeats missed, gets nothing new; `lost`: its lease is over. */
export type RunnerPresence = 'live' | 'silent' | 'lost';

export interface KnownRunner {
  heartbeat: Heartbeat;
  /** Wall ms, for people; monotonic ms, for the lease. */
  heardAtWall: number;
  heardAtMonotonic: number;
  /** Processes (incarnations) that another one has followed under this id, oldest first. */
  former: readonly string[];
}

const NONE: readonly never[] = [];

/** Which runners there are, from their heartbeats alone; nothing of it is stored. */
@Injectable()
export class RunnerRegistry {
  private readonly runners = new Map<string, KnownRunner>();
  private readonly returnListeners = new Set<(runnerId: string) => void>();
  private readonly refusalListeners = new Set<(sessionId: string) => void>();
  private readonly refusals = new Map<string, (Refusal & { until: number })[]>();

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Grace) private readonly grace: Grace,
    @Inject(Bus) private readonly bus: Pick<Bus, 'connected'>,
  ) {}

  /** False when it is older than what we know (a late duplicate, or a process that another one has followed): then it says nothing. @throws CONFLICT while another machine's runner has its id, LIMIT_REACHED, VALIDATION_FAILED */
  heard(heartbeat: Heartbeat): boolean {
    const { runnerId, incarnation } = heartbeat;
    if (!isId(runnerId)) throw new AppError('VALIDATION_FAILED', 'A runner needs an id.');
    const known = this.runners.get(runnerId);
    const standing = this.standing(runnerId, incarnation);
    if (standing === 'former' || (standing === 'present' && heartbeat.n <= known!.heartbeat.n)) return false;
    if (standing === 'unknown' && this.isElsewhere(heartbeat)) {
      throw new AppError('CONFLICT', `${runnerId} is a runner on ${known!.heartbeat.host}: name this machine with ORBITMESH_RUNNER_NAME.`, { runnerId });
    }
    if (!known) this.makeRoom();
    const returned = standing === 'unknown' || this.presence(runnerId) !== 'live';
    const former = known && standing === 'unknown' ? [...known.former, known.heartbeat.incarnation].slice(-FORMER_PROCESSES_MAX) : known?.former ?? [];
    this.runners.set(runnerId, { heartbeat, heardAtWall: this.clock.wall(), heardAtMonotonic: this.clock.monotonic(), former });
    if (returned) for (const listener of this.returnListeners) listener(runnerId);
    return true;
  }

  /** Whether that process is the one that speaks under this id, had been, or was never heard. One id is one process at a time. */
  standing(runnerId: string, incarnation: string): 'present' | 'former' | 'unknown' {
    const known = this.runners.get(runnerId);
    if (known?.heartbeat.incarnation === incarnation) return 'present';
    return known?.former.includes(incarnation) ? 'former' : 'unknown';
  }

  /** Called when a runner is there that was not just now: it is new, another process, or had been silent. */
  onReturn(listener: (runnerId: string) => void): void {
    this.returnListeners.add(listener);
  }

  get(runnerId: string): KnownRunner | undefined {
    return this.runners.get(runnerId);
  }

  all(): KnownRunner[] {
    return [...this.runners.values()];
  }

  /**
   * The lease of a runner, also of one never heard of in this life of ours. It runs only while we are connected, and
   * from our own start, reconnect or wake-up at the earliest (design §7).
   */
  presence(runnerId: string): RunnerPresence {
    const heardAt = this.runners.get(runnerId)?.heardAtMonotonic ?? Number.NEGATIVE_INFINITY;
    const silence = this.clock.monotonic() - Math.max(heardAt, this.grace.sinceMonotonic);
    if (this.bus.connected && silence > LEASE_MS) return 'lost';
    return heardAt < this.grace.sinceMonotonic || silence > RUNNER_SILENT_MS ? 'silent' : 'live';
  }

  provider(runnerId: string, name: string): ProviderInfo | undefined {
    return this.runners.get(runnerId)?.heartbeat.providers.find((provider) => provider.name === name);
  }

  /** What the driver of an entry can do, as its runner says; another runner's word when that one is away; undefined when nobody knows. */
  capabilities(providerName: string, runnerId: string | undefined): Capabilities | undefined {
    const own = runnerId === undefined ? undefined : this.provider(runnerId, providerName);
    if (own) return own.capabilities;
    for (const id of this.runners.keys()) {
      const other = this.provider(id, providerName);
      if (other) return other.capabilities;
    }
    return undefined;
  }

  /** The runner would not take this session: it is not asked again for it until then (monotonic ms). */
  refused(sessionId: string, refusal: Refusal & { until: number }): void {
    this.refusals.set(sessionId, [...this.refusalsOf(sessionId).filter(({ runnerId }) => runnerId !== refusal.runnerId), refusal]);
    for (const listener of this.refusalListeners) listener(sessionId);
  }

  /** Called when a runner would not take a session. */
  onRefused(listener: (sessionId: string) => void): void {
    this.refusalListeners.add(listener);
  }

  hasRefused(sessionId: string, runnerId: string): boolean {
    return this.refusalsOf(sessionId).some((refusal) => refusal.runnerId === runnerId);
  }

  /** Those that still count. */
  refusalsOf(sessionId: string): readonly (Refusal & { until: number })[] {
    const refusals = this.refusals.get(sessionId);
    return refusals ? refusals.filter(({ until }) => until > this.clock.monotonic()) : NONE;
  }

  /** The session ended or runs: its refusals mean nothing any more. */
  forgetRefusals(sessionId: string): void {
    this.refusals.delete(sessionId);
  }

  /** Alive on another machine, and not about to leave: a second one that is called so by mistake would have it end all that it holds. */
  private isElsewhere({ runnerId, host }: Heartbeat): boolean {
    const known = this.runners.get(runnerId)?.heartbeat;
    return known !== undefined && known.host !== host && !known.draining && this.presence(runnerId) === 'live';
  }

  private makeRoom(): void {
    if (this.runners.size < RUNNERS_MAX) return;
    for (const id of this.runners.keys()) {
      if (this.presence(id) === 'lost') {
        this.runners.delete(id);
        return;
      }
    }
    throw new AppError('LIMIT_REACHED', `At most ${RUNNERS_MAX} runners.`);
  }
}
