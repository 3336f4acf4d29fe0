import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { LAST_WORDS_CHARS_MAX, LOG_BYTES_MAX, LOG_FILES_MAX } from './limits.mjs';

/** A log file with a bound: `x.log`, `x.log.1`, … A write that fails is counted and said in the next one that works. */
export class RotatingLog {
  #path;
  #fd;
  #bytes;
  #lost = 0;
  /** The last line written that was not empty. */
  lastWords = '';

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#open();
  }

  /** @param {Buffer | string} chunk */
  write(chunk) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#remember(bytes);
    try {
      if (this.#bytes + bytes.length > LOG_BYTES_MAX && this.#bytes > 0) this.#rotate();
      if (this.#lost > 0) this.#append(Buffer.from(`[${this.#lost} bytes of this log could not be written]\n`));
      this.#append(bytes);
      this.#lost = 0;
    } catch {
      // A full disk must not take the launcher down with it; the gap is told above.
      this.#lost += bytes.length;
    }
  }

  close() {
    closeSync(this.#fd);
  }

  #append(bytes) {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    this.#bytes += bytes.length;
  }

  #open() {
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  #rotate() {
    const full = this.#fd;
    rmSync(`${this.#path}.${LOG_FILES_MAX - 1}`, { force: true });
    for (let n = LOG_FILES_MAX - 2; n >= 1; n--) renameIfThere(`${this.#path}.${n}`, `${this.#path}.${n + 1}`);
    renameIfThere(this.#path, `${this.#path}.1`);
    this.#open();
    closeSync(full);
  }

  #remember(bytes) {
    const line = bytes.subarray(-4096).toString('utf8').trimEnd().split('\n').at(-1);
    if (line) this.lastWords = line.slice(0, LAST_WORDS_CHARS_MAX);
  }
}

function renameIfThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
