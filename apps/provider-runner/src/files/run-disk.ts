import { rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageWriteError } from '@orbitmesh/domain';
import { writeFileAtomic } from '@orbitmesh/storage';
import { DISK_FREE_BYTES_MIN } from '../limits.js';
import type { RunLog } from '../run/run-log.js';

/** As much as a new run's record takes. */
const TRIAL = `${' '.repeat(64 * 1024)}\n`;
/** No id, so no run. */
const TRIAL_NAME = '.trial';

/**
 * Where the runs of this runner are kept. When it takes no writes, that is told and nothing new is begun; what runs goes on, and
 * its agents are held when too much waits. With every heartbeat it is looked at again.
 */
export class RunDisk {
  private failure: string | null = null;
  private trying = false;

  constructor(
    private readonly dir: string,
    private readonly log: RunLog,
    private readonly onChange: (problem: string | null) => void,
  ) {}

  /** Why it takes no writes; null: as far as is known it does. */
  get problem(): string | null {
    return this.failure;
  }

  failed(error: unknown): void {
    if (this.failure === null) this.log('error', 'the disk of the runner takes no writes', { err: error });
    this.change(problemOf(error));
  }

  /** Whether it has room, and where there is a doubt, whether it takes a file. Never throws, and is not to be waited for: a disk may hang. */
  async look(): Promise<void> {
    if (this.trying) return;
    this.trying = true;
    try {
      const { bavail, bsize } = await statfs(this.dir);
      if (bavail * bsize < DISK_FREE_BYTES_MIN) return this.failed(new StorageWriteError('no room', 'STORAGE_FULL'));
      if (this.failure === null) return;
      await writeFileAtomic(join(this.dir, TRIAL_NAME), TRIAL);
      rmSync(join(this.dir, TRIAL_NAME), { force: true });
      this.log('info', 'the disk of the runner takes writes again');
      this.change(null);
    } catch (error) {
      this.failed(error);
    } finally {
      this.trying = false;
    }
  }

  private change(problem: string | null): void {
    if (problem === this.failure) return;
    this.failure = problem;
    this.onChange(problem);
  }
}

function problemOf(error: unknown): string {
  return ['STORAGE_FULL', 'ENOSPC', 'EDQUOT'].includes((error as { code?: string }).code ?? '') ? 'its disk is full' : 'its disk takes no writes';
}
