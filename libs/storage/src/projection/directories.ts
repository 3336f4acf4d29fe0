import { dirname } from 'node:path';
import { isMissing, type StorageFs } from '../fs/storage-fs.js';
import { DIRECTORY_ATTEMPTS_MAX } from '../limits.js';

/** What happens in one directory. */
interface Place {
  /** Those who are at work in it: an fsync waits for them, as they will want one as well. */
  users: number;
  syncing: boolean;
  /** Shared by everybody who asked since the last fsync began. */
  next: { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } | undefined;
}

/** Directories of the projection: made when needed, and one fsync for all that wait for the same one. */
export class Directories {
  private readonly places = new Map<string, Place>();
  /** Directories whose own entry is known to be durable. */
  private readonly known: Set<string>;

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
  ) {
    this.known = new Set([root]);
  }

  /** Makes the directory and those above it, up to the root, with durable entries. */
  private async ensure(dir: string): Promise<void> {
    if (this.known.has(dir)) return;
    const parent = dirname(dir);
    if (!dir.startsWith(`${this.root}/`)) throw new Error(`${dir} is outside the store.`);
    await this.ensure(parent);
    await this.fs.mkdir(dir);
    await this.sync(parent);
    this.known.add(dir);
  }

  /** Resolves after an fsync that began after this call, and not while others are at work in it: there is a bound on how many may be. */
  sync(dir: string): Promise<void> {
    const place = this.place(dir);
    place.next ??= deferred();
    const { promise } = place.next;
    this.syncNext(dir, place);
    return promise;
  }

  /** Makes the directory if need be and does something in it; again if it was removed in between. */
  async use<T>(dir: string, work: () => Promise<T>): Promise<T> {
    const place = this.place(dir);
    place.users += 1;
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.ensure(dir);
          return await work();
        } catch (error) {
          if (!isMissing(error) || attempt === DIRECTORY_ATTEMPTS_MAX) throw error;
          this.forget(dir);
        }
      }
    } finally {
      place.users -= 1;
      this.syncNext(dir, place);
    }
  }

  async removeIfEmpty(dir: string): Promise<void> {
    this.known.delete(dir);
    try {
      await this.fs.rmdir(dir);
    } catch (error) {
      if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return;
      throw error;
    }
    await this.sync(dirname(dir));
  }

  /** After a failure: the directory may be gone or its entry lost. */
  forget(dir: string): void {
    for (let at = dir; at !== this.root && at.startsWith(this.root); at = dirname(at)) this.known.delete(at);
  }

  private place(dir: string): Place {
    const known = this.places.get(dir) ?? { users: 0, syncing: false, next: undefined };
    this.places.set(dir, known);
    return known;
  }

  private syncNext(dir: string, place: Place): void {
    const { next } = place;
    if (next === undefined && place.users === 0 && !place.syncing) this.places.delete(dir);
    if (next === undefined || place.users > 0 || place.syncing) return;
    place.next = undefined;
    place.syncing = true;
    const over = (): void => {
      place.syncing = false;
      this.syncNext(dir, place);
    };
    this.fs.syncDir(dir).then(next.resolve, next.reject).finally(over);
  }
}

function deferred(): NonNullable<Place['next']> {
  let [resolve, reject] = [(): void => undefined, (_error: unknown): void => undefined];
  const promise = new Promise<void>((done, failed) => { [resolve, reject] = [done, failed]; });
  return { promise, resolve, reject };
}
