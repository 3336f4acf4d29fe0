import { appendAll } from '../fs/write-file-atomic.js';
import { ShortWriteError } from '../fs/storage-error.js';
import type { StorageFile, StorageFs } from '../fs/storage-fs.js';

/**
 * A file that only grows, one durable append at a time. After a failed write or fdatasync its
 * descriptor is never trusted again (the kernel may have marked lost pages clean): it is closed, and
 * every later append is refused; `durableBytes` stays what the disk is known to have.
 */
export class AppendFile {
  private broken = false;

  private constructor(
    readonly path: string,
    private readonly file: StorageFile,
    private durable: number,
  ) {}

  static async create(fs: StorageFs, path: string): Promise<AppendFile> {
    return new AppendFile(path, await fs.open(path, 'create'), 0);
  }

  /** Goes on with a file whose first `durableBytes` bytes are durable and which has no more. */
  static async resume(fs: StorageFs, path: string, durableBytes: number): Promise<AppendFile> {
    const file = await fs.open(path, 'append');
    const size = file.size();
    if (size === durableBytes) return new AppendFile(path, file, durableBytes);
    await file.close();
    throw new ShortWriteError(path, durableBytes, size);
  }

  get durableBytes(): number {
    return this.durable;
  }

  get failed(): boolean {
    return this.broken;
  }

  /** Resolves when the bytes are durable. One call at a time. */
  async append(bytes: Buffer): Promise<void> {
    if (this.broken) throw new Error(`${this.path} failed before and is not written any more.`);
    try {
      await appendAll(this.file, bytes);
      const size = this.file.size();
      if (size !== this.durable + bytes.length) throw new ShortWriteError(this.path, this.durable + bytes.length, size);
      await this.file.datasync();
    } catch (error) {
      this.broken = true;
      // The first error is the one that counts; a close that fails after it changes nothing.
      await this.file.close().catch(() => undefined);
      throw error;
    }
    this.durable += bytes.length;
  }

  async close(): Promise<void> {
    if (this.broken) return;
    this.broken = true;
    await this.file.close();
  }
}
