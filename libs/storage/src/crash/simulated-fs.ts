import { basename, dirname } from 'node:path';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import type { DirectoryEntry, OpenedFile, OpenMode, StorageFile, StorageFs } from '../fs/storage-fs.js';
import { RESERVE_FILE } from '../reserve.js';
import { SimDirNode, SimFileNode, type SimNode } from './simulated-nodes.js';

export interface SimulatedFaults {
  /** fsync and fdatasync of these files do nothing. */
  withoutFileSync?: RegExp;
  /** fsync of these directories does nothing. */
  withoutDirectorySync?: RegExp;
  /** Every so many writes of temporary files take half and claim all. */
  shortWriteEvery?: number;
  /** The size of a file is what was claimed: so the size check sees nothing. */
  withoutSizeCheck?: boolean;
  /** No fault: it says how much is free, so that stores hold a reserve. */
  tellsRoom?: boolean;
}

/**
 * A file system in memory that knows what a crash may lose: of each file the data changes since its
 * last fsync, of each directory the entry changes since its last fsync. Directory entries are durable
 * only by an fsync of the directory, as POSIX has it (real file systems often do more).
 */
export class SimulatedFs implements StorageFs {
  /** The next sync of such a file fails, once, and makes nothing durable. */
  failSyncOf: RegExp | undefined;
  /** The process dies before the next sync of such a file. */
  haltBeforeSyncOf: RegExp | undefined;
  /** The next write to such a file finds no room, once, and writes nothing. */
  noRoomFor: RegExp | undefined;
  /** What it says of its room. */
  full = false;
  readonly freeBytes: StorageFs['freeBytes'];
  private halted = false;
  private readOnly = false;
  private temporaryWrites = 0;

  constructor(
    readonly root: SimDirNode = new SimDirNode(),
    private readonly faults: SimulatedFaults = {},
    /**
     * Before every sync of something: between two of them what a crash may leave only gets more, so it is all there now.
     * A sync that a fault takes out is none, and what comes before the next one has it.
     */
    private readonly beforeSync: () => void = () => undefined,
  ) {
    if (faults.tellsRoom === true) this.freeBytes = () => this.done(this.full ? 0 : Number.MAX_SAFE_INTEGER);
  }

  /** Every later operation never ends: the process is dead. */
  halt(): void {
    this.halted = true;
  }

  /** Every later change never ends, but what is there can be read. */
  holdChanges(): void {
    this.readOnly = true;
  }

  get dead(): boolean {
    return this.halted;
  }

  lock(): ReturnType<StorageFs['lock']> {
    return this.done({ held: () => true, release: () => Promise.resolve() });
  }

  open(path: string, mode: OpenMode): Promise<StorageFile> {
    const attempt = mode === 'read' ? this.attempt.bind(this) : this.change.bind(this);
    return attempt(() => {
      const dir = this.dir(dirname(path));
      const name = basename(path);
      const known = dir.live.get(name);
      if (known?.kind === 'directory') throw failure('EISDIR', path);
      if (known !== undefined && mode === 'create') throw failure('EEXIST', path);
      if (known !== undefined) return this.file(path, known);
      if (mode === 'read') throw failure('ENOENT', path);
      const node = new SimFileNode(Buffer.alloc(0));
      dir.change([{ name, node }]);
      return this.file(path, node);
    });
  }

