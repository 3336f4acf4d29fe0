import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { CHECKPOINT_FILE, writeCheckpoint, type Checkpoint } from '../checkpoint.js';
import type { DurableState, StateParts } from '../durable-state.js';
import { storedEvent, type LogRecord, type LoggedPut } from '../log/log-record.js';
import { recordsOf, type LogDamage, type RecoveredLog } from '../log/log-recovery.js';
import { documentKey } from '../projection/document-files.js';
import type { Quarantine } from '../quarantine.js';
import { EDITED_BY_HAND, findEdits } from './hand-edits.js';
import type { LoadedFiles } from './load-documents.js';
import { findMissing, ReplayedDocuments, type LoggedDocument } from './missing-documents.js';

/** The steps of boot that apply records of the log. */
export class Boot {
  private readonly touched: ReplayedDocuments;

  constructor(
    private readonly parts: StateParts,
    private readonly state: DurableState,
    private readonly log: RecoveredLog,
    private readonly checkpoint: Checkpoint | undefined,
    private readonly quarantine: Quarantine,
  ) {
    this.touched = new ReplayedDocuments(state, checkpoint?.head.commit ?? 0);
  }

  /** What the log still has of the events that damaged files of sessions have lost. */
  refill(sessions: Set<string>): void {
    if (sessions.size === 0) return;
    for (const { commit, events = [] } of this.allRecords()) {
      for (const event of events) {
        const { sessionId } = event;
        if (sessionId !== undefined && sessions.has(sessionId)) this.state.sessions.append(sessionId, commit, storedEvent(event));
      }
    }
  }

  /** What the log still has of the answers that damaged side segments have lost: without them a repeated command would be done twice. */
  refillAnswers(): void {
    const covered = this.checkpoint?.commit ?? 0;
    for (const { commit, answer } of this.allRecords()) {
      if (commit > covered) break;
      if (answer !== undefined && !this.state.answers.has(answer, commit)) this.state.addAnswer(answer, commit);
    }
    this.state.answers.order();
  }

  /**
   * Puts and deletes are whole, so a document that is ahead of the checkpoint is harmless.
   * @param shown what the documents show already: not after the checkpoint
   */
  replay(shown = this.checkpoint?.commit ?? 0): void {
    const { chain } = this.log;
    const covered = this.checkpoint?.commit ?? 0;
    const first = Math.max(0, chain.findLastIndex((segment) => segment.firstCommit <= shown + 1));
    for (const segment of chain.slice(first)) {
      for (const record of this.records(segment, shown)) {
        const { commit, seq, puts = [], deletes = [], forgets = [], trims, events = [], answer } = record;
        if (commit <= covered) {
          this.state.recall(record);
          continue;
        }
        this.touched.saw(record);
        this.state.head.seq = Math.max(this.state.head.seq, seq - 1);
        this.state.apply({ commit, puts, deletes, forgets, trims, events: events.map(storedEvent), answer });
      }
    }
  }

  /** Files that were taken away while nobody was there are made again: what was acknowledged is not gone because a file is. */
  restoreMissing({ damaged }: LoadedFiles, broughtBack: number): void {
    const { checkpoint } = this;
    const missing = checkpoint?.documents === undefined ? 0 : this.touched.missing(checkpoint.documents, broughtBack);
    if (missing === 0) return;
    const aside = new Set(damaged.map(({ path }) => path));
    const found = findMissing(this.state, this.allRecords()).filter(({ put }) => !aside.has(this.pathOf(put)));
    // A log that has holes may have lost that they were deleted.
    const restored = this.logLostSome ? [] : found;
    for (const { put } of found) {
      this.quarantine.note(this.pathOf(put), restored.length > 0 ? 'was missing; made again from the log' : 'is missing, unless the damaged log has lost its deletion');
    }
    for (const logged of restored) this.makeAgain(logged);
    const gone = missing - found.length - aside.size;
    if (gone > 0) this.quarantine.note(CHECKPOINT_FILE, `there were ${gone} more documents when it was written, and the log no longer has them`);
  }

  /**
   * What people wrote into files is put aside, whenever that was, and the files are as the log has them.
   * @returns how many of them had been deleted
   */
  async overruleEdits({ read }: LoadedFiles): Promise<number> {
    const byHand = read.filter(({ name }) => !this.touched.has(name));
    if (byHand.length === 0) return 0;
    const { commit } = this.state.head;
    const edits = findEdits(byHand, this.state.documents, this.allRecords(), () => this.logLostSome);
    for (const [{ name, path }, put] of edits) {
      await this.quarantine.keep(join(this.parts.root, path), put === undefined ? 'was deleted, and somebody brought it back' : EDITED_BY_HAND);
      const change = put === undefined ? { puts: [], deletes: [name] } : { puts: [put], deletes: [] };
      this.state.apply({ commit, ...change, forgets: [], events: [], answer: undefined });
    }
    return [...edits.values()].filter((put) => put === undefined).length;
  }

