import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MODULE = new URL('spoil-fs.mjs', import.meta.url);

/** A disk that is made bad, and good again, under the services of a stack. */
export class BadDisk {
  private constructor(private readonly dir: string) {}

  static async create(): Promise<BadDisk> {
    return new BadDisk(await mkdtemp(join(tmpdir(), 'om-disk-')));
  }

  /** For the stack. */
  get env(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${MODULE.href}`, ORBITMESH_BAD_DISK: this.dir };
  }

  async become(what: { readOnly: true } | { syncMs: number }): Promise<void> {
    const name = 'readOnly' in what ? 'read-only' : 'sync-ms';
    // Whole at once: it is read all the time.
    await writeFile(join(this.dir, 'new'), 'syncMs' in what ? String(what.syncMs) : '');
    await rename(join(this.dir, 'new'), join(this.dir, name));
  }

  async heal(): Promise<void> {
    for (const name of ['read-only', 'sync-ms']) await rm(join(this.dir, name), { force: true });
  }

  async remove(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
