import { resolve } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { makeDirectories, recoverState, type Recovered } from './boot/recover-state.js';
import { Checkpointer } from './checkpointer.js';
import { Collections, type DocumentName } from './collections.js';
import type { CollectionSpec, Commit, Committed } from './commit.js';
import { prepareCommit, type PreparedCommit } from './commit-builder.js';
import type { DurableState } from './durable-state.js';
import { nodeFs } from './fs/node-fs.js';
import { toStorageError } from './fs/storage-error.js';
import type { StorageFs } from './fs/storage-fs.js';
import type { IdempotencyRecord } from './idempotency/answer-table.js';
import { STORAGE_LIMITS, type StorageLimits } from './limits.js';
import { CommitLog, type LogEntry } from './log/commit-log.js';
import { LogReader, type EventPage } from './log/log-reader.js';
import { documentKey } from './projection/document-files.js';
import type { SessionEvents } from './projection/session-events.js';
import { SessionReader, type SessionPageQuery } from './projection/session-reader.js';
import { Quarantine, type Damage } from './quarantine.js';
import { Reserve } from './reserve.js';
import { FULL, healthOf, type StorageHealth } from './storage-health.js';
import { DocumentTables, type View } from './view/view.js';

export interface StoreOptions {
  /** For example `$ORBITMESH_HOME/session-service`. */
  dir: string;
  collections: CollectionSpec[];
  /** The log's id is `<installationId>-<n>`; n grows when the log had to be begun anew. */
  installationId: string;
  /** Relative path of a session's `events.ndjson`; without it there are no such files. */
  sessionEvents?: (sessionId: string) => string;
  /** ms that only grow; only for the age of idempotent answers. @default performance.now */
  clock?: () => number;
  fs?: StorageFs;
  limits?: Partial<StorageLimits>;
  /** Hears of each damage that is found, at the start and later; past `damagesReportedMax` of every second, fourth, eighth …, and how many those are. */
  onDamage?: (damage: Damage, unsaid: number) => void;
  /** Hears of each batch of commits that is on the disk: how many they are, and how long its write and sync took, in s. */
  onSynced?: (commits: number, seconds: number) => void;
  /** The directory is an older state of itself, and nothing of it shows that (a snapshot of its disk): its log gets another name. */
  restored?: boolean;
}

type Entry = LogEntry & PreparedCommit;

/** A commit log, its two views, and the files behind it, of one directory (design §3). One writer. */
export class Store {
  readonly logId: string;
  /** What commands decide on: changed when a commit is enqueued. */
  readonly pending: View;
  /** What replies, reads and events show: changed when it is on the disk. */
  readonly durable: View;
  /** What the files have of sessions' events, and the last sessionSeq that was given out. */
  readonly transcripts: Pick<SessionEvents, 'extentOf' | 'extents'> & { lastSeq(sessionId: string): number };
  readonly idempotency: { lookup(scope: string, key: string): IdempotencyRecord | undefined };

