import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { AnyRunnerRpc, RunnerRpc, type DirectoryQuestion } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { DIRECTORY_ASKED_AT_ONCE } from '../limits.js';
import { RunnerRegistry } from './runner-registry.js';

/** Has a runner look at a directory: only a runner sees it for certain (design §4.3). */
@Injectable()
export class DirectoryCheck {
  constructor(
    @Inject(Bus) private readonly bus: Pick<Bus, 'request'>,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * That it exists, is a directory, really lies in one of the roots and not in our home, by any runner: not all have the same
   * directories. When one of them does not answer it is taken as it is: the starting runner looks again, and one that no runner can
   * work in ends the session in `config_invalid`.
   * @throws WORKING_DIR_INVALID
   */
  async assertUsable(path: string, roots: string[]): Promise<void> {
    const question: DirectoryQuestion = { path, roots };
    const refusal = await this.refusalOf(() => this.bus.request(AnyRunnerRpc.resolveDirectory, question));
    if (!refusal) return;
    const others = this.registry.all().map(({ heartbeat: { runnerId } }) => runnerId).filter((runnerId) => this.registry.presence(runnerId) === 'live');
    for (let asked = 0; others.length > 1 && asked < others.length; asked += DIRECTORY_ASKED_AT_ONCE) {
      const answers = others.slice(asked, asked + DIRECTORY_ASKED_AT_ONCE).map((runnerId) => this.refusalOf(() => this.bus.request(RunnerRpc.resolveDirectory, question, { runnerId })));
      if ((await Promise.all(answers)).includes(null)) return;
    }
    throw refusal;
  }

  /** Null: it can be worked in there, or nobody can say. */
  private async refusalOf(look: () => Promise<unknown>): Promise<AppError | null> {
    try {
      await look();
      return null;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!error.retryable) return error;
      this.logger.info({ code: error.code }, 'no runner looked at the working directory');
      return null;
    }
  }
}
