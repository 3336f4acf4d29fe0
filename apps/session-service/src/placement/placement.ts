import { Inject, Injectable } from '@nestjs/common';
import type { Project, Session } from '@orbitmesh/domain';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import { Clock } from '../kernel/clock.js';
import { PLACED_AT_ONCE, ROUND_REST_FACTOR, SHORT_ROUND_MS, START_PLACE_MS } from '../limits.js';
import { RunnerDrains } from '../runner/runner-drains.js';
import { RunnerRegistry, type KnownRunner } from '../runner/runner-registry.js';
import { changeSession } from '../session/session-change.js';
import { COLLECTIONS } from '../store/collections.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { isStranded } from '../supervisor/next-steps.js';
import { Fleet, type FleetState, type RunnerRoom } from './fleet.js';
import type { Waiting } from './reasons.js';
import { placeInOrder, type Round } from './round.js';
import { byTurn, waiterOf, type Waiter } from './waiter.js';

/** Gives those that wait their runners, round after round (ADR-0034). Decided on what is pending: nothing is given away twice. */
@Injectable()
export class Placement {
  private waiting: Round['waiting'] = new Map();
  /** Of the last round: those that have a runner which will not execute them. */
  private stranded = new Map<string, Waiter>();
  /** `live.moves` when all that could be placed was. */
  private seenMoves = -1;
  private restUntil = 0;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(RunnerDrains) private readonly drains: RunnerDrains,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** A round, if anything has changed of which one may come to another result. */
  roundAfterMoves(): void {
    if (this.live.moves !== this.seenMoves) this.round();
  }

  /** Decides for all that wait. Nothing happens while another round would leave too little time for everything else: the next tick is soon. */
  round(): void {
    const began = this.clock.monotonic();
    if (began < this.restUntil) return;
    const stranded = this.live.unclaimed().filter((session) => this.isStranded(session));
    this.stranded = new Map(stranded.map((session) => [session.id, waiterOf(session, this.live.keeperOf(session))]));
    this.seenMoves = this.live.moves;
    if (this.live.waiting.size + stranded.length === 0) return;
    const round = placeInOrder(this.queue(), new Fleet(this.fleet(stranded)), PLACED_AT_ONCE);
    const took = this.clock.monotonic() - began;
    if (took >= SHORT_ROUND_MS) this.restUntil = began + took + ROUND_REST_FACTOR * took;
    this.waiting = round.waiting;
    for (const { id, runnerId } of round.placed) {
      this.stranded.delete(id);
      this.place(id, runnerId);
    }
    if (round.placed.length < PLACED_AT_ONCE) this.seenMoves = this.live.moves;
  }

  /** Why it has no runner yet, by the last round that it was in. */
  waitingOf(sessionId: string): Waiting | undefined {
    return this.live.waiting.get(sessionId) || this.stranded.has(sessionId) ? this.waiting.get(sessionId) : undefined;
  }

  private queue(): readonly Waiter[] {
    const waiting = this.live.waiting.inOrder();
    return this.stranded.size === 0 ? waiting : [...waiting, ...this.stranded.values()].sort(byTurn);
  }

  private isStranded(session: Session): boolean {
    const { runnerId } = session.run!;
    return isStranded(session, { presence: this.registry.presence(runnerId), refused: this.registry.hasRefused(session.id, runnerId) });
  }

  /** @param stranded hold no room anywhere: they are given it anew */
  private fleet(stranded: readonly Session[]): FleetState {
    const left = new Set(stranded.map(({ id }) => id));
    const strandedIn = (key: (session: Session) => string, value: string): number => stranded.filter((session) => key(session) === value).length;
    const all = this.registry.all();
    return {
      rooms: all.filter(({ heartbeat: { runnerId } }) => this.registry.presence(runnerId) === 'live')
        .map((runner) => this.roomOf(runner, left, strandedIn((session) => session.run!.runnerId, runner.heartbeat.runnerId))),
      silent: all.filter(({ heartbeat: { runnerId } }) => this.registry.presence(runnerId) === 'silent').length,
      refusalsOf: (sessionId) => this.registry.refusalsOf(sessionId),
      projectLoad: (projectId) => ({
        running: this.live.projectLoad(projectId) - strandedIn((session) => session.projectId, projectId),
        max: this.store.pending.get<Project>(COLLECTIONS.projects, projectId)?.maxSessions ?? null,
      }),
    };
  }

  private roomOf({ heartbeat }: KnownRunner, stranded: ReadonlySet<string>, strandedHere: number): RunnerRoom {
    const { runnerId, labels, capacity, startsAtOnce = Infinity, problem = null, roots = null, unlooked = [] } = heartbeat;
    // An agent that hangs in its start keeps its place only so long: it costs nobody else's.
    const since = this.clock.wall() - START_PLACE_MS;
    const starting = this.live.starting(runnerId).filter(({ id, run }) => !stranded.has(id) && Date.parse(run!.placedAt) > since).length;
    return {
      runnerId, labels, problem, roots, unlooked, capacity,
      draining: heartbeat.draining || this.drains.has(runnerId),
      providers: new Map(heartbeat.providers.map((provider) => [provider.name, provider])),
      load: this.live.load(runnerId) - strandedHere,
      starts: startsAtOnce - starting,
    };
  }

  private place(sessionId: string, runnerId: string): void {
    let decided = false;
    this.commands.apply((tx) => {
      const session = tx.view.get<Session>(COLLECTIONS.sessions, sessionId);
      const free = session && (session.state === 'created' || (session.state === 'starting' && session.run?.claimedAt === undefined));
      // Decided again after a while, because the disk was full, the room may be another's.
      if (!free || decided) return { result: null };
      decided = true;
      const { change, session: after } = changeSession(tx, session, { type: 'place', runId: tx.newId('run'), runnerId });
      return { ...change, result: { ...after.run!, traceId: after.traceId } };
    }).then((run) => {
      if (run) this.logger.info({ sessionId, runId: run.runId, runnerId, epoch: run.epoch, traceId: run.traceId }, 'session placed');
    }, (err: unknown) => this.logger.warn({ err, sessionId, runnerId }, 'a session could not be placed, the next round tries again'));
  }
}
