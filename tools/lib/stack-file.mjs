import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere, replaceFile } from './files.mjs';
import { STACK_FILE_RETRY_MS } from './limits.mjs';
import { isCopied, isNoMore, placeOf, whereIsNow } from './place.mjs';

const fileIn = (runDir) => join(runDir, 'stack.json');

/** What the stack of this very home last said of itself; null: nothing that can be read. */
export function readStack(runDir) {
  const found = readJsonIfThere(fileIn(runDir));
  return isCopied(runDir, found) ? null : found;
}

/** `run/stack.json`: what is true of a stack now, for everybody else. */
export class StackFile {
  #runDir;
  #path;
  #describe;
  #say;
  #late = null;
  #removed = false;
  /** The directory itself, once something was written to it: its descriptor, and which one it is. It may be moved. */
  #dir = null;

  /**
   * @param {string} runDir
   * @param {() => object} describe the stack as it is when asked
   * @param {(about: string, what: string) => void} say
   */
  constructor(runDir, describe, say) {
    this.#runDir = runDir;
    this.#path = fileIn(runDir);
    this.#describe = describe;
    this.#say = say;
  }

  /**
   * Shows the stack as it is. A disk that is full must not end the supervision: what is shown is then late, which is
   * said once, and tried again until it is true.
   */
  publish() {
    if (this.#removed) return;
    try {
      const place = placeOf(this.#runDir);
      replaceFile(this.#path, `${JSON.stringify({ ...this.#describe(), place }, null, 2)}\n`);
      this.#dir ??= { fd: openSync(this.#runDir, 'r'), place };
    } catch (error) {
      if (!this.#late) this.#say('run/stack.json', `could not be written and is out of date: ${error.message}; trying again`);
      this.#late ??= setInterval(() => this.publish(), STACK_FILE_RETRY_MS).unref();
      return;
    }
    if (this.#late) this.#say('run/stack.json', 'is up to date again');
    clearInterval(this.#late);
    this.#late = null;
  }

  /** Whoever removed it did not mean that nobody is to find the stack. */
  publishIfGone() {
    if (!existsSync(this.#path)) this.publish();
  }

  /** For good, and where it was moved to. */
  remove() {
    this.#removed = true;
    clearInterval(this.#late);
    if (this.#dir === null) return;
    const { fd, place } = this.#dir;
    const dir = whereIsNow(fd) ?? this.#runDir;
    closeSync(fd);
    this.#dir = null;
    if (!isNoMore(place, dir)) rmSync(fileIn(dir), { force: true });
  }
}