  private readonly state: DurableState;
  private readonly pendingDocuments: DocumentTables;
  private readonly pendingSessionSeqs = new Map<string, number>();
  private pendingNumbers: { commit: number; seq: number };
  private readonly listeners = new Set<(committed: Committed) => void>();
  private readonly log: CommitLog<Entry>;
  private readonly reader: LogReader;
  private readonly sessionReader: SessionReader;
  private readonly checkpointer: Checkpointer;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly options: Pick<StoreOptions, 'sessionEvents' | 'onSynced'> & { collections: Collections; limits: StorageLimits },
    private readonly recovered: Recovered,
    private readonly quarantine: Quarantine,
    private readonly lock: Awaited<ReturnType<StorageFs['lock']>>,
    private readonly parts: { fs: StorageFs; root: string; reserve: Reserve },
  ) {
    const { state, segments, logId } = recovered;
    const { limits } = options;
    this.logId = logId;
    this.state = state;
    this.durable = state.documents;
    this.pending = this.pendingDocuments = new DocumentTables(options.collections.names, (collection, id) => state.documents.get(collection, id), state.recent);
    this.pendingDocuments.copyFrom(state.documents);
    state.views.push(this.pendingDocuments);
    this.pendingNumbers = { ...state.head };
    const { sessions } = state;
    this.transcripts = { extentOf: (id) => sessions.extentOf(id), extents: () => sessions.extents(), lastSeq: (id) => this.pendingSessionSeqs.get(id) ?? sessions.seqOf(id) };
    this.idempotency = { lookup: (scope, key) => state.answers.lookup(scope, key) };
    this.checkpointer = new Checkpointer(parts.fs, parts.root, limits, recovered);
    this.log = new CommitLog<Entry>(
      segments,
      limits,
      {
        admit: () => this.admit(),
        assertOwner: () => this.assertOwner(),
        full: () => parts.reserve.give(),
        durable: (entry) => this.becameDurable(entry),
        failed: (entries) => this.undo(entries),
        synced: options.onSynced,
      },
      () => ({ commit: state.head.commit + 1, seq: state.head.seq + 1 }),
    );
    this.reader = new LogReader(parts.fs, logId, recovered.eras, segments, state.tail, limits, () => state.head.seq);
    this.sessionReader = new SessionReader(parts.fs, state.sessions, limits, (path, reason) => void quarantine.note(path, reason));
  }

  /**
   * Takes the directory's lock, loads, replays and puts aside what is damaged.
   * @throws STORAGE_LOCKED saying who holds the directory; STORAGE_NEWER when the log or the checkpoint
   * is of a newer version; CONFIG_INVALID when it belongs to another installation.
   */
  static async open(options: StoreOptions): Promise<Store> {
    const { fs = nodeFs, clock = () => performance.now() } = options;
    const root = resolve(options.dir);
    const limits = { ...STORAGE_LIMITS, ...options.limits };
    const collections = new Collections(options.collections);
    const quarantine = new Quarantine(fs, root, limits.damagesReportedMax, options.onDamage);
    await makeDirectories(fs, root);
    const lock = await fs.lock(root);
    try {
      const onDamage = (path: string, reason: string): void => void quarantine.note(path, reason);
      const reserve = new Reserve(fs, root, limits, onDamage);
      const state = { fs: reserve.behindTheLog(), root, limits, clock, collections, sessionEvents: options.sessionEvents, onDamage };
      const recovered = await recoverState(state, options.installationId, quarantine, options.restored);
      const store = new Store({ collections, limits, sessionEvents: options.sessionEvents, onSynced: options.onSynced }, recovered, quarantine, lock, { fs: state.fs, root, reserve });
      reserve.begin();
      recovered.check?.begin(() => store.checkpointer.committed());
      store.checkpointer.opened(recovered.stale);
      return store;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Enqueues at once: the numbers are given and `pending` changes before this returns. The promise
   * resolves when the commit is durable and `durable` shows it.
   * @throws (rejects) STORAGE_WRITE, STORAGE_FULL when it could not be written: `pending` is then as
   * `durable`, and everything that was enqueued behind it is rejected too. VALIDATION_FAILED,
   * DOCUMENT_TOO_LARGE, STORAGE_NEWER, TOO_MANY_REQUESTS: refused without any effect.
   */
  commit(commit: Commit): Promise<Committed> {
    let prepared: PreparedCommit;
    try {
      prepared = this.prepare(commit);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    this.pendingNumbers = { commit: prepared.commit, seq: this.pendingNumbers.seq + prepared.events.length };
    for (const { collection, id, doc } of prepared.puts) this.pendingDocuments.set(collection, id, doc);
    for (const { collection, id } of prepared.deletes) this.pendingDocuments.delete(collection, id);
    for (const { envelope } of prepared.events) {
      if (envelope.sessionId !== undefined) this.pendingSessionSeqs.set(envelope.sessionId, envelope.sessionSeq as number);
    }
    return new Promise((settle, reject) => {
      this.log.enqueue({ ...prepared, enqueuedAt: performance.now(), resolve: () => settle(prepared.committed), reject });
    });
  }

  /** The disk is full: only `essential` commits are taken. */
  get full(): boolean { return this.parts.reserve.full; }

  /** Called once a durable commit, in order, after `durable` changed. @returns stops it. */
  onCommitted(listener: (committed: Committed) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The durable head. */
  head(): { seq: number; cursor: string } {
    const { seq } = this.state.head;
    return { seq, cursor: this.reader.cursor(seq) };
  }

  pendingHead(): { seq: number } {
    return { seq: this.pendingNumbers.seq };
  }

  /** The oldest event that is kept; the head when there is none. */
  oldest(): { cursor: string; seq: number } {
    const seq = this.reader.oldestSeq();
    return { seq, cursor: this.reader.cursor(seq) };
  }

  /** A page of the feed after a cursor (or a seq). @throws CURSOR_GONE with `{oldest, newest}`. */
  readEvents(query: { after?: string | number; limit: number; bytesMax?: number }): Promise<EventPage> {
    return this.reader.read(query);
  }

  /** A page of one session; `nextCursor` is the last sessionSeq it looked at. @throws CURSOR_GONE from the future. */
  readSessionEvents(sessionId: string, query: SessionPageQuery): Promise<EventPage> {
    return this.sessionReader.read(sessionId, query);
  }

  health(): StorageHealth {
    const { state, log, checkpointer, full, quarantine, recovered: { tornBytes }, options: { limits } } = this;
    return healthOf({ state, log, checkpointer, full, quarantine, tornBytes, limits, closed: this.closing !== undefined, owned: this.lock.held() });
  }

  /** Tells of a document (or a file) that is not what others say of it: the store alone cannot see that. */
  reportDamage(what: DocumentName | string, reason: string): void {
    const path = typeof what === 'string' ? what : this.options.collections.path(what.collection, what.id, this.durable.get(what.collection, what.id) ?? {});
    this.quarantine.note(path, reason);
  }

  /** Resolves when the files were looked at behind a start that did not read them, or that was given up. */
  checked(): Promise<void> { return this.recovered.check?.over() ?? Promise.resolve(); }

  /** Resolves when every file shows the log and a checkpoint says so. @throws STORAGE_WRITE, STORAGE_FULL. */
  async flush(): Promise<void> {
    await this.log.drained();
    this.assertOwner();
    try {
      await this.state.behind.drained();
      await this.checkpointer.write();
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Takes no more commits, flushes and lets go of the directory. Files that cannot be written stay for the next boot. */
  close(): Promise<void> { return this.closing ??= this.end(); }

  private async end(): Promise<void> {
    try {
      // A failure here loses nothing: it is all in the log, and `health` has said so.
      const wholly = await this.flush().then(() => true, () => false);
      await this.recovered.check?.stop();
      await this.checkpointer.stop(wholly);
      await this.state.behind.stop();
      await this.parts.reserve.stop();
      await this.log.close();
      await this.state.answerJournal.close();
    } finally {
      await this.lock.release();
    }
  }

  private prepare(commit: Commit): PreparedCommit {
    if (this.closing) throw new AppError('STORAGE_WRITE', 'The store is closed.');
    if (this.full && commit.essential !== true) throw new AppError('STORAGE_FULL', FULL);
    for (const name of [...(commit.puts ?? []), ...(commit.deletes ?? [])]) {
      const newer = this.state.opaque.get(documentKey(name));
      if (newer !== undefined) throw new AppError('STORAGE_NEWER', undefined, { file: newer.path });
    }
    const { collections, limits, sessionEvents } = this.options;
    const prepared = prepareCommit(commit, {
      collections,
      logId: this.logId,
      now: () => this.state.answers.now(),
      commitBytesMax: limits.commitBytesMax,
      head: this.pendingNumbers,
      pending: this.pending,
      sessionEvents,
      sessionSeq: (id) => this.transcripts.lastSeq(id),
    });
    this.log.assertRoom(prepared.json.length);
    return prepared;
  }

  /** Back-pressure: the log does not run away from the files. */
  private async admit(): Promise<void> {
    // They stand still, and what is essential cannot make them lag much further.
    if (this.full) return;
    await this.state.behind.room();
    if (this.state.sessions.unsyncedBytes > this.options.limits.unsyncedEventBytesMax) await this.checkpointer.write();
  }

  /** Fails for good: only a start can find out what became of the directory meanwhile. */
  private assertOwner(): void {
    if (this.lock.held()) return;
    void this.state.behind.stop();
    void this.checkpointer.stop(false);
    throw new AppError('STORAGE_LOCKED', `The lock of ${this.parts.root} was taken away; this process writes nothing any more and has to be started again.`, { dir: this.parts.root });
  }

  private becameDurable(entry: Entry): void {
    this.state.apply(entry);
    for (const { envelope } of entry.events) {
      const { sessionId, sessionSeq } = envelope;
      if (sessionId !== undefined && this.pendingSessionSeqs.get(sessionId) === sessionSeq) this.pendingSessionSeqs.delete(sessionId);
    }
    this.checkpointer.committed();
    for (const listener of this.listeners) {
      try {
        listener(entry.committed);
      } catch (error) {
        // A listener that throws is a bug of ours: loud, but after the commit has been told to everybody.
        queueMicrotask(() => { throw error; });
      }
    }
  }

  private undo(entries: Entry[]): void {
    this.pendingNumbers = { ...this.state.head };
    this.pendingSessionSeqs.clear();
    for (const { collection, id } of entries.flatMap((entry) => [...entry.puts, ...entry.deletes])) {
      this.pendingDocuments.takeFrom(this.state.documents, collection, id);
    }
  }
}
