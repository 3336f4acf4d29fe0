import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PRELOAD = fileURLToPath(new URL('../preload/shifted-clock.mjs', import.meta.url));

/** The wall clock of other processes, to be set while they run: those that were started with `env`. Monotonic clocks and timers stay as they are. */
export class ShiftedClock {
  private constructor(private readonly dir: string) {}

  static async make(): Promise<ShiftedClock> {
    return new ShiftedClock(await mkdtemp(join(tmpdir(), 'om-clock-')));
  }

  get env(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, ORBITMESH_TEST_CLOCK_FILE: this.file };
  }

  /** By so many ms the clock is wrong from now on (that is, within a few hundredths of a second). */
  async set(shiftMs: number): Promise<void> {
    // Never half a number.
    await writeFile(`${this.file}.new`, String(shiftMs));
    await rename(`${this.file}.new`, this.file);
  }

  async remove(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.dir, 'shift-ms');
  }
}
