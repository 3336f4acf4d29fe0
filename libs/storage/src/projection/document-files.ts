import { dirname, join } from 'node:path';
import type { Collections, DocumentName } from '../collections.js';
import { isMissing, type StorageFs } from '../fs/storage-fs.js';
import { replaceFile } from '../fs/write-file-atomic.js';
import type { View } from '../view/view.js';
import type { Directories } from './directories.js';
import type { WriteBehind } from './write-behind.js';

/** A document of a newer version than we know: never shown, kept as it is. */
export interface OpaqueDocument {
  schemaVersion: number;
  doc: object;
  path: string;
}

export function documentKey({ collection, id }: DocumentName): string {
  return `${collection}/${id}`;
}

/** A document's file, to the byte. */
export function documentText(plain: boolean | undefined, schemaVersion: number, doc: object): string {
  return `${JSON.stringify(plain ? doc : { schemaVersion, ...doc }, null, 2)}\n`;
}

/** The readable projection: one JSON file a document, behind the log. */
export class DocumentFiles {
  /** Paths that hold an older state of a document and have to go. */
  private readonly stale = new Map<string, Set<string>>();

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly collections: Collections,
    private readonly durable: View,
    private readonly opaque: Map<string, OpaqueDocument>,
    private readonly directories: Directories,
    private readonly behind: WriteBehind,
    /** Its file is durable, and has just this. */
    private readonly written: (name: DocumentName, doc: object) => void,
  ) {}

  /** The document changed: `before` is what its file shows now or is about to show. */
  changed(name: DocumentName, commit: number, before: object | undefined, lazy: boolean): void {
    if (before !== undefined) this.outdate(name, this.collections.path(name.collection, name.id, before));
    this.behind.mark(`doc:${documentKey(name)}`, commit, () => this.write(name), lazy);
  }

  /** Its file does not show it yet. */
  waits(name: DocumentName): boolean {
    return this.behind.has(`doc:${documentKey(name)}`);
  }

  /** Resolves when the files show these as they are now. @throws when the store is closed. */
  whenWritten(names: readonly DocumentName[]): Promise<void> {
    return this.behind.whenWritten(names.map((name) => `doc:${documentKey(name)}`));
  }

  /** The file at `path` shows an older state of the document; it goes with the next write. */
  outdate(name: DocumentName, path: string): void {
    const key = documentKey(name);
    const paths = this.stale.get(key);
    if (paths === undefined) this.stale.set(key, new Set([path]));
    else paths.add(path);
  }

  private async write(name: DocumentName): Promise<void> {
    const key = documentKey(name);
    // Taken before the first wait: a change that comes meanwhile outdates the very file written now.
    const outdated = this.stale.get(key) ?? new Set<string>();
    this.stale.delete(key);
    try {
      const path = await this.writeCurrent(name);
      for (const old of outdated) {
        if (old !== path) await this.remove(old);
      }
    } catch (error) {
      for (const old of outdated) this.outdate(name, old);
      throw error;
    }
  }

  /** The path of the file that now shows the document; undefined when it is deleted. */
  private async writeCurrent(name: DocumentName): Promise<string | undefined> {
    const opaque = this.opaque.get(documentKey(name));
    if (opaque !== undefined) {
      await this.replace(opaque.path, documentText(false, opaque.schemaVersion, opaque.doc));
      return opaque.path;
    }
    const doc = this.durable.get<object>(name.collection, name.id);
    if (doc === undefined) return undefined;
    const path = this.collections.path(name.collection, name.id, doc);
    const { plain, schemaVersion } = this.collections.spec(name.collection);
    await this.replace(path, documentText(plain, schemaVersion, doc));
    this.written(name, doc);
    return path;
  }

  private async replace(path: string, text: string): Promise<void> {
    const target = join(this.root, path);
    const dir = dirname(target);
    const bytes = Buffer.from(text);
    try {
      await this.directories.use(dir, () => replaceFile(this.fs, target, bytes));
      await this.directories.sync(dir);
    } catch (error) {
      this.directories.forget(dir);
      throw error;
    }
  }

  private async remove(path: string): Promise<void> {
    const target = join(this.root, path);
    try {
      await this.fs.unlink(target);
      await this.directories.sync(dirname(target));
    } catch (error) {
      // Never written, or gone with its directory; an entry that could come back was never durable.
      if (!isMissing(error)) throw error;
    }
    if (path.split('/').length > 2) await this.directories.removeIfEmpty(dirname(target));
  }
}
