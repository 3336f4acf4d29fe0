import type { Commit } from '../commit.js';
import type { Store } from '../store.js';
import type { Tree } from './crash-states.js';
import { flush, Recoveries, type RecoveriesOptions } from './recoveries.js';
import { SimulatedFs } from './simulated-fs.js';
import { SimDirNode } from './simulated-nodes.js';
import { afterCommit, difference, everythingOf, NOTHING, type Asked, type StoreModel } from './store-model.js';

/**
 * What a run does, one step after the other; commits of one step share a batch. `kill` ends the process
 * but not the machine, so that the next one finds in the page cache what is not on the disk.
 */
export type Step =
  | { commits: Commit[] }
  /** The sync of its batch fails. It may show up after a crash, but never once a later one is acknowledged. */
  | { rejected: Commit }
  /** The process is killed between the write and the sync of its batch; the next one shows it. */
  | { killedBeforeSync: Commit }
  /** The disk has no room for its batch: a portion of the reserve is given back. */
  | { noRoomFor: Commit }
  /** There is room, and the reserve is made again. */
  | 'room'
  | 'flush'
  | 'reopen'
  | 'kill';

export interface CrashProofResult {
  /** Points of the runs at which they crashed. */
  points: number;
  /** States that crashes may leave, as often as they may. */
  raw: number;
  /** Different ones; each was recovered. */
  states: number;
  /** Those of them whose recovery did not crash again. */
  cutShort: number;
  violations: string[];
}

const LOG_SEGMENT = /\/log\/\d+\.ndjson$/;

/**
 * The durability proof (design §3): runs the real store over a simulated file system and, before each
 * sync, enumerates every state that a crash may leave there. Each different one is
 * reopened and must show exactly the first k commits, for some k between those that were acknowledged
 * and those that were submitted: documents, events, numbering and idempotent answers.
 */
export class CrashProof {
  private readonly recoveries: Recoveries;
  private points = 0;

  constructor(options: RecoveriesOptions) {
    this.recoveries = new Recoveries(options);
  }

  /** @param from crashes only from this step on: what the steps before it may leave was seen in another run. */
  async run(steps: Step[], from = 0): Promise<void> {
    const run = new Run(this.recoveries, steps, from);
    await run.run();
    this.points += run.points;
  }

  get result(): CrashProofResult {
    const { raw, recovered, cutShort, violations } = this.recoveries;
    return { points: this.points, raw, states: recovered, cutShort, violations };
  }
}

/** All that the store may be asked for after any of these runs. */
export function askedOf(runs: Step[][]): Asked {
  const commits = runs.flatMap((steps) => steps.flatMap((step) => (typeof step === 'string' ? [] : commitsOf(step))));
  return everythingOf(commits.map((commit) => afterCommit(NOTHING, commit)));
}

export function commitsOf(step: Exclude<Step, string>): Commit[] {
  if ('commits' in step) return step.commits;
  if ('noRoomFor' in step) return [];
  return ['rejected' in step ? step.rejected : step.killedBeforeSync];
}

class Run {
  points = 0;
  private readonly root = new SimDirNode();
  private fs: SimulatedFs;
  /** With so many commits. */
  private readonly expected = [NOTHING];
  /** What may be shown instead, as long as nothing came after it. */
  private readonly rejected = new Map<number, StoreModel>();
  private acknowledged = 0;
  private collecting = false;
  /** What a crash may leave, and how many commits must be there then. */
  private readonly found = new Map<Tree, number>();
  /** What was added last, and how much was acknowledged then. */
  private collected: { states?: readonly Tree[]; acknowledged?: number } = {};

  constructor(
    private readonly recoveries: Recoveries,
    private readonly steps: Step[],
    private readonly from: number,
  ) {
    this.fs = this.start();
  }

