import { nodeFs, type StorageFile, type StorageFs } from '@orbitmesh/storage';

/** The real disk, on which syncs can be made to fail or to take until they are let go. */
export class FailingFs {
  /** The `code` of every sync's error; null: none. */
  error: 'EIO' | 'ENOSPC' | null = null;
  private held: Promise<void> | null = null;

  readonly fs: StorageFs = {
    ...nodeFs,
    open: async (path, mode, permissions) => this.wrap(await nodeFs.open(path, mode, permissions)),
  };

  /** Syncs wait until the returned function is called. */
  hold(): () => void {
    let release = (): void => undefined;
    this.held = new Promise((resolve) => { release = resolve; });
    return () => {
      this.held = null;
      release();
    };
  }

  private wrap(file: StorageFile): StorageFile {
    const synced = async (sync: () => Promise<void>): Promise<void> => {
      await this.held;
      if (this.error) throw Object.assign(new Error(this.error), { code: this.error });
      await sync();
    };
    return {
      append: (bytes) => file.append(bytes),
      read: (offset, length) => file.read(offset, length),
      size: () => file.size(),
      datasync: () => synced(() => file.datasync()),
      sync: () => synced(() => file.sync()),
      close: () => file.close(),
    };
  }
}
