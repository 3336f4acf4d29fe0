import { Inject, Injectable } from '@nestjs/common';
import { AppError, ackedAfter, isTerminal, type Actor, type Session } from '@orbitmesh/domain';
import type { HeartbeatReply, RpcRequest, RpcResponse, SessionRpc } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import { Clock } from '../kernel/clock.js';
import { AgentTokens } from '../session/agent-token.js';
import { changeSession } from '../session/session-change.js';
import { COLLECTIONS } from '../store/collections.js';
import { sessionOf } from '../store/documents.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { RunnerRegistry } from './runner-registry.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;
type Refused = 'facts' | 'claims' | 'heartbeats';
type Response<K extends keyof typeof SessionRpc> = RpcResponse<(typeof SessionRpc)[K]>;

/** What runners say: I am here and hold these, may I execute this, this is what I saw. Each is decided as it arrives. */
@Injectable()
export class RunService {
  private readonly refusals: Record<Refused, number> = { facts: 0, claims: 0, heartbeats: 0 };

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(AgentTokens) private readonly tokens: AgentTokens,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Granted when the claim is durable.
   * @throws CONFLICT when the run is not (or no longer) to be started by that runner; UNAVAILABLE to a process whose
   * heartbeat has not come yet: of two under one id only the one that was heard last may start anything
   */
  async claim({ runnerId, incarnation, sessionId, runId, epoch }: Request<'claimRun'>): Promise<Response<'claimRun'>> {
    const standing = this.registry.standing(runnerId, incarnation);
    if (standing === 'unknown') throw new AppError('UNAVAILABLE', 'No heartbeat of this runner has come yet.', { runnerId });
    try {
      if (standing === 'former') throw notOfThatRunner(runId, epoch);
      await this.commands.apply((tx) => {
        const session = tx.view.get<Session>(COLLECTIONS.sessions, sessionId);
        if (!session) throw notOfThatRunner(runId, epoch);
        const { change } = changeSession(tx, ofRunner(session, runnerId, runId, epoch), { type: 'claim', runId, epoch });
        return { ...change, result: undefined };
      });
    } catch (error) {
      if (isStale(error)) this.refuse('claims', { sessionId, runId, runnerId, epoch });
      throw error;
    }
    this.logger.info({ sessionId, runId, runnerId, epoch }, 'run claimed');
    return { granted: true };
  }

  /**
   * The answer names the runs that the runner is to go on holding, by what is durable. A claimed run is
   * listed from before its claim until its end is acknowledged: one that is not listed is lost, or was never executed.
   * A process that another one has followed under its id is to hold nothing.
   * @throws CONFLICT to one of another machine that calls itself as a runner that is there; LIMIT_REACHED, VALIDATION_FAILED
   */
  heartbeat(heartbeat: Request<'heartbeat'>): HeartbeatReply {
    const { runnerId, incarnation, runs } = heartbeat;
    const serverTime = new Date(this.clock.wall()).toISOString();
    if (this.registry.standing(runnerId, incarnation) === 'former') {
      this.refuse('heartbeats', { runnerId, incarnation });
      return { held: [], serverTime };
    }
    if (this.registry.heard(heartbeat)) {
      const listed = new Set(runs.map(({ runId }) => runId));
      for (const { id, run } of this.live.ofRunner(runnerId)) {
        if (run?.claimedAt !== undefined && !listed.has(run.runId)) this.miss(id, run.runId, runnerId);
      }
    }
    const held = runs.filter(({ sessionId, runId, epoch }) => this.isHeld(sessionId, runId, epoch)).map(({ runId }) => runId);
    return { held, serverTime };
  }

  /**
   * Acknowledged when they are durable; what came before is acknowledged again, a gap is not passed.
   * `stale`: the run is not the session's any more, its tree is to be ended. @throws SESSION_NOT_FOUND
   */
  async facts({ runnerId, sessionId, runId, epoch, facts }: Request<'facts'>): Promise<Response<'facts'>> {
    try {
      return await this.commands.apply((tx) => {
        const { session, change } = changeSession(tx, ofRunner(sessionOf(tx.view, sessionId), runnerId, runId, epoch), { type: 'facts', runId, epoch, facts });
        return { ...change, result: { ackedRunSeq: ackedAfter(session, facts) } };
      });
    } catch (error) {
      if (!isStale(error)) throw error;
      this.refuse('facts', { sessionId, runId, runnerId, epoch });
      return { ackedRunSeq: 0, stale: true };
    }
  }

  /** What was not taken since our start, because it was of no run or process that is the present one: batches of facts, claims, heartbeats. */
  get refused(): Readonly<Record<Refused, number>> {
    return this.refusals;
  }

  /** @throws UNAUTHENTICATED */
  verifyToken({ token }: { token: string }): { actor: Extract<Actor, { kind: 'agent' }>; projectId: string; taskIds: string[] } {
    const { id, projectId, taskIds } = this.tokens.verify(token, (sessionId) => this.store.durable.get<Session>(COLLECTIONS.sessions, sessionId));
    return { actor: { kind: 'agent', sessionId: id }, projectId, taskIds };
  }

  private refuse(what: Refused, whose: Record<string, unknown>): void {
    this.refusals[what] += 1;
    this.logger.warn(whose, `stale ${what} refused`);
  }

  private isHeld(sessionId: string, runId: string, epoch: number): boolean {
    const session = this.store.durable.get<Session>(COLLECTIONS.sessions, sessionId);
    return session?.run?.runId === runId && session.run.epoch === epoch && !isTerminal(session);
  }

  private miss(sessionId: string, runId: string, runnerId: string): void {
    this.commands.apply((tx) => {
      const { change, changed } = changeSession(tx, sessionOf(tx.view, sessionId), { type: 'run_absent', runId, message: `The runner ${runnerId} no longer has the run.` });
      return { ...change, result: changed };
    }).then((ended) => {
      if (ended) this.logger.warn({ sessionId, runId, runnerId }, 'run is gone from its runner');
    }, (err: unknown) => this.logger.error({ err, sessionId }, 'a run that is gone could not be recorded as such, the next heartbeat tries again'));
  }
}

/** @throws CONFLICT {stale: true} to a runner that the session's run is not on */
function ofRunner(session: Session, runnerId: string, runId: string, epoch: number): Session {
  if (session.run?.runnerId !== runnerId) throw notOfThatRunner(runId, epoch);
  return session;
}

function notOfThatRunner(runId: string, epoch: number): AppError {
  return new AppError('CONFLICT', 'This run is not that of the runner.', { stale: true, runId, epoch });
}

function isStale(error: unknown): boolean {
  return error instanceof AppError && error.details.stale === true;
}
