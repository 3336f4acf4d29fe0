import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { DirectoryLock } from '@orbitmesh/storage';
import { SLOTS_MAX } from '../limits.js';

/** A runner's place: the first `provider-runner/slot-<n>` that nobody holds. Its name is the runner's id (design §2), or with its machine's name `<name>-<n>`. */
export class Slot {
  private constructor(
    /** Of its directory: `slot-<n>`. */
    readonly name: string,
    readonly runnerId: string,
    private readonly dir: string,
    private readonly lock: DirectoryLock,
  ) {}

  /**
   * @param machine tells the runners of this home from those of other machines, whose homes have slots of the same names
   * @throws STORAGE_LOCKED when every slot is held
   */
  static async take(home: string, machine = 'slot'): Promise<Slot> {
    for (let number = 0; number < SLOTS_MAX; number += 1) {
      const name = `slot-${number}`;
      const dir = join(home, 'provider-runner', name);
      mkdirSync(join(dir, 'runs'), { recursive: true, mode: 0o700 });
      try {
        return new Slot(name, `${machine}-${number}`, dir, await DirectoryLock.acquire(dir));
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
