import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFs } from '../fs/node-fs.js';
import type { StorageFile, StorageFs } from '../fs/storage-fs.js';

export type FaultyOperation = 'open' | 'append' | 'read' | 'sync' | 'syncDir' | 'rename' | 'unlink' | 'truncate' | 'mkdir' | 'rmdir';

/** The real file system, except for what a test says: an error to throw, or something to wait for. */
export class FaultyFs implements StorageFs {
  /** Throws to make the operation fail; may be slow; `short` makes a write take half of its bytes and claim all. */
  fault: (operation: FaultyOperation, path: string, bytes?: number) => void | 'short' | Promise<void> = () => undefined;

  /** Throws to make the reading of a file fail, as boot does it. */
  readFault: (path: string) => void = () => undefined;

  /** Without it there is no reserve. */
  freeBytes?: NonNullable<StorageFs['freeBytes']>;

  readonly lock = nodeFs.lock;
  readonly isDirectorySync = nodeFs.isDirectorySync;
  readonly readDirSync = nodeFs.readDirSync;
  readonly readSync: StorageFs['readSync'] = (path, ...range) => {
    this.readFault(path);
    return nodeFs.readSync(path, ...range);
  };
  readonly openSync: StorageFs['openSync'] = (path) => {
    this.readFault(path);
    const file = nodeFs.openSync(path);
    const read: typeof file.read = (...range) => {
      this.readFault(path);
      return file.read(...range);
    };
    return { ...file, read };
  };
  readonly readDatedSync: StorageFs['readDatedSync'] = (path, length) => {
    this.readFault(path);
    return nodeFs.readDatedSync(path, length);
  };
  readonly sizeSync = nodeFs.sizeSync;
  readonly changedAtSync = nodeFs.changedAtSync;

  async open(...[path, mode, permissions]: Parameters<StorageFs['open']>): Promise<StorageFile> {
    await this.fault('open', path);
    const file = await nodeFs.open(path, mode, permissions);
    const sync = async (): Promise<void> => {
      await this.fault('sync', path);
      await file.sync();
    };
    return {
      append: async (bytes) => {
        const short = (await this.fault('append', path, bytes.length)) === 'short';
        if (!short) return file.append(bytes);
        await file.append(bytes.subarray(0, Math.floor(bytes.length / 2)));
        return bytes.length;
      },
      read: async (offset, length) => {
        await this.fault('read', path);
        return file.read(offset, length);
      },
      size: () => file.size(),
      sync,
      datasync: sync,
      close: () => file.close(),
    };
  }

  async mkdir(path: string): Promise<void> {
    await this.fault('mkdir', path);
    await nodeFs.mkdir(path);
  }

  async rmdir(path: string): Promise<void> {
    await this.fault('rmdir', path);
    await nodeFs.rmdir(path);
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

/** A disk of so many bytes, which a test may change, for everything below a directory. */
export class SmallDisk {
  readonly fs = new FaultyFs();

  constructor(private readonly dir: string, public capacity: number) {
    this.fs.freeBytes = () => Promise.resolve(Math.max(0, this.free));
    this.fs.fault = (operation, _path, bytes = 0) => {
      if (operation === 'append' && bytes > this.free) throw fileSystemError('ENOSPC');
    };
  }

  get free(): number {
    const files = readdirSync(this.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0);
    return this.capacity - sizes.reduce((sum, size) => sum + size, 0);
  }
}

export function fileSystemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made by a test`), { code });
}