  /** What is damaged is put aside, and made again from the log where the log still has it. */
  async repair(loaded: LoadedFiles): Promise<void> {
    for (const { name, path } of loaded.duplicates) {
      // A crash between the two halves of a move; otherwise somebody copied the file.
      if (this.touched.has(name)) this.state.files.outdate(name, path);
      else await this.takeAway(path, 'an older copy of a document');
    }
    const found = loaded.damaged.length === 0 ? new Map<string, LoggedDocument>() : this.searchLog(new Set(loaded.damaged.map(({ path }) => path)));
    await this.replayAgainFrom(found);
    for (const { path, reason, foreign } of loaded.damaged) {
      const logged = found.get(path);
      if (logged !== undefined) await this.takeAway(path, `${reason}; made again from the log`);
      else if (foreign) this.quarantine.note(path, `${reason}; left alone`);
      else await this.takeAway(path, reason);
      if (logged === undefined || this.touched.has(logged.put)) continue;
      this.makeAgain(logged);
    }
    // From here on the files follow the log: before, a good one might have been taken away for the damaged one.
    this.state.behind.begin();
  }

  /** By its own commit: no checkpoint may cover that before the file is there. */
  private makeAgain({ put, commit }: LoggedDocument): void {
    this.state.apply({ commit, puts: [put], deletes: [], forgets: [], events: [], answer: undefined });
  }

  private takeAway(path: string, reason: string): Promise<void> {
    return this.quarantine.take(join(this.parts.root, path), reason);
  }

  /**
   * A file that is moved away is nowhere until it is made again, so a crash between must find a checkpoint that does not
   * cover it. To replay more than is needed changes nothing.
   */
  private async replayAgainFrom(found: ReadonlyMap<string, LoggedDocument>): Promise<void> {
    const { checkpoint, parts } = this;
    const first = Math.min(...[...found.values()].map(({ commit }) => commit));
    if (checkpoint === undefined || first > checkpoint.commit) return;
    await writeCheckpoint(parts.fs, parts.root, { ...checkpoint, commit: first - 1 });
  }

  /** The last state in the log of each of these files. */
  private searchLog(paths: Set<string>): Map<string, LoggedDocument> {
    const found = new Map<string, LoggedDocument>();
    const pathOf = new Map<string, string>();
    for (const { commit, puts = [], deletes = [] } of this.allRecords()) {
      for (const name of [...puts, ...deletes]) {
        found.delete(pathOf.get(documentKey(name)) ?? '');
      }
      for (const put of puts) {
        const path = this.pathOf(put);
        if (!paths.has(path)) continue;
        found.set(path, { put, commit });
        pathOf.set(documentKey(put), path);
      }
    }
    return found;
  }

  /** Then a file may be newer than what it has. A damaged end looks like one that was never whole. */
  get logLostSome(): boolean {
    const { log, checkpoint } = this;
    return log.damages.length > 0 || log.lastCommit < (checkpoint?.commit ?? 0);
  }

  private pathOf({ collection, id, doc }: LoggedPut): string {
    return this.parts.collections.path(collection, id, doc);
  }

  /** While somebody writes it: nothing of what is known of a segment is touched. */
  *recordsAside(): Generator<LogRecord> {
    for (const segment of [...this.log.chain]) yield* this.records({ ...segment }, 0);
  }

  private *allRecords(): Generator<LogRecord> {
    for (const segment of this.log.chain) yield* this.records(segment, 0);
  }

  private *records(segment: RecoveredLog['chain'][number], after: number): Generator<LogRecord> {
    const { fs, limits, collections } = this.parts;
    const known = new Set(collections.names);
    const onDamage = (damage: LogDamage): void => {
      // A header's has no offset.
      const same = (other: LogDamage): boolean => other.file === damage.file && (other.offset ?? 0) === damage.offset;
      if (!this.log.damages.some(same)) this.log.damages.push(damage);
    };
    for (const record of recordsOf(fs, segment, after, limits.indexStrideBytes, onDamage)) {
      const unknown = [...(record.puts ?? []), ...(record.deletes ?? [])].find(({ collection }) => !known.has(collection));
      if (unknown !== undefined) {
        throw new AppError('STORAGE_NEWER', `The log has a collection ${unknown.collection}, which this version does not know.`);
      }
      yield record;
    }
  }
}
