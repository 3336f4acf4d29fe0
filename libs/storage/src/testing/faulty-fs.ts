import { nodeFs } from '../fs/node-fs.js';
import type { StorageFile, StorageFs } from '../fs/storage-fs.js';

export type FaultyOperation = 'open' | 'append' | 'sync' | 'syncDir' | 'rename' | 'unlink' | 'truncate';

/** The real file system, except for what a test says: an error to throw, or something to wait for. */
export class FaultyFs implements StorageFs {
  /** Throws to make the operation fail; may be slow. */
  fault: (operation: FaultyOperation, path: string) => void | Promise<void> = () => undefined;

  /** Throws to make the reading of a file fail, as boot does it. */
  readFault: (path: string) => void = () => undefined;

  readonly lock = nodeFs.lock;
  readonly mkdir = nodeFs.mkdir;
  readonly rmdir = nodeFs.rmdir;
  readonly isDirectorySync = nodeFs.isDirectorySync;
  readonly readDirSync = nodeFs.readDirSync;
  readonly readSync: StorageFs['readSync'] = (path, ...range) => {
    this.readFault(path);
    return nodeFs.readSync(path, ...range);
  };
  readonly sizeSync = nodeFs.sizeSync;

  async open(...[path, mode, permissions]: Parameters<StorageFs['open']>): Promise<StorageFile> {
    await this.fault('open', path);
    const file = await nodeFs.open(path, mode, permissions);
    const sync = async (): Promise<void> => {
      await this.fault('sync', path);
      await file.sync();
    };
    return {
      append: async (bytes) => {
        await this.fault('append', path);
        return file.append(bytes);
      },
      read: (offset, length) => file.read(offset, length),
      size: () => file.size(),
      sync,
      datasync: sync,
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.fault('rename', to);
    await nodeFs.rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    await this.fault('unlink', path);
    await nodeFs.unlink(path);
  }

  async truncate(path: string, bytes: number): Promise<void> {
    await this.fault('truncate', path);
    await nodeFs.truncate(path, bytes);
  }

  async syncDir(path: string): Promise<void> {
    await this.fault('syncDir', path);
    await nodeFs.syncDir(path);
  }
}

export function fileSystemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by a test`), { code });
}
