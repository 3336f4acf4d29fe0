import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { DirectoryLock } from '@orbitmesh/storage';
import { SLOTS_MAX } from '../limits.js';

/** A runner's place: the first `provider-runner/slot-<n>` that nobody holds. Its name is the runner's id (design §2). */
export class Slot {
  private constructor(
    readonly runnerId: string,
    private readonly dir: string,
    private readonly lock: DirectoryLock,
  ) {}

  /** @throws STORAGE_LOCKED when every slot is held */
  static async take(home: string): Promise<Slot> {
    for (let number = 0; number < SLOTS_MAX; number += 1) {
      const runnerId = `slot-${number}`;
      const dir = join(home, 'provider-runner', runnerId);
      mkdirSync(join(dir, 'runs'), { recursive: true, mode: 0o700 });
      try {
        return new Slot(runnerId, dir, await DirectoryLock.acquire(dir));
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'STORAGE_LOCKED') throw error;
      }
    }
    throw new AppError('STORAGE_LOCKED', `All ${SLOTS_MAX} slots are held.`);
  }

  /** False when somebody took its lock away: another runner may have it by now. */
  get held(): boolean {
    return this.lock.held();
  }

  get runsDir(): string {
    return join(this.dir, 'runs');
  }

  /** What its agents keep between their runs, by provider. */
  get agentsDir(): string {
    return join(this.dir, 'agents');
  }

  async release(): Promise<void> {
    await this.lock.release();
  }
}
