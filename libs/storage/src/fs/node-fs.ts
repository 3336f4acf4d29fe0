import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, statSync, type Stats } from 'node:fs';
import * as fsp from 'node:fs/promises';
import { DirectoryLock } from '../lock/directory.lock.js';
import { isMissing, NotAFileError, type DirectoryEntry, type OpenedFile, type OpenMode, type StorageFile, type StorageFs } from './storage-fs.js';

/** A link is never followed: what we read and write is what lies in our own directory. Nor is a FIFO waited for. */
const OURS = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | OURS;
const READ = constants.O_RDONLY | OURS;
const FLAGS: Record<OpenMode, number> = { create: APPEND | constants.O_EXCL, append: APPEND, read: READ };
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
    const { size, nlink } = fstatSync(this.handle.fd);
    if (nlink === 0) throw new Error('The file was taken away while it was written.');
    return size;
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
    const handle = await fsp.open(path, FLAGS[mode], permissions).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ELOOP' ? new NotAFileError(path, 'link') : error;
    });
    try {
      if (mode !== 'create') fileStats(path, fstatSync(handle.fd));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new NodeFile(handle);
  },

  async mkdir(path) {
    try {
      await fsp.mkdir(path, DIRECTORY_MODE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !lstatSync(path).isDirectory()) throw error;
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

  isDirectorySync: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,

  readDirSync(path): DirectoryEntry[] {
    try {
      return readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'other',
      }));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },

  readSync: (path, offset = 0, length = Infinity) => readPart(path, offset, length).bytes,
  openSync: openedFile,
  readDatedSync: (path, length) => readPart(path, 0, length),

  sizeSync(path) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : fileStats(path, stats).size;
  },

  changedAtSync(path) {
    return lstatSync(path, { throwIfNoEntry: false })?.ctimeMs;
  },

  async freeBytes(dir) {
    const { bavail, bsize } = await fsp.statfs(dir);
    return bavail * bsize;
  },

  identitySync(path) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && `${found.ino}-${found.birthtimeNs}`;
  },
};

/**
 * Which directory it is, whatever it is called by now; a copy of it is another one (ADR-0023). Undefined when there is none;
 * one that may not be looked at is somebody's.
 */
export function placeOf(dir: string): string | undefined {
  try {
    return nodeFs.identitySync!(dir);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? undefined : 'unknown';
  }
}

function readPart(path: string, offset: number, length: number): { bytes: Buffer; changedAt: number } {
  const fd = openSync(path, READ);
  try {
    const { size, ctimeMs } = fileStats(path, fstatSync(fd));
    return { bytes: readAt(fd, offset, Math.min(length, size - offset)), changedAt: ctimeMs };
  } finally {
    closeSync(fd);
  }
}

function openedFile(path: string): OpenedFile {
  const fd = openSync(path, READ);
  try {
    const { size } = fileStats(path, fstatSync(fd));
    return { size, read: (offset, length) => readAt(fd, offset, Math.min(length, size - offset)), close: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(Math.max(0, length));
  let filled = 0;
  for (let count = -1; filled < buffer.length && count !== 0; filled += count) {
    count = readSync(fd, buffer, filled, buffer.length - filled, offset + filled);
  }
  return buffer.subarray(0, filled);
}

function fileStats(path: string, stats: Stats): Stats {
  if (!stats.isFile()) throw new NotAFileError(path, stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'other');
  return stats;
}
