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
type Response<K extends keyof typeof SessionRpc> = RpcResponse<(typeof SessionRpc)[K]>;

/** What runners say: I am here and hold these, may I execute this, this is what I saw. Each is decided as it arrives. */
@Injectable()
export class RunService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(AgentTokens) private readonly tokens: AgentTokens,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Granted when the claim is durable. @throws CONFLICT when the run is not (or no longer) to be started by that runner */
  async claim({ runnerId, sessionId, runId, epoch }: Request<'claimRun'>): Promise<Response<'claimRun'>> {
    await this.commands.apply((tx) => {
      const session = tx.view.get<Session>(COLLECTIONS.sessions, sessionId);
      if (!session || session.run?.runnerId !== runnerId) throw new AppError('CONFLICT', 'This run is not that of the runner.', { stale: true, runId, epoch });
      const { change } = changeSession(tx, session, { type: 'claim', runId, epoch });
      return { ...change, result: undefined };
    });
    this.logger.info({ sessionId, runId, runnerId, epoch }, 'run claimed');
    return { granted: true };
  }

  /**
   * The answer names the runs that the runner is to go on holding, by what is durable. A claimed run is
   * listed from before its claim until its end is acknowledged: one that is not listed is lost, or was never executed.
   * @throws LIMIT_REACHED, VALIDATION_FAILED
   */
  heartbeat(heartbeat: Request<'heartbeat'>): HeartbeatReply {
    const { runnerId, runs } = heartbeat;
    if (this.registry.heard(heartbeat)) {
      const listed = new Set(runs.map(({ runId }) => runId));
      for (const { id, run } of this.live.ofRunner(runnerId)) {
        if (run?.claimedAt !== undefined && !listed.has(run.runId)) this.miss(id, run.runId, runnerId);
      }
    }
    const held = runs.filter(({ sessionId, runId, epoch }) => this.isHeld(sessionId, runId, epoch)).map(({ runId }) => runId);
    return { held, serverTime: new Date(this.clock.wall()).toISOString() };
  }

  /**
   * Acknowledged when they are durable; what came before is acknowledged again, a gap is not passed.
   * `stale`: the run is not the session's any more, its tree is to be ended. @throws SESSION_NOT_FOUND
   */
  async facts({ sessionId, runId, epoch, facts }: Request<'facts'>): Promise<Response<'facts'>> {
    try {
      return await this.commands.apply((tx) => {
        const { session, change } = changeSession(tx, sessionOf(tx.view, sessionId), { type: 'facts', runId, epoch, facts });
        return { ...change, result: { ackedRunSeq: ackedAfter(session, facts) } };
      });
    } catch (error) {
      if (!(error instanceof AppError) || error.details.stale !== true) throw error;
      this.logger.warn({ sessionId, runId, epoch }, 'stale facts refused');
      return { ackedRunSeq: 0, stale: true };
    }
  }

  /** @throws UNAUTHENTICATED */
  verifyToken({ token }: { token: string }): { actor: Extract<Actor, { kind: 'agent' }>; projectId: string; taskIds: string[] } {
    const { id, projectId, taskIds } = this.tokens.verify(token, (sessionId) => this.store.durable.get<Session>(COLLECTIONS.sessions, sessionId));
    return { actor: { kind: 'agent', sessionId: id }, projectId, taskIds };
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
