import { dirname } from 'node:path';
import { isMissing, type StorageFs } from '../fs/storage-fs.js';

/** A directory is removed only when its last file goes: more often than this it does not happen to one write. */
const USE_ATTEMPTS_MAX = 3;

interface Round {
  running: Promise<void>;
  /** Shared by everybody who asked after `running` began. */
  next: Promise<void> | undefined;
}

/** Directories of the projection: made when needed, and one fsync for all that wait for the same one. */
export class Directories {
  private readonly rounds = new Map<string, Round>();
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

  /** Resolves after an fsync that began after this call. */
  sync(dir: string): Promise<void> {
    const round = this.rounds.get(dir);
    if (round === undefined) {
      const started: Round = { running: this.fs.syncDir(dir), next: undefined };
      this.rounds.set(dir, started);
      return this.finished(dir, started);
    }
    const after = (): Promise<void> => this.sync(dir);
    round.next ??= round.running.then(after, after);
    return round.next;
  }

  /** Makes the directory if need be and does something in it; again if it was removed in between. */
  async use<T>(dir: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.ensure(dir);
        return await work();
      } catch (error) {
        if (!isMissing(error) || attempt === USE_ATTEMPTS_MAX) throw error;
        this.forget(dir);
      }
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

  private async finished(dir: string, round: Round): Promise<void> {
    try {
      await round.running;
    } finally {
      if (this.rounds.get(dir) === round) this.rounds.delete(dir);
    }
  }
}
