import { Inject, Injectable } from '@nestjs/common';
import { AppError, isTerminal, runMayLive, type Session } from '@orbitmesh/domain';
import { RunnerRpc } from '@orbitmesh/contracts';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { RunnerCalls } from '../runner/runner-calls.js';
import { COLLECTIONS } from '../store/collections.js';

/** A wish to end a session, of somebody who may wish it. */
export interface EndWish { sessionId: string; action: 'stop' | 'kill'; reason: string }

/**
 * The way out when the disk takes no intent: an agent that fills the disk must still be ended by its user. The runner
 * is told directly, and what it says of the end later is the record (`run_ended`, cause `stopped` or `killed`).
 */
@Injectable()
export class UnrecordedEnd {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(RunnerCalls) private readonly runners: RunnerCalls,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The same failure, saying what became of the wish; another error as it is. Safe to repeat. */
  async after(error: unknown, wish: EndWish): Promise<unknown> {
    if (!(error instanceof AppError) || (error.code !== 'STORAGE_FULL' && error.code !== 'STORAGE_WRITE')) return error;
    const session = this.store.durable.get<Session>(COLLECTIONS.sessions, wish.sessionId);
    if (!session?.run || isTerminal(session) || !runMayLive(session)) return error;
    const told = await this.tell(session, session.run, wish);
    const what = told ? 'not recorded; the runner was told to end it' : 'not recorded, and the runner could not be told to end it; try again';
    return new AppError(error.code, `${error.message} The ${wish.action} was ${what}.`, { ...error.details, runnerTold: told }, { cause: error });
  }

  private async tell({ id }: Session, { runId, runnerId, epoch }: NonNullable<Session['run']>, { action, reason }: EndWish): Promise<boolean> {
    try {
      await this.runners.request(runnerId, RunnerRpc[action], { sessionId: id, runId, epoch, reason });
      this.logger.warn({ sessionId: id, runId, runnerId, action }, 'the disk took no intent, the runner was told directly');
      return true;
    } catch (err) {
      this.logger.error({ err, sessionId: id, runId, runnerId, action }, 'the disk took no intent, and the runner could not be told');
      return false;
    }
  }
}
