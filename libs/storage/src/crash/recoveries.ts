import type { CollectionSpec } from '../commit.js';
import type { StorageLimits } from '../limits.js';
import { RESERVE_FILE } from '../reserve.js';
import { Store } from '../store.js';
import { CrashStates, restored, type Left, type Tree } from './crash-states.js';
import { SimulatedFs, type SimulatedFaults } from './simulated-fs.js';
import { lateDifference, observe, Shown, type Asked, type StoreModel } from './store-model.js';

export interface RecoveriesOptions {
  collections: CollectionSpec[];
  /** What every recovered store is asked for. */
  asked: Asked;
  limits: Partial<StorageLimits>;
  faults?: SimulatedFaults;
  /**
   * Every recovery, with its flush, crashes again wherever it can, and so on until there is no state that is new. A start
   * gives each segment of answers another number, for ever: from a state with a higher number than this one, no recovery
   * crashes.
   */
  crashAgain?: { answerSegmentMax: number };
  /** Stop at the first violation. */
  first?: boolean;
}

interface Known {
  /** undefined: not recovered yet. */
  shown: StoreModel | undefined;
  /** What has to be shown, because the states that it comes from show it. */
  due: Set<StoreModel>;
}

export const DIR = '/store';
const FLUSH_ATTEMPTS_MAX = 20;
/** Timers of stores that are gone keep them in memory until then, in ms. */
const TIMERS_END_MS = 50;
const RECOVERIES_PER_TURN = 64;

/**
 * What the real store makes of a state. That is a function of the state alone, so each is recovered once, whichever run or
 * recovery may leave it, and however often.
 */
export class Recoveries {
  readonly states = new CrashStates();
  readonly violations: string[] = [];
  /** States that crashes may leave, as often as they may. */
  raw = 0;
  /** States whose recovery did not crash again. */
  cutShort = 0;
  private readonly known = new Map<Tree, Known>();
  private readonly shown = new Shown();
  /** Not recovered yet. */
  private waiting: Tree[] = [];
  private turns = 0;

  constructor(private readonly options: RecoveriesOptions) {}

  /** Different states that were recovered, each in a store of its own. */
  get recovered(): number {
    return this.known.size - this.waiting.length;
  }

  get faults(): SimulatedFaults | undefined {
    return this.options.faults;
  }

  get answersMax(): number | undefined {
    return this.options.limits.answersMax;
  }

  get stopsAtFirst(): boolean {
    return this.options.first === true;
  }

  get enough(): boolean {
    return this.options.first === true && this.violations.length > 0;
  }

  open(fs: SimulatedFs, limits = this.options.limits): Promise<Store> {
    return Store.open({
      dir: DIR,
      fs,
      collections: this.options.collections,
      installationId: 'inst',
      sessionEvents: (id) => `sessions/${id}/events.ndjson`,
      clock: () => 0,
      limits: { checkDelayMs: 0, ...limits },
    });
  }

  /** What a store shows that was opened; undefined, and a violation, when it found damage. */
  async look(store: Store): Promise<StoreModel | undefined> {
    const { quarantined } = store.health();
    if (quarantined.length > 0) {
      this.violations.push(`a crash alone damaged something: ${JSON.stringify(quarantined)}`);
      return undefined;
    }
    return this.shown.once(await observe(store, this.options.collections, this.options.asked));
  }

  /** A crash may leave these. `due`: what was shown already must be shown again. */
  add(states: Iterable<Tree>, due?: StoreModel): void {
    for (const state of states) {
      this.raw += 1;
      let known = this.known.get(state);
      if (known === undefined) {
        this.known.set(state, (known = { shown: undefined, due: new Set() }));
        this.waiting.push(state);
      }
      if (due === undefined || known.due.has(due)) continue;
      known.due.add(due);
      if (known.shown !== undefined) this.compare(due, known.shown);
    }
  }

  /** Recovers all that were added, and what their recoveries leave. */
  async settle(): Promise<void> {
    // Errors that are not looked at need no stack, which takes longer than the rest of them.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      for (let state = this.waiting.pop(); state !== undefined && !this.enough; state = this.waiting.pop()) {
        await this.recover(state);
        this.turns += 1;
        if (this.turns % RECOVERIES_PER_TURN === 0) await new Promise((turn) => setImmediate(turn));
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  /** Of a state that was recovered; undefined when that is a violation itself. */
  shownBy(state: Tree): StoreModel | undefined {
    return this.known.get(state)?.shown;
  }

  /** While the disk is full, nothing but the log is written; and a reserve that is not whole is made in a while. */
  async reserveHeld(store: Store, fs: SimulatedFs): Promise<void> {
    const { reserveBytes } = this.options.limits;
    if (fs.freeBytes === undefined || reserveBytes === undefined) return;
    while (store.full || fs.sizeSync(`${DIR}/${RESERVE_FILE}`) !== reserveBytes) await new Promise((turn) => setImmediate(turn));
  }

  private async recover(state: Tree): Promise<void> {
    const { crashAgain, faults, limits } = this.options;
    const again = crashAgain !== undefined && highestAnswerSegment(state) <= crashAgain.answerSegmentMax;
    if (crashAgain !== undefined && !again) this.cutShort += 1;
    const root = restored(state);
    const left = new Set<readonly Tree[]>();
    const collect = (): void => void left.add(this.states.of(root));
    const fs = new SimulatedFs(root, faults, again ? collect : undefined);
    try {
      const store = await this.open(fs, { ...limits, checkpointDelayMs: TIMERS_END_MS });
      if (!again) fs.holdChanges();
      const shown = await this.look(store);
      if (shown === undefined) return;
      const known = this.known.get(state) as Known;
      known.shown = shown;
      for (const due of known.due) this.compare(due, shown);
      if (!again) return;
      await this.reserveHeld(store, fs);
      await flush(store);
      collect();
      for (const states of left) this.add(states, shown);
    } catch (error) {
      this.violations.push(`reopening failed: ${String(error)}`);
    } finally {
      fs.halt();
    }
  }

  private compare(due: StoreModel, shown: StoreModel): void {
    const different = lateDifference(due, shown);
    if (different !== undefined) this.violations.push(`it was shown before a recovery crashed, and then not: ${different}`);
  }
}

/** A short write makes a flush fail; the file is then written again. */
export async function flush(store: Store): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await store.flush();
    } catch (error) {
      if (attempt === FLUSH_ATTEMPTS_MAX) throw error;
    }
  }
}

function highestAnswerSegment(state: Tree): number {
  const answers = entryOf(entryOf(state, DIR.slice(1)), 'answers');
  if (answers === undefined || 'bytes' in answers || answers.last === undefined) return 0;
  return Number.parseInt(answers.last.name, 10);
}

function entryOf(dir: Left | undefined, name: string): Left | undefined {
  if (dir === undefined || 'bytes' in dir) return undefined;
  for (let { last } = dir; last !== undefined; ({ last } = last.before)) {
    if (last.name === name) return last.left;
  }
  return undefined;
}
