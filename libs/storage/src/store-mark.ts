import { join } from 'node:path';
import { nodeFs } from './fs/node-fs.js';
import { isMissing, type StorageFs } from './fs/storage-fs.js';
import { writeFileAtomic } from './fs/write-file-atomic.js';
import type { StoreLayout } from './layout/store-layout.js';
import { STORE_MARK_BYTES_MAX } from './limits.js';
import type { Store } from './store.js';

interface Content {
  /** RFC 3339: when this home first had something in it. */
  madeAt?: string;
  /** RFC 3339: when a start found that all of it was gone, and went on without. */
  lostAt?: string;
  /** The store that is there since then says so itself: one that does not is the one that was lost. */
  marked?: boolean;
}

/** In a store that was begun anew: when that was. */
const BEGUN_ANEW = '.begun-anew';

/** A store that a home had, and has no more. */
export interface LostStore {
  /** What to tell a person, after the store's name. */
  text: string;
  /** Relative to the home: removing it says that the loss is accepted. */
  mark: string;
}

/**
 * What a home remembers of a store, in a file beside its directory: that there was one. A directory that was removed, or whose disk is not
 * mounted, looks like a home that is new, and everything acknowledged would be gone without a word (ADR-0026).
 */
export class StoreMark {
  private readonly file: string;
  private readonly isEmpty: boolean;
  private content: Content | undefined;

  constructor(private readonly place: { home: string; layout: Pick<StoreLayout, 'dir'> }, private readonly fs: StorageFs = nodeFs) {
    this.file = `${place.layout.dir}.store.json`;
    this.content = this.read();
    this.isEmpty = isEmpty(fs, join(place.home, place.layout.dir));
  }

  /** undefined: it is there, or there never was one. */
  get lost(): LostStore | undefined {
    const { content, file } = this;
    if (content === undefined || (!this.isEmpty && content.lostAt === undefined) || this.isBroughtBack()) return undefined;
    const was = content.lostAt === undefined
      ? `is gone, or empty: this home has had one${content.madeAt === undefined ? '' : ` since ${content.madeAt}`}`
      : `was gone, and begun anew at ${content.lostAt}: what was in it is lost`;
    return { text: was, mark: file };
  }

  /** Remembers the store from its first commit on, or at once where it has something already; a failure is made good by the next start. */
  async follow(store: Pick<Store, 'onCommitted'>): Promise<void> {
    const now = new Date().toISOString();
    if (this.lost !== undefined) await this.beginAnew(this.content?.lostAt ?? now);
    else if (this.isBroughtBack()) await this.write({ madeAt: this.content?.madeAt ?? now });
    else if (this.content === undefined && !this.isEmpty) await this.write({ madeAt: now });
    else if (this.content === undefined) {
      const stop = store.onCommitted(() => {
        stop();
        void this.write({ madeAt: now });
      });
    }
  }

  private async beginAnew(lostAt: string): Promise<void> {
    // One that was begun by a version that did not mark it cannot be told from the lost one.
    const marked = this.isEmpty ? await writeFileAtomic(this.begunAnew, lostAt, { fs: this.fs }).then(() => true, () => false) : this.content?.marked === true;
    await this.write({ ...this.content, lostAt, marked });
  }

  private get begunAnew(): string {
    return join(this.place.home, this.place.layout.dir, BEGUN_ANEW);
  }

  private isBroughtBack(): boolean {
    const { lostAt, marked } = this.content ?? {};
    if (this.isEmpty || lostAt === undefined || marked !== true) return false;
    try {
      return this.fs.readSync(this.begunAnew, 0, STORE_MARK_BYTES_MAX).toString() !== lostAt;
    } catch (error) {
      return isMissing(error);
    }
  }

  private async write(content: Content): Promise<void> {
    this.content = content;
    await writeFileAtomic(join(this.place.home, this.file), `${JSON.stringify(content, null, 2)}\n`, { fs: this.fs }).catch(() => undefined);
  }

  private read(): Content | undefined {
    try {
      const { madeAt, lostAt, marked } = JSON.parse(this.fs.readSync(join(this.place.home, this.file), 0, STORE_MARK_BYTES_MAX).toString()) as Content;
      return { ...(typeof madeAt === 'string' && { madeAt }), ...(typeof lostAt === 'string' && { lostAt }), ...(marked === true && { marked }) };
    } catch (error) {
      // A damaged one says nevertheless that there was a store.
      return isMissing(error) ? undefined : {};
    }
  }
}

/** Without the log, the checkpoint and every document. Locks, keys and the directories that a start makes are nothing that was acknowledged. */
function isEmpty(fs: StorageFs, dir: string): boolean {
  const counts = (name: string): boolean => !name.startsWith('.') && !name.endsWith('.key') && name !== 'quarantine';
  return !fs.readDirSync(dir).some(({ name, kind }) => counts(name) && (kind !== 'directory' || fs.readDirSync(join(dir, name)).some((entry) => counts(entry.name))));
}
