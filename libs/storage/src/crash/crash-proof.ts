import type { CollectionSpec, Commit } from '../commit.js';
import type { StorageLimits } from '../limits.js';
import { Store } from '../store.js';
import { CrashStates, restored, type Tree } from './crash-states.js';
import { afterCommit, difference, everythingOf, NOTHING, observe, type Asked, type StoreModel } from './store-model.js';
import { SimDirNode, SimulatedFs, type SimulatedFaults } from './simulated-fs.js';

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
  | 'flush'
  | 'reopen'
  | 'kill';

export interface CrashProofOptions {
  collections: CollectionSpec[];
  steps: Step[];
  limits: Partial<StorageLimits>;
  faults?: SimulatedFaults;
  /** Stop at the first violation. */
  first?: boolean;
  /** Crash again, at every point of the recovery (with its flush) from every state, so many times one after the other; Infinity: until there is no new state. */
  crashRecoveries?: number;
}

export interface CrashProofResult {
  /** Points of the run at which it crashed. */
  points: number;
  /** Different states that were reopened. */
  states: number;
  violations: string[];
}

interface Found {
  state: Tree;
  /** So many commits must be there. */
  acknowledged: number;
  /** So many recoveries from here may crash one after the other. */
  crashes: number;
  /** So many commits it shows, once it was reopened: always the same, so that nothing is reopened twice. */
  shown: number | undefined;
}

const LOG_SEGMENT = /\/log\/\d+\.ndjson$/;
const DIR = '/store';
const FLUSH_ATTEMPTS_MAX = 20;

/**
 * The durability proof (design §3): runs the real store over a simulated file system and, after each
 * of its operations, enumerates every state that a crash may leave there. Each different one is
 * reopened and must show exactly the first k commits, for some k between those that were acknowledged
 * and those that were submitted: documents, events, numbering and idempotent answers.
 */
export class CrashProof {
  private readonly states = new Map<Tree, Found>();
  private readonly enumeration = new CrashStates();
  private readonly expected: StoreModel[] = [NOTHING];
  /** What may be shown instead, as long as nothing came after it. */
  private readonly rejected = new Map<number, StoreModel>();
  private readonly violations: string[] = [];
  private asked: Asked = everythingOf([]);
  private acknowledged = 0;
  /** How many were acknowledged when it last looked. */
  private collected = -1;
  private points = 0;

  constructor(private readonly options: CrashProofOptions) {}

  async run(): Promise<CrashProofResult> {
    for (const step of this.options.steps) this.expect(step);
    this.asked = everythingOf([...this.expected, ...this.rejected.values()]);
    await this.runSteps();
    await this.checkAll();
    return { points: this.points, states: this.states.size, violations: this.violations };
  }

  private get enough(): boolean {
    return this.options.first === true && this.violations.length > 0;
  }

  private async checkAll(): Promise<void> {
    for (const found of this.states.values()) {
      if (this.enough) return;
      if (found.shown === undefined) found.shown = await this.check(found);
    }
  }

  private expect(step: Step): void {
    if (typeof step === 'string') return;
    const last = this.expected[this.expected.length - 1];
    if ('rejected' in step) {
      this.rejected.set(this.expected.length - 1, afterCommit(last, step.rejected));
      return;
    }
    for (const commit of 'commits' in step ? step.commits : [step.killedBeforeSync]) {
      this.expected.push(afterCommit(this.expected[this.expected.length - 1], commit));
    }
  }

  private async runSteps(): Promise<void> {
    const root = new SimDirNode();
    const start = (): SimulatedFs =>
      new SimulatedFs(root, this.options.faults, (more) => this.collect(root, this.acknowledged, more));
    let fs = start();
    let store = await this.open(fs);
    for (const step of this.options.steps) {
      if (typeof step !== 'string') await this.commit(step, store, fs, root);
      else if (step === 'flush') await flush(store);
      else if (step === 'reopen') await store.close();
      else fs.halt();
      if (fs.dead || step === 'reopen') {
        fs.halt();
        fs = start();
        store = await this.open(fs);
        this.acknowledged = (await this.compare(store, this.acknowledged)) ?? this.acknowledged;
        this.collect(root, this.acknowledged);
      }
      // What is never synced has ever more outcomes, so the search does not wait for the end of the run.
      if (this.options.first === true) await this.checkAll();
      if (this.enough) break;
    }
    if (!this.enough) await flush(store);
    fs.halt();
  }

