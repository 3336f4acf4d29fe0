import { randomFill } from 'node:crypto';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileAtomic } from './fs/write-file-atomic.js';
import type { StorageFs } from './fs/storage-fs.js';
import type { StorageLimits } from './limits.js';

/** Beside the documents, and none of them. */
export const RESERVE_FILE = '.reserve';
const fill = promisify(randomFill);

/**
 * Room on the disk that is given back when it is full, so that ends and removals can still be recorded (ADR-0024). The file
 * itself is the state: whole, it is held; shorter, some of it was given back, and the disk is full until there is twice as much
 * room; missing, there never was one, and a full disk is an error like any other.
 */
export class Reserve {
  private size = 0;
  private given = false;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly limits: StorageLimits,
  ) {}

  /** True from the first full disk until there is room again. */
  get full(): boolean {
    return this.given;
  }

  /** The file system for everything behind the log: while the disk is full no file gets longer, and all can be removed. */
  behindTheLog(): StorageFs {
    const { fs } = this;
    if (fs.freeBytes === undefined) return fs;
    const log = join(this.root, 'log');
    const open: StorageFs['open'] = async (path, mode, permissions) => {
      if (mode === 'read' || dirname(path) === log) return fs.open(path, mode, permissions);
      this.assertRoom();
      const file = await fs.open(path, mode, permissions);
      const append: typeof file.append = async (bytes) => {
        this.assertRoom();
        return file.append(bytes);
      };
      return Object.assign(Object.create(file) as typeof file, { append });
    };
    return Object.assign(Object.create(fs) as StorageFs, { open });
  }

  /** After boot, which takes what room there is. One that is missing or not whole is made when there is room. */
  begin(): void {
    if (this.fs.freeBytes === undefined || this.limits.reserveBytes === 0) return;
    const found = this.found();
    this.size = found ?? 0;
    this.given = found !== undefined && found < this.limits.reserveBytes;
    if (this.size < this.limits.reserveBytes) this.schedule(this.given ? 0 : this.limits.reserveLookMs);
  }

  /** The log met a full disk: a portion is given back. Nothing is thrown: without it the disk is as full as it was. */
  async give(): Promise<void> {
    await this.looking;
    if (this.size === 0 || this.stopped) return;
    this.given = true;
    const left = Math.max(0, this.size - Math.ceil(this.limits.reserveBytes / this.limits.reservePortions));
    await this.fs.truncate(this.path, left).then(() => (this.size = left), () => undefined);
    this.schedule(this.limits.reserveLookMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private get path(): string {
    return join(this.root, RESERVE_FILE);
  }

  private assertRoom(): void {
    if (this.given) throw Object.assign(new Error('ENOSPC: the disk is full, and what room there is is kept for the log'), { code: 'ENOSPC' });
  }

  /** undefined when there is none, or something else in its place. */
  private found(): number | undefined {
    try {
      return this.fs.sizeSync(this.path);
    } catch {
      return undefined;
    }
  }

  private schedule(delayMs: number): void {
    if (this.stopped || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      // What cannot be made now is tried again.
      this.looking = this.look().catch(() => undefined).finally(() => {
        this.looking = this.timer = undefined;
        if (this.size < this.limits.reserveBytes) this.schedule(this.limits.reserveLookMs);
      });
    }, delayMs);
    this.timer.unref();
  }

  /** Makes it again when there is twice the room for it: a disk that would be full at once is still full. */
  private async look(): Promise<void> {
    const { fs, limits: { reserveBytes } } = this;
    const free = await fs.freeBytes?.(this.root) ?? 0;
    if (free < 2 * reserveBytes || this.stopped) return;
    // Random, because zeros may take no room at all.
    const bytes = Buffer.allocUnsafe(reserveBytes);
    await fill(bytes);
    await writeFileAtomic(this.path, bytes, { fs });
    this.size = reserveBytes;
    this.given = false;
  }
}
