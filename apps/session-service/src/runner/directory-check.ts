import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { AnyRunnerRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';

/** Has a runner look at a directory: only a runner sees it for certain (design §4.3). */
@Injectable()
export class DirectoryCheck {
  constructor(@Inject(Bus) private readonly bus: Pick<Bus, 'request'>, @Inject(LOGGER) private readonly logger: Logger) {}

  /**
   * That it exists, is a directory, really lies in one of the roots and not in our home. When no runner answers it is
   * taken as it is: the starting runner looks again, and a wrong one ends the session in `config_invalid`.
   * @throws WORKING_DIR_INVALID
   */
  async assertUsable(path: string, roots: string[]): Promise<void> {
    try {
      await this.bus.request(AnyRunnerRpc.resolveDirectory, { path, roots });
    } catch (error) {
      if (!(error instanceof AppError) || !error.retryable) throw error;
      this.logger.info({ code: error.code }, 'no runner looked at the working directory');
    }
  }
}