  async run(): Promise<void> {
    this.collecting = this.from === 0;
    let store = await this.recoveries.open(this.fs);
    for (const [at, step] of this.steps.entries()) {
      this.collecting = at >= this.from;
      this.collect();
      if (typeof step !== 'string') await this.commit(step, store);
      else if (step === 'flush') await flush(store);
      else if (step === 'room') await this.makeRoom(store);
      else if (step === 'reopen') await store.close();
      else this.fs.halt();
      if (this.fs.dead || step === 'reopen') {
        this.fs.halt();
        this.fs = this.start(this.fs.full);
        store = await this.recoveries.open(this.fs);
        this.acknowledged = this.count(await this.recoveries.look(store), this.acknowledged) ?? this.acknowledged;
        // What it does not show now was not written when it was killed, and never comes.
        this.expected.length = this.acknowledged + 1;
      }
      this.collect();
      // What is never synced has ever more outcomes, so the search does not wait for the end of the run.
      if (this.recoveries.stopsAtFirst) await this.check();
      if (this.recoveries.enough) return;
    }
    if (this.fs.full) await this.makeRoom(store);
    await flush(store);
    this.collect();
    this.fs.halt();
    await this.check();
  }

  /** On the same disk as before. */
  private start(full = false): SimulatedFs {
    const fs = new SimulatedFs(this.root, this.recoveries.faults, () => this.collect());
    fs.full = full;
    return fs;
  }

  private makeRoom(store: Store): Promise<void> {
    this.fs.full = false;
    return this.recoveries.reserveHeld(store, this.fs);
  }

  private async commit(step: Exclude<Step, string>, store: Store): Promise<void> {
    for (const commit of commitsOf(step)) {
      const next = afterCommit(this.expected[this.expected.length - 1], commit, this.recoveries.answersMax);
      if ('rejected' in step) this.rejected.set(this.expected.length - 1, next);
      else this.expected.push(next);
    }
    if ('killedBeforeSync' in step) {
      this.fs.haltBeforeSyncOf = LOG_SEGMENT;
      void store.commit(structuredClone(step.killedBeforeSync));
      while (!this.fs.dead) await new Promise((turn) => setImmediate(turn));
      return;
    }
    if ('rejected' in step || 'noRoomFor' in step) {
      if ('rejected' in step) this.fs.failSyncOf = LOG_SEGMENT;
      else [this.fs.noRoomFor, this.fs.full] = [LOG_SEGMENT, true];
      await store.commit(structuredClone('rejected' in step ? step.rejected : step.noRoomFor)).then(
        () => this.recoveries.violations.push('a commit that could not be written was acknowledged'),
        () => undefined,
      );
      return;
    }
    await Promise.all(
      step.commits.map(async (commit) => {
        await store.commit(structuredClone(commit));
        this.acknowledged += 1;
      }),
    );
  }

  /** Adds what a crash may leave now. The latest point asks most of a state: more was acknowledged. */
  private collect(): void {
    if (!this.collecting) return;
    const { acknowledged, recoveries, collected, found } = this;
    const states = recoveries.states.of(this.root);
    if (states === collected.states && acknowledged === collected.acknowledged) return;
    this.collected = { states, acknowledged };
    this.points += 1;
    recoveries.add(states);
    for (const state of states) found.set(state, acknowledged);
  }

  private async check(): Promise<void> {
    await this.recoveries.settle();
    for (const [state, acknowledged] of this.found) this.count(this.recoveries.shownBy(state), acknowledged);
    this.found.clear();
  }

  /** How many commits were shown; undefined, and a violation, when it is something else. */
  private count(seen: StoreModel | undefined, acknowledged: number): number | undefined {
    if (seen === undefined) return undefined;
    const differences: string[] = [];
    for (let count = acknowledged; count < this.expected.length; count += 1) {
      const different = difference(this.expected[count], seen);
      if (different === undefined) return count;
      differences.push(`with ${count} commits: ${different}`);
    }
    const rejected = this.rejected.get(acknowledged);
    if (rejected !== undefined) {
      const different = difference(rejected, seen);
      if (different === undefined) return acknowledged;
      differences.push(`with the rejected one: ${different}`);
    }
    this.recoveries.violations.push(`${acknowledged} acknowledged, but the store differs\n${differences.join('\n')}`);
    return undefined;
  }
}
