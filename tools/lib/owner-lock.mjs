import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readJsonIfThere } from './files.mjs';
import { LOCK_ATTEMPTS_MAX } from './limits.mjs';
import { isCopied, placeOf } from './place.mjs';
import { isAlive, startTimeOf } from './process-info.mjs';

/**
 * One holder at a time, told by pid and start time, so that `kill -9` frees it and a reused pid does not hold it; and by
 * the directory it was written in, so that nobody holds a copy of it.
 *
 * The lock is the highest of `<path>.<n>`. Whoever wants it makes n+1 with link(2), which only one can, and then
 * looks once more: a higher one means it came too late. The highest file is never removed, only emptied, so
 * a slow contender cannot make an old number again and believe in it.
 */
export class OwnerLock {
  #path;
  #number = 0;

  /** @param {string} path the files are `<path>.<n>` */
  constructor(path) {
    this.#path = path;
  }

  /**
   * @param {object} about kept in the lock, for whoever is refused
   * @returns {null | {pid: number, startTime: string}} null: it is ours; else who holds it
   */
  tryAcquire(about = {}) {
    const dir = dirname(this.#path);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const record = { ...about, pid: process.pid, startTime: startTimeOf(process.pid), place: placeOf(dir) };
    const draft = `${this.#path}.draft-${process.pid}-${Math.random().toString(36).slice(2)}`;
    try {
      writeFileSync(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
      return this.#contend(draft);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** The living process that holds it now, or null. */
  get holder() {
    return existsSync(dirname(this.#path)) ? this.#holderOf(this.#numbers()[0] ?? 0) : null;
  }

  get held() {
    return this.holder !== null;
  }

  release() {
    if (this.#number === 0) return;
    // Needs no space: also a full disk lets go.
    truncateSync(this.#file(this.#number));
    this.#number = 0;
  }

  #contend(draft) {
    for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt++) {
      const highest = this.#numbers()[0] ?? 0;
      const holder = this.#holderOf(highest);
      if (holder) return holder;
      const number = highest + 1;
      if (!linkNew(draft, this.#file(number))) continue;
      const numbers = this.#numbers();
      if (numbers[0] !== number) {
        rmSync(this.#file(number), { force: true });
        continue;
      }
      for (const older of numbers.slice(1)) rmSync(this.#file(older), { force: true });
      this.#number = number;
      return null;
    }
    throw new Error(`The lock ${this.#path} changed hands ${LOCK_ATTEMPTS_MAX} times while it was tried.`);
  }

  #holderOf(number) {
    const found = readJsonIfThere(this.#file(number));
    return found && !isCopied(dirname(this.#path), found) && isAlive(found) ? found : null;
  }

  #file(number) {
    return `${this.#path}.${number}`;
  }

  /** Highest first. */
  #numbers() {
    const prefix = `${basename(this.#path)}.`;
    return readdirSync(dirname(this.#path))
      .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => b - a);
  }
}

function linkNew(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The lock of a home: one launcher a home. */
export const homeLock = (home) => new OwnerLock(join(home, 'run', 'launcher.lock'));