  private async commit(step: Exclude<Step, string>, store: Store, fs: SimulatedFs, root: SimDirNode): Promise<void> {
    if ('killedBeforeSync' in step) {
      fs.haltBeforeSyncOf = LOG_SEGMENT;
      void store.commit(structuredClone(step.killedBeforeSync));
      while (!fs.dead) await new Promise((turn) => setImmediate(turn));
      return;
    }
    if ('rejected' in step) {
      fs.failSyncOf = LOG_SEGMENT;
      await store.commit(structuredClone(step.rejected)).then(
        () => this.violations.push('a commit whose sync failed was acknowledged'),
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
    this.collect(root, this.acknowledged);
  }

  /** Adds what a crash may leave now. The latest point asks most of a state: more was acknowledged. */
  private collect(root: SimDirNode, acknowledged: number, more = true): void {
    this.points += 1;
    // A sync leaves less to choose from: nothing that was not seen before it.
    if (!more && acknowledged === this.collected) return;
    this.collected = acknowledged;
    for (const state of this.enumeration.of(root)) this.add(state, acknowledged, this.options.crashRecoveries ?? 0);
  }

  /** Puts it at the end of the map, which may be iterated over meanwhile, if it has to be reopened for this. */
  private add(state: Tree, acknowledged: number, crashes: number): void {
    const known = this.states.get(state);
    if (known !== undefined && crashes <= known.crashes && acknowledged <= (known.shown ?? known.acknowledged)) return;
    this.states.delete(state);
    const asked = { acknowledged: Math.max(acknowledged, known?.acknowledged ?? 0), crashes: Math.max(crashes, known?.crashes ?? 0) };
    this.states.set(state, { state, ...asked, shown: undefined });
  }

  private async check({ state, acknowledged, crashes }: Found): Promise<number> {
    const root = restored(state);
    const left = new Set<readonly Tree[]>();
    const fs = new SimulatedFs(root, this.options.faults, (more) => {
      if (crashes > 0 && more) left.add(this.enumeration.of(root));
    });
    let shown = acknowledged;
    try {
      const store = await this.open(fs);
      shown = (await this.compare(store, acknowledged)) ?? acknowledged;
      if (crashes > 0) await flush(store);
    } catch (error) {
      this.violations.push(`reopening failed: ${(error as Error).stack}`);
    } finally {
      fs.halt();
    }
    // What is shown after a crash must be there after the next one, too, even if that comes before it was shown.
    for (const states of left) {
      for (const again of states) this.add(again, shown, crashes - 1);
    }
    return shown;
  }

  /** How many commits the store shows; undefined, and a violation, when it shows something else. */
  private async compare(store: Store, acknowledged: number): Promise<number | undefined> {
    const health = store.health();
    if (health.quarantined.length > 0) {
      this.violations.push(`a crash alone damaged something: ${JSON.stringify(health.quarantined)}`);
      return undefined;
    }
    const seen = await observe(store, this.options.collections, this.asked);
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
    this.violations.push(`${acknowledged} acknowledged, but the store differs\n${differences.join('\n')}`);
    return undefined;
  }

  private open(fs: SimulatedFs): Promise<Store> {
    return Store.open({
      dir: DIR,
      fs,
      collections: this.options.collections,
      installationId: 'inst',
      sessionEvents: (id) => `sessions/${id}/events.ndjson`,
      clock: () => 0,
      limits: this.options.limits,
    });
  }
}

/** A short write makes a flush fail; the file is then written again. */
async function flush(store: Store): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await store.flush();
    } catch (error) {
      if (attempt === FLUSH_ATTEMPTS_MAX) throw error;
    }
  }
}
