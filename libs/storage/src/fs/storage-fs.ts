/** An open file. Appending is the only way to write: nothing here is ever changed in place. */
export interface StorageFile {
  /** One write at the end of the file; returns how many bytes it took, which may be fewer. */
  append(bytes: Uint8Array): Promise<number>;
  read(offset: number, length: number): Promise<Buffer>;
  /** The size that the file system has for it now, in bytes. @throws when it was taken away: what is written to it goes with its last descriptor */
  size(): number;
  /** fdatasync: the data and the size are durable. */
  datasync(): Promise<void>;
  /** fsync. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file that is read where it is asked for, and stays readable when its name is given to another one. */
export interface OpenedFile {
  readonly size: number;
  /** Fewer bytes than asked for at its end. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** `create`: a new file, it must not exist; `append`: made if missing; `read`: it must exist. */
export type OpenMode = 'create' | 'append' | 'read';

export interface DirectoryEntry {
  name: string;
  kind: EntryKind;
}

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/**
 * The file system as the store uses it: a port with two implementations, the real one and the
 * simulated one of the crash-state proof. Files are 0600 and directories 0700; a link is never followed.
 * Errors are those of node:fs (`code`). The `…Sync` calls are for boot, where they are 7 to 25 times faster (facts §2.3).
 */
export interface StorageFs {
  /** `held` is false when somebody took the lock's file away. */
  lock(dir: string): Promise<{ held(): boolean; release(): Promise<void> }>;
  /** @throws NotAFileError when something else is there that can be opened. */
  open(path: string, mode: OpenMode, permissions?: number): Promise<StorageFile>;
  /** One level; a directory that exists is fine. */
  mkdir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  truncate(path: string, bytes: number): Promise<void>;
  /** fsync of a directory: its entries are durable. */
  syncDir(path: string): Promise<void>;
  /** The one place where a link is followed: a whole store may be elsewhere. */
  isDirectorySync(path: string): boolean;
  /** Empty for a directory that does not exist. */
  readDirSync(path: string): DirectoryEntry[];
  /** Fewer bytes than asked for at the end of the file. @throws NotAFileError */
  readSync(path: string, offset?: number, length?: number): Buffer;
  /** @throws NotAFileError */
  openSync(path: string): OpenedFile;
  /** The first bytes of a file, and when it was changed, as below. @throws NotAFileError */
  readDatedSync(path: string, length: number): { bytes: Buffer; changedAt: number | undefined };
  /** undefined for a file that does not exist. @throws NotAFileError */
  sizeSync(path: string): number | undefined;
  /**
   * When it was put there or written last, in ms since 1970; undefined for a file that does not exist. Nobody can set that
   * time, as those can who copy or unpack an older file over it.
   */
  changedAtSync?(path: string): number | undefined;
  /** Bytes that may still be written below a directory. Without it no reserve is held. */
  freeBytes?(dir: string): Promise<number>;
  /** Stays with the file itself, through renames and restarts; a copy has another one. undefined: it cannot be told. */
  identitySync?(path: string): string | undefined;
}

/**
 * Are these two different files? By when they were born, which no copy takes over; the number of an inode is soon given to
 * another file, so it counts only where the file system does not know the time.
 */
export function isOtherFile(identity: string | undefined, other: string | undefined): boolean {
  if (identity === undefined || other === undefined) return false;
  const [[inode, birth], [otherInode, otherBirth]] = [identity.split('-'), other.split('-')];
  return birth === '0' || otherBirth === '0' ? inode !== otherInode : birth !== otherBirth;
}

/** True when the error of a file system call says that the thing is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

const KINDS: Record<Exclude<EntryKind, 'file'>, string> = { directory: 'a directory', link: 'a symbolic link', other: 'no ordinary file' };

/** Something else is where a file of ours belongs. */
export class NotAFileError extends Error {
  constructor(path: string, kind: Exclude<EntryKind, 'file'>) {
    super(`${path} is ${KINDS[kind]}.`);
    this.name = 'NotAFileError';
  }
}

const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR']);

/** True when a read failed for what the process or the machine is short of: it says nothing about the file. */
export function isShortage(error: unknown): boolean {
  return SHORTAGES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
