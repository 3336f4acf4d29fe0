import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import * as fsp from 'node:fs/promises';
import { DirectoryLock } from '../lock/directory.lock.js';
import { isMissing, type DirectoryEntry, type OpenMode, type StorageFile, type StorageFs } from './storage-fs.js';

const FLAGS: Record<OpenMode, string> = { create: 'ax', append: 'a', read: 'r' };
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

class NodeFile implements StorageFile {
  constructor(private readonly handle: fsp.FileHandle) {}

  async append(bytes: Uint8Array): Promise<number> {
    return (await this.handle.write(bytes)).bytesWritten;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  size(): number {
    return fstatSync(this.handle.fd).size;
  }

  datasync(): Promise<void> {
    return this.handle.datasync();
  }

  sync(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** The real file system. */
export const nodeFs: StorageFs = {
  lock: (dir) => DirectoryLock.acquire(dir),

  async open(path, mode, permissions = FILE_MODE) {
    return new NodeFile(await fsp.open(path, FLAGS[mode], permissions));
  },

  async mkdir(path) {
    try {
      await fsp.mkdir(path, DIRECTORY_MODE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
    }
  },

  rename: (from, to) => fsp.rename(from, to),
  unlink: (path) => fsp.unlink(path),
  rmdir: (path) => fsp.rmdir(path),
  truncate: (path, bytes) => fsp.truncate(path, bytes),

  async syncDir(path) {
    const handle = await fsp.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  readDirSync(path): DirectoryEntry[] {
    try {
      return readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other',
      }));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },

  readSync(path, offset, length) {
    if (offset === undefined) return readFileSync(path);
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(length ?? Math.max(0, fstatSync(fd).size - offset));
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset));
    } finally {
      closeSync(fd);
    }
  },

  sizeSync(path) {
    return statSync(path, { throwIfNoEntry: false })?.size;
  },

  writtenAtSync(path) {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  },

  identitySync(path) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && `${found.ino}-${found.birthtimeNs}`;
  },
};