  mkdir(path: string): Promise<void> {
    return this.change(() => {
      const dir = this.dir(dirname(path));
      if (!dir.live.has(basename(path))) dir.change([{ name: basename(path), node: new SimDirNode() }]);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.change(() => {
      const [source, target] = [this.dir(dirname(from)), this.dir(dirname(to))];
      const node = source.live.get(basename(from));
      if (node === undefined) throw failure('ENOENT', from);
      const gone = { name: basename(from), node: undefined };
      if (source === target) {
        source.change([gone, { name: basename(to), node }]);
      } else {
        target.change([{ name: basename(to), node }]);
        source.change([gone]);
      }
    });
  }

  unlink(path: string): Promise<void> {
    return this.change(() => this.removeEntry(path, 'file'));
  }

  rmdir(path: string): Promise<void> {
    return this.change(() => this.removeEntry(path, 'directory'));
  }

  truncate(path: string, bytes: number): Promise<void> {
    return this.change(() => {
      this.fileNode(path).change({ truncate: bytes });
    });
  }

  syncDir(path: string): Promise<void> {
    return this.change(() => {
      const dir = this.dir(path);
      if (this.faults.withoutDirectorySync?.test(path) === true) return;
      this.settle(dir);
    });
  }

  isDirectorySync(path: string): boolean {
    return this.find(path)?.kind === 'directory';
  }

  readDirSync(path: string): DirectoryEntry[] {
    const node = this.find(path);
    if (node?.kind !== 'directory') return [];
    return [...node.live].map(([name, { kind }]) => ({ name, kind }));
  }

  readSync(path: string, offset = 0, length = Infinity): Buffer {
    // The enumeration leaves out what these hold, because nothing ever depends on it.
    const name = basename(path);
    if (name === RESERVE_FILE || TEMPORARY_NAME.test(name)) throw new Error(`A temporary file, or the reserve, was read: ${path}.`);
    return this.fileNode(path).live.subarray(offset, offset + length);
  }

  openSync(path: string): OpenedFile {
    const node = this.fileNode(path);
    return { size: node.live.length, read: (offset, length) => node.live.subarray(offset, offset + length), close: () => undefined };
  }

  readDatedSync(path: string, length: number): { bytes: Buffer; changedAt: undefined } {
    return { bytes: this.readSync(path, 0, length), changedAt: undefined };
  }

  sizeSync(path: string): number | undefined {
    const node = this.find(path);
    return node?.kind === 'file' ? node.live.length : undefined;
  }

  private file(path: string, node: SimFileNode): StorageFile {
    let claimed = node.live.length;
    const sync = (): Promise<void> => {
      if (this.haltBeforeSyncOf?.test(path) === true) this.halt();
      return this.change(() => {
        if (this.failSyncOf?.test(path) === true) {
          this.failSyncOf = undefined;
          throw failure('EIO', path);
        }
        if (this.faults.withoutFileSync?.test(path) === true) return;
        this.settle(node);
      });
    };
    return {
      append: (bytes) =>
        this.change(() => {
          if (this.noRoomFor?.test(path) === true) {
            this.noRoomFor = undefined;
            throw failure('ENOSPC', path);
          }
          const taken = this.isShort(path) ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes;
          node.change({ write: Buffer.from(taken), at: node.live.length });
          claimed += bytes.length;
          return bytes.length;
        }),
      read: (offset, length) => this.attempt(() => node.live.subarray(offset, offset + length)),
      size: () => (this.faults.withoutSizeCheck === true ? claimed : node.live.length),
      datasync: sync,
      sync,
      close: () => this.attempt(() => undefined),
    };
  }

  private isShort(path: string): boolean {
    const every = this.faults.shortWriteEvery;
    if (every === undefined || !TEMPORARY_NAME.test(basename(path))) return false;
    this.temporaryWrites += 1;
    return this.temporaryWrites % every === 0;
  }

  private removeEntry(path: string, kind: SimNode['kind']): void {
    const dir = this.dir(dirname(path));
    const node = dir.live.get(basename(path));
    if (node?.kind !== kind) throw failure('ENOENT', path);
    if (node.kind === 'directory' && node.live.size > 0) throw failure('ENOTEMPTY', path);
    dir.change([{ name: basename(path), node: undefined }]);
  }

    private settle(node: SimNode): void {
    if (node.unsynced.length === 0) return;
    this.beforeSync();
    node.settle();
  }

  private find(path: string): SimNode | undefined {
    let node: SimNode | undefined = this.root;
    for (let from = 1; from < path.length && node !== undefined; ) {
      const slash = path.indexOf('/', from);
      const to = slash === -1 ? path.length : slash;
      node = node.kind === 'directory' ? node.live.get(path.slice(from, to)) : undefined;
      from = to + 1;
    }
    return node;
  }

  private dir(path: string): SimDirNode {
    const node = this.find(path);
    if (node?.kind !== 'directory') throw failure('ENOENT', path);
    return node;
  }

  private fileNode(path: string): SimFileNode {
    const node = this.find(path);
    if (node?.kind !== 'file') throw failure('ENOENT', path);
    return node;
  }

  private change<T>(work: () => T): Promise<T> {
    return this.readOnly ? new Promise<never>(() => undefined) : this.attempt(work);
  }

  private attempt<T>(work: () => T): Promise<T> {
    if (this.halted) return new Promise<never>(() => undefined);
    try {
      return this.done(work());
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  private done<T>(value: T): Promise<T> {
    return this.halted ? new Promise<never>(() => undefined) : Promise.resolve(value);
  }
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
