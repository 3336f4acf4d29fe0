import { isDeepStrictEqual } from 'node:util';
import type { Recovered } from './boot/recover-state.js';
import { writeCheckpoint } from './checkpoint.js';
import type { DurableState } from './durable-state.js';
import { reasonOf } from './fs/storage-error.js';
import type { StorageFs } from './fs/storage-fs.js';
import type { StorageLimits } from './limits.js';
import type { Segments } from './log/segments.js';
import { Snapshots } from './snapshots.js';

/** Writes checkpoints from time to time, and drops what they make superfluous. */
export class Checkpointer {
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failure: string | undefined;

  private readonly state: DurableState;
  private readonly segments: Segments;
  private readonly logId: string;
  /** The commit that the last checkpoint covers. */
  private covered: number;
  private readonly snapshots: Snapshots;

  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly limits: StorageLimits,
    { state, segments, logId, checkpointCommit, snapshot }: Recovered,
  ) {
    [this.state, this.segments, this.logId, this.covered] = [state, segments, logId, checkpointCommit];
    // One with other summaries spares a start nothing: its documents were parsed, and are in memory until there is the next.
    const commit = snapshot && isDeepStrictEqual(snapshot.header.summaries, state.summaries) ? snapshot.header.commit : undefined;
    this.snapshots = new Snapshots(fs, root, limits, logId, state, segments, commit, snapshot?.file);
  }

  /** The last failure, until a checkpoint succeeds. */
  get lastError(): string | undefined {
    return this.failure ?? this.snapshots.lastError;
  }

  get coveredCommit(): number {
    return this.covered;
  }

  /**
   * The store is open. One that ends every few seconds must not replay more each time, so a snapshot begins soon.
   * @param stale a start looked at what a checkpoint would spare the next one
   */
  opened(stale: boolean): void {
    if (this.snapshots.wanted) this.schedule(this.limits.checkDelayMs);
    else if (stale || this.state.head.commit > this.covered) this.committed();
  }

  /** A commit became durable. */
  committed(): void {
    if (this.stopped) return;
    const many = this.state.head.commit - this.covered >= this.limits.checkpointCommitsMax;
    const heavy = this.state.sessions.unsyncedBytes >= this.limits.unsyncedEventBytesMax / 2;
    if ((many || heavy) && this.failure === undefined) this.begin();
    else this.schedule(this.delayMs);
  }

  private get delayMs(): number {
    const { checkpointDelayMs, checkpointSessions } = this.limits;
    return checkpointDelayMs * (1 + Math.floor(this.state.sessions.count / checkpointSessions));
  }

  /** Writes one now; one that is running is waited for first. @throws the failure. */
  async write(): Promise<void> {
    await this.running?.catch(() => undefined);
    if (this.running !== undefined) return this.write();
    if (this.stopped) throw new Error('The store is closed.');
    this.running = this.writeOnce().finally(() => (this.running = undefined));
    return this.running;
  }

  /** @param wholly everything is written, and covered by the last checkpoint */
  async stop(wholly: boolean): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running?.catch(() => undefined);
    if (wholly) await this.snapshots.finish(this.covered);
    await this.snapshots.stop();
  }

  private begin(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.running === undefined) this.writeNext();
  }

  private writeNext(): void {
    if (this.stopped) return;
    // The failure is kept in `lastError` and tried again: the log has everything meanwhile.
    this.write().catch(() => this.schedule(this.limits.retryDelayMs));
  }

  private schedule(delayMs: number): void {
    if (this.stopped || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.begin(), delayMs);
    this.timer.unref();
  }

  private async writeOnce(): Promise<void> {
    try {
      await this.step();
      this.failure = undefined;
    } catch (error) {
      this.failure = reasonOf(error);
      throw error;
    }
    if (this.covered < this.state.head.commit) this.schedule(this.delayMs);
  }

  private async step(): Promise<void> {
    const { state, segments } = this;
    // A file that cannot be synced holds back `coveredCommit` only; the rest goes on, and then this is told.
    const failed = await state.sessions.sync().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    await state.answerJournal.save();
    // From here to the write nothing waits, so all of it is of one moment.
    const commit = state.coveredCommit();
    const dropped = segments.droppable(commit);
    const firstSegment = segments.chain[dropped.length]?.number ?? 0;
    state.answers.trim();
    state.answerJournal.retire(state.answers.oldestCommit);
    await writeCheckpoint(this.fs, this.root, {
      logId: this.logId,
      commit,
      head: { ...state.head },
      firstSegment,
      ...(state.filesAsOf === undefined ? {} : { filesAsOf: state.filesAsOf }),
      documents: state.documentCount,
      sessions: state.sessions.state(),
      trimmed: state.sessions.trimmed(),
      answers: state.answerJournal.state(),
      inServiceMs: state.answers.now(),
    });
    this.covered = commit;
    await segments.drop(dropped);
    await state.answerJournal.removeOthers();
    await this.snapshots.covered(commit, () => this.writeNext());
    if (this.snapshots.waiting) this.schedule(this.limits.retryDelayMs);
    state.sessions.prune(segments.chain[0]?.firstSeq ?? 0);
    if (failed !== undefined) throw failed.error;
  }
}
