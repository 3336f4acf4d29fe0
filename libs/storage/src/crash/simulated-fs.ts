import { basename, dirname } from 'node:path';
import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import type { DirectoryEntry, OpenMode, StorageFile, StorageFs } from '../fs/storage-fs.js';

/** A change of a file's data that an fsync of the file makes durable. */
export type DataChange = { write: Buffer; at: number } | { truncate: number };
/** A change of a directory that its fsync makes durable: names that come to mean something else, at once. */
export type EntryChange = { name: string; node: SimNode | undefined }[];

export class SimFileNode {
  readonly kind = 'file';
  live: Buffer;
  unsynced: DataChange[] = [];
  constructor(public durable: Buffer) {
    this.live = durable;
  }
}

export class SimDirNode {
  readonly kind = 'directory';
  live: Map<string, SimNode>;
  unsynced: EntryChange[] = [];
  /** Grows with each change of the entries, or of what is durable of them. */
  version = 0;
  constructor(public durable: Map<string, SimNode> = new Map()) {
    this.live = new Map(durable);
  }
}

export type SimNode = SimFileNode | SimDirNode;

export interface SimulatedFaults {
  /** fsync and fdatasync of these files do nothing. */
  withoutFileSync?: RegExp;
  /** fsync of these directories does nothing. */
  withoutDirectorySync?: RegExp;
  /** Every so many writes of temporary files take half and claim all. */
  shortWriteEvery?: number;
  /** The size of a file is what was claimed: so the size check sees nothing. */
  withoutSizeCheck?: boolean;
}

/**
 * A file system in memory that knows what a crash may lose: of each file the data changes since its
 * last fsync, of each directory the entry changes since its last fsync. Directory entries are durable
 * only by an fsync of the directory, as POSIX has it (real file systems often do more). It does not say how much is free, so
 * no store holds a reserve here.
 */
export class SimulatedFs implements StorageFs {
  /** The next sync of such a file fails, once, and makes nothing durable. */
  failSyncOf: RegExp | undefined;
  /** The process dies before the next sync of such a file. */
  haltBeforeSyncOf: RegExp | undefined;
  private halted = false;
  private temporaryWrites = 0;

  constructor(
    readonly root: SimDirNode = new SimDirNode(),
    private readonly faults: SimulatedFaults = {},
    /** After every operation that changes what a crash may leave: there may be more, or only fewer outcomes. */
    private readonly changed: (more: boolean) => void = () => undefined,
  ) {}

  /** Every later operation never ends: the process is dead. */
  halt(): void {
    this.halted = true;
  }

  get dead(): boolean {
    return this.halted;
  }

  lock(): ReturnType<StorageFs['lock']> {
    return this.done({ held: () => true, release: () => Promise.resolve() });
  }

  open(path: string, mode: OpenMode): Promise<StorageFile> {
    return this.attempt(() => {
      const dir = this.dir(dirname(path));
      const name = basename(path);
      const known = dir.live.get(name);
      if (known?.kind === 'directory') throw failure('EISDIR', path);
      if (known !== undefined && mode === 'create') throw failure('EEXIST', path);
      if (known !== undefined) return this.file(path, known);
      if (mode === 'read') throw failure('ENOENT', path);
      const node = new SimFileNode(Buffer.alloc(0));
      this.enter(dir, [{ name, node }]);
      return this.file(path, node);
    });
  }

  mkdir(path: string): Promise<void> {
    return this.attempt(() => {
      const dir = this.dir(dirname(path));
      if (!dir.live.has(basename(path))) this.enter(dir, [{ name: basename(path), node: new SimDirNode() }]);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.attempt(() => {
      const [source, target] = [this.dir(dirname(from)), this.dir(dirname(to))];
      const node = source.live.get(basename(from));
      if (node === undefined) throw failure('ENOENT', from);
      const gone = { name: basename(from), node: undefined };
      if (source === target) {
        this.enter(source, [gone, { name: basename(to), node }]);
      } else {
        this.enter(target, [{ name: basename(to), node }]);
        this.enter(source, [gone]);
      }
    });
  }

  unlink(path: string): Promise<void> {
    return this.attempt(() => this.removeEntry(path, 'file'));
  }

  rmdir(path: string): Promise<void> {
    return this.attempt(() => this.removeEntry(path, 'directory'));
  }

  truncate(path: string, bytes: number): Promise<void> {
    return this.attempt(() => {
      const node = this.fileNode(path);
      node.unsynced.push({ truncate: bytes });
      node.live = applyChange(node.live, { truncate: bytes });
      this.changed(true);
    });
  }

  syncDir(path: string): Promise<void> {
    return this.attempt(() => {
      const dir = this.dir(path);
      if (this.faults.withoutDirectorySync?.test(path) === true) return;
      dir.durable = new Map(dir.live);
      dir.unsynced = [];
      dir.version += 1;
      this.changed(false);
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
    // The enumeration leaves out what temporary files hold, because nothing ever depends on it.
    if (TEMPORARY_NAME.test(basename(path))) throw new Error(`A temporary file was read: ${path}.`);
    return this.fileNode(path).live.subarray(offset, offset + length);
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
      return this.attempt(() => {
        if (this.failSyncOf?.test(path) === true) {
          this.failSyncOf = undefined;
          throw failure('EIO', path);
        }
        if (this.faults.withoutFileSync?.test(path) === true) return;
        node.durable = node.live;
        node.unsynced = [];
        this.changed(false);
      });
    };
    return {
      append: (bytes) =>
        this.attempt(() => {
          const taken = this.isShort(path) ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes;
          const change = { write: Buffer.from(taken), at: node.live.length };
          node.unsynced.push(change);
          node.live = applyChange(node.live, change);
          claimed += bytes.length;
          this.changed(true);
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
    this.enter(dir, [{ name: basename(path), node: undefined }]);
  }

  private enter(dir: SimDirNode, change: EntryChange): void {
    dir.unsynced.push(change);
    dir.version += 1;
    applyEntries(dir.live, change);
    this.changed(true);
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

export function applyChange(data: Buffer, change: DataChange): Buffer {
  if ('truncate' in change) {
    const cut = Buffer.alloc(change.truncate);
    data.copy(cut);
    return cut;
  }
  const grown = Buffer.alloc(Math.max(data.length, change.at + change.write.length));
  data.copy(grown);
  change.write.copy(grown, change.at);
  return grown;
}

export function applyEntries(entries: Map<string, SimNode>, change: EntryChange): void {
  for (const { name, node } of change) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
