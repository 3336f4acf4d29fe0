import { constants } from 'node:os';
import { fail, sayLines } from './say.mjs';

/** What Ctrl-C does to the demo, whatever it is doing: what it began is ended, and said to be; the exit code names the signal. */
export class Interruption {
  #undo = async () => {};
  #ending = null;

  constructor() {
    // Repeats are normal: the terminal tells the whole group, and npm passes it on.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => { this.#ending ??= this.#end(128 + constants.signals[name]); });
  }

  /** @param {() => Promise<unknown>} undo ends what the demo began, in place of what was given before */
  set undo(undo) {
    this.#undo = undo;
  }

  /** Null, or a promise that ends the process. Await it before saying that something failed: it failed because of this. */
  get ending() {
    return this.#ending;
  }

  async #end(exitCode) {
    sayLines('\nStopping …');
    await this.#undo().catch(fail);
    sayLines('Stopped.');
    process.exit(exitCode);
  }
}
