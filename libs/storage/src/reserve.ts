import { randomFill } from 'node:crypto';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from './fs/storage-error.js';
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
    private readonly onDamage: (path: string, reason: string) => void,
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
    const { fs, limits: { reserveBytes, reserveLookMs } } = this;
    if (fs.freeBytes === undefined || reserveBytes === 0) return;
    const found = this.found();
    this.size = found ?? 0;
    this.given = found !== undefined && found < reserveBytes;
    if (this.wanting) this.schedule(found === undefined ? reserveLookMs : 0);
  }

  /** The log met a full disk: a portion is given back. Nothing is thrown: without it the disk is as full as it was. */
  async give(): Promise<void> {
    await this.looking;
    if (this.size === 0 || this.stopped) return;
    const { reserveBytes, reservePortions, reserveLookMs } = this.limits;
    // Of what is there now: somebody may have taken it away, or put something else in its place.
    const held = Math.min(this.found() ?? 0, reserveBytes);
    const left = Math.max(0, held - Math.ceil(reserveBytes / reservePortions));
    const given = held > 0 && await this.fs.truncate(this.path, left).then(() => true, () => false);
    this.size = given ? left : 0;
    this.given ||= given;
    this.schedule(reserveLookMs);
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

  /** It is not as it should be, or what it was given for may be over. */
  private get wanting(): boolean {
    return this.given || this.size !== this.limits.reserveBytes;
  }

  /** undefined when there is none, or something else in its place, which is told. */
  private found(): number | undefined {
    try {
      return this.fs.sizeSync(this.path);
    } catch (error) {
      this.onDamage(RESERVE_FILE, `no reserve is held for a full disk: ${reasonOf(error)}`);
      return undefined;
    }
  }

  private schedule(delayMs: number): void {
    if (this.stopped || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      // What cannot be made now is tried again.
      this.looking = this.look().catch(() => undefined).finally(() => {
        this.looking = this.timer = undefined;
        if (this.wanting) this.schedule(this.limits.reserveLookMs);
      });
    }, delayMs);
    this.timer.unref();
  }

  /** With twice the room for it the disk is full no more, whether or not it can be made again: with less it would be full at once. */
  private async look(): Promise<void> {
    const { fs, limits: { reserveBytes } } = this;
    if (!this.given && this.size > reserveBytes) {
      await fs.truncate(this.path, reserveBytes);
      this.size = reserveBytes;
      return;
    }
    const free = await fs.freeBytes?.(this.root) ?? 0;
    if (free < 2 * reserveBytes || this.stopped) return;
    try {
      await this.make();
    } finally {
      this.given = false;
    }
  }

  /** What else is in its place is left alone. */
  private async make(): Promise<void> {
    const { fs, limits: { reserveBytes } } = this;
    const before = fs.sizeSync(this.path);
    if (before === undefined || before < reserveBytes) {
      // Random, because zeros may take no room at all.
      const bytes = Buffer.allocUnsafe(reserveBytes);
      await fill(bytes);
      await writeFileAtomic(this.path, bytes, { fs });
    }
    this.size = reserveBytes;
  }
}
