import { RESTART_DELAY_MS_MAX, RESTART_DELAY_MS_MIN, RESTART_RESET_MS } from './limits.mjs';
import { isSuspended, startTimeOf } from './process-info.mjs';

/**
 * A process that is to run: started, watched, and started again whenever it dies until `stop`.
 *
 * States: `starting`, `ready`, `not_ready` (it runs, but says it cannot serve), `frozen` (it would serve, and is suspended),
 * `waiting` (dead, to be started again), `stopping`, `stopped`.
 */
export class SupervisedProcess {
  #options;
  #child = null;
  #state = 'stopped';
  #startTime = null;
  #restarts = 0;
  #delayMs = RESTART_DELAY_MS_MIN;
  #restartTimer = null;
  #resetTimer = null;
  #stopping = false;
  #failure = '';
  #exited = Promise.resolve();
  /** Resolves when the one that runs now served for the first time, also while it is being stopped. */
  #served = Promise.resolve();

  /**
   * @param {object} options
   * @param {string} options.name as in stack.json
   * @param {() => import('node:child_process').ChildProcess} options.launch
   * @param {(child: import('node:child_process').ChildProcess, tell: { ready(yes: boolean): void, failed(why: string): void }) => void} options.watch
   *   tells when it is ready and when not any more, and why it fails if it says so
   * @param {(process: SupervisedProcess) => boolean} options.isHopeless of one that has died: would another end the same way?
   * @param {import('./rotating-log.mjs').RotatingLog} options.log
   * @param {(process: SupervisedProcess, note?: string) => void} options.onChange after every change of state
   */
  constructor(options) {
    this.#options = options;
  }

  get name() { return this.#options.name; }
  get state() { return this.#state; }
  get pid() { return this.#child?.pid ?? null; }
  /** Of the last process that ended; null when it ended by a signal. */
  exitCode = null;
  /** Why the last one failed, in its own words; else the end of its log. */
  get lastWords() { return this.#failure || this.#options.log.lastWords; }
  /** As stack.json shows it. */
  get view() {
    return { pid: this.pid, startTime: this.#startTime, state: this.#state, restarts: this.#restarts };
  }

  start() {
    this.#failure = '';
    const child = this.#options.launch(this.#restarts);
    this.#child = child;
    this.#startTime = child.pid ? startTimeOf(child.pid) : null;
    child.stdout?.on('data', (chunk) => this.#options.log.write(chunk));
    child.stderr?.on('data', (chunk) => this.#options.log.write(chunk));
    this.#exited = new Promise((done) => {
      const gone = (how, code = null) => {
        if (this.#child !== child) return;
        this.exitCode = code;
        this.#onGone(how);
        done();
      };
      child.once('exit', (code, signal) => gone(signal ?? `exit code ${code}`, code));
      // Could not be started at all: then there is no exit event. Otherwise (a message to a dying child) exit follows.
      child.on('error', (error) => { if (child.pid === undefined) gone(error.message); });
    });
    this.#change('starting');
    let served;
    this.#served = new Promise((done) => { served = done; });
    this.#options.watch(child, {
      ready: (yes) => {
        if (this.#child === child) this.#onReady(yes);
        served();
      },
      failed: (why) => { this.#failure = why; },
    });
  }

  /**
   * Asks it to leave, waits, kills. Resolves when it is gone and will not come back.
   * @param {(child: import('node:child_process').ChildProcess) => void} ask
   * @param {() => boolean} unfinished whether it left something that only itself can finish. Then it is asked no sooner
   *   than it serves, because what still starts would leave at once; and one that died is started once more for it.
   * @returns {Promise<'stopped' | 'died' | 'killed'>} `died`: not by our hand, and not in order
   */
  async stop(ask, timeoutMs, unfinished = () => false) {
    this.giveUp();
    const deadline = performance.now() + timeoutMs;
    let end = this.#child ? await this.#end(ask, deadline, unfinished()) : 'died';
    if (end === 'died' && unfinished()) {
      this.#options.onChange(this, 'is not there to end what it runs; starting it once more for that');
      this.start();
      end = await this.#end(ask, deadline, true);
    }
    this.#change('stopped');
    return end;
  }

  /** It is not started again. */
  giveUp() {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
  }

  /** Ends it now, for good. Only the process itself: agents outlive their runner. */
  kill() {
    this.giveUp();
    this.#child?.kill('SIGKILL');
  }

  /** One process: to its end. */
  async #end(ask, deadline, serveFirst) {
    const left = () => Math.max(0, deadline - performance.now());
    const child = this.#child;
    if (serveFirst) await within(Promise.race([this.#served, this.#exited]), left());
    if (this.#child === child) {
      this.#change('stopping');
      ask(child);
    }
    if (await within(this.#exited, left())) return this.exitCode === 0 ? 'stopped' : 'died';
    this.kill();
    await this.#exited;
    return 'killed';
  }

  /** A process that is suspended cannot say so. */
  look() {
    const suspended = this.pid !== null && isSuspended(this.pid);
    if (suspended && this.#state === 'ready') this.#change('frozen');
    else if (!suspended && this.#state === 'frozen') this.#change('ready');
  }

  #onReady(ready) {
    if (this.#stopping) return;
    clearTimeout(this.#resetTimer);
    if (ready) this.#resetTimer = setTimeout(() => { this.#delayMs = RESTART_DELAY_MS_MIN; }, RESTART_RESET_MS).unref();
    this.#change(ready ? 'ready' : 'not_ready');
  }

  #onGone(how) {
    this.#child = null;
    this.#startTime = null;
    clearTimeout(this.#resetTimer);
    if (this.#stopping) return this.#change('stopped');
    if (this.#options.isHopeless(this)) return this.#change('waiting');
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
    this.#restartTimer = setTimeout(() => {
      this.#restarts += 1;
      this.start();
    }, delayMs);
    this.#change('waiting', `ended (${how}); starting it again in ${delayMs / 1000} s`);
  }

  #change(state, note) {
    this.#state = state;
    this.#options.onChange(this, note);
  }
}

function within(promise, ms) {
  let timer;
  const late = new Promise((done) => { timer = setTimeout(() => done(false), ms); });
  return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
}
