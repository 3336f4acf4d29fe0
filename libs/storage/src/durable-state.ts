import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import type { StorageFs } from './fs/storage-fs.js';
import type { Collections, DocumentName } from './collections.js';
import type { Head } from './commit.js';
import { AnswerTable, type KeptAnswer } from './idempotency/answer-table.js';
import type { AnswerJournal } from './idempotency/answer-journal.js';
import type { StorageLimits } from './limits.js';
import { EventTail } from './log/event-tail.js';
import type { LoggedAnswer, LoggedPut, LogRecord, SessionTrim, StoredEvent } from './log/log-record.js';
import { Directories } from './projection/directories.js';
import { DocumentFiles, documentKey, type OpaqueDocument } from './projection/document-files.js';
import { readerOnDemand, type ReadOnDemand } from './projection/on-demand.js';
import { SessionEvents } from './projection/session-events.js';
import { WriteBehind } from './projection/write-behind.js';
import { deepFreeze } from './view/deep-freeze.js';
import type { KeptDocument } from './view/kept-document.js';
import { RecentDocuments } from './view/recent-documents.js';
import { DocumentTables, type NamedDocument } from './view/view.js';

/** A commit that is durable in the log: written just now, or read from it at boot. */
export interface DurableCommit {
  commit: number;
  puts: LoggedPut[];
  deletes: DocumentName[];
  forgets: string[];
  trims?: SessionTrim[];
  events: StoredEvent[];
  answer: LoggedAnswer | undefined;
}

export interface StateParts {
  fs: StorageFs;
  root: string;
  limits: StorageLimits;
  clock(): number;
  collections: Collections;
  sessionEvents: ((sessionId: string) => string) | undefined;
  onDamage(path: string, reason: string): void;
}

/** Everything that follows from the durable log. Live commits and replay go the same way: `apply`. */
export class DurableState {
  readonly head: Head = { commit: 0, seq: 0 };
  /** Shared by all views. */
  readonly recent: RecentDocuments;
  readonly documents: DocumentTables;
  /** All that show its documents. */
  readonly views: DocumentTables[] = [];
  /** Documents of a newer version, by key. */
  readonly opaque = new Map<string, OpaqueDocument>();
  readonly tail: EventTail;
  readonly behind: WriteBehind;
  readonly files: DocumentFiles;
  readonly sessions: SessionEvents;
  readonly answers: AnswerTable;
  /** Set by boot, before anything is applied. */
  answerJournal!: AnswerJournal;
  private readonly collections: Collections;
  private asOf: number | undefined;
  private looking = false;
  private readonly trusted = new Set<string>();

  constructor(private readonly parts: StateParts) {
    const { fs, root, limits, collections } = parts;
    this.collections = collections;
    this.recent = new RecentDocuments(limits.recentBytesMax);
    this.documents = new DocumentTables(collections.names, this.readerWhenLookedAt(), this.recent);
    this.views.push(this.documents);
    this.tail = new EventTail(limits.tailBytesMax);
    this.behind = new WriteBehind(limits);
    this.answers = new AnswerTable(limits, parts.clock, (place) => this.answerJournal.read(place));
    const { behind, documents, opaque } = this;
    const directories = new Directories(fs, root);
    this.files = new DocumentFiles(fs, root, collections, documents, opaque, directories, behind, (name, doc) => this.unload(name, doc));
    const { onDamage, sessionEvents: pathOf } = parts;
    this.sessions = new SessionEvents({ fs, root, limits, directories, behind, pathOf, onDamage });
  }

  /** Those of a newer version are among them. */
  has(name: DocumentName): boolean {
    return this.documents.has(name.collection, name.id) || this.opaque.has(documentKey(name));
  }

  get documentCount(): number {
    return this.documents.total + this.opaque.size;
  }

  /** What was changed after this, in ms since 1970, was not looked at yet; undefined: there is no such thing. */
  get filesAsOf(): number | undefined {
    return this.asOf;
  }

  /** The documents are not from their files, which are looked at from now on. */
  lookSince(time: number | undefined): void {
    [this.looking, this.asOf] = [true, time];
  }

  looked(): void {
    [this.looking, this.asOf] = [false, undefined];
    this.trusted.clear();
  }

  /** It is as it has to be, though it was changed. */
  trust(file: string): void {
    this.trusted.add(file);
  }

  /** Missing, too, where it was there; and at that very moment, which has some ms. */
  changedSince(file: string): boolean {
    const { parts: { fs }, asOf } = this;
    try {
      return asOf === undefined || (fs.changedAtSync?.(file) ?? Infinity) >= asOf;
    } catch {
      return true;
    }
  }

  apply({ commit, puts, deletes, forgets, trims = [], events, answer }: DurableCommit): void {
    this.head.commit = Math.max(this.head.commit, commit);
    for (const put of puts) this.put(put, commit);
    for (const { id, seq } of trims) this.sessions.trim(id, seq, commit);
    for (const event of events) this.addEvent(event, commit);
    for (const name of deletes) this.delete(name, commit);
    for (const sessionId of forgets) this.sessions.forget(sessionId, commit, this.head.seq);
    if (answer !== undefined) this.addAnswer(answer, commit);
  }

  /** Nobody is given what somebody may have written into a file. @throws STORAGE_READ: it takes seconds, once after a start. */
  private readerWhenLookedAt(): ReadOnDemand {
    const { parts } = this;
    const read = readerOnDemand(parts);
    return (collection, id, summary) => {
      const file = join(parts.root, parts.collections.path(collection, id, summary ?? {}));
      if (this.looking && this.asOf !== undefined && !this.trusted.has(file) && this.changedSince(file)) throw new AppError('STORAGE_READ', 'Its file was changed by somebody, and is being looked at.');
      return read(collection, id, summary);
    };
  }

  /** What the files show already. */
  recall({ puts = [], deletes = [] }: Pick<LogRecord, 'puts' | 'deletes'>): void {
    for (const put of puts) this.show(put);
    for (const name of deletes) {
      this.documents.delete(name.collection, name.id);
      this.opaque.delete(documentKey(name));
    }
  }

  /** By collection. */
  get schemaVersions(): Record<string, number> {
    return Object.fromEntries(this.collections.names.map((name) => [name, this.collections.spec(name).schemaVersion]));
  }

  /** The keys of each collection that has a summary. */
  get summaries(): Record<string, string[]> {
    return Object.fromEntries(this.collections.names.flatMap((name) => {
      const keys = this.collections.summaryKeys(name);
      return keys ? [[name, keys]] : [];
    }));
  }

  summaryOf(collection: string, doc: object): object | undefined {
    return this.collections.summaryOf(collection, doc);
  }

  /** As they are now, also when they change later. */
  allDocuments(): NamedDocument[] {
    const { documents, opaque, collections } = this;
    const shown = documents.all((collection) => collections.spec(collection));
    return [...shown, ...[...opaque].map(([key, { schemaVersion, doc }]) => {
      const [collection, id] = key.split('/');
      return { collection, id, schemaVersion, doc };
    })];
  }

  addAnswer(answer: LoggedAnswer, commit: number): void {
    const kept: KeptAnswer = { commit, at: answer.at, bytes: JSON.stringify(answer).length, content: answer };
    this.answers.add(answer, kept);
    this.answerJournal.add(kept);
  }

  /** What is read on demand need not be in memory once its file has it. While files are looked at they are not believed. */
  private unload(name: DocumentName, doc: object): void {
    if (!this.collections.spec(name.collection).onDemand || this.looking) return;
    for (const view of this.views) view.unload(name.collection, name.id, doc);
  }

  /** The snapshot has it: who still shows this one need not have it in memory. */
  release({ collection, id }: DocumentName, doc: object, kept: KeptDocument): void {
    for (const view of this.views) view.release(collection, id, doc, kept);
  }

  /** The last commit that nothing has to be replayed for: all its files, events and answers are durable. */
  coveredCommit(): number {
    const behind = [this.behind.oldestCommit(), this.sessions.oldestCommit(), this.answerJournal.oldestCommit];
    return Math.min(this.head.commit, ...behind.map((commit) => (commit === undefined ? Infinity : commit - 1)));
  }

  private put(put: LoggedPut, commit: number): void {
    const { collection, id, doc } = put;
    const before = this.before(collection, id);
    const newer = this.show(put);
    const lazy = before !== undefined && !newer && this.collections.isLazyChange(collection, before, doc);
    this.files.changed({ collection, id }, commit, newer ? undefined : before, lazy);
  }

  /** @returns whether it is of a newer version, which nobody is shown */
  private show({ collection, id, schemaVersion, doc }: LoggedPut): boolean {
    const key = documentKey({ collection, id });
    const newer = schemaVersion > this.collections.spec(collection).schemaVersion;
    if (!newer) {
      this.documents.set(collection, id, deepFreeze(doc));
      return false;
    }
    this.opaque.set(key, { schemaVersion, doc, path: this.opaque.get(key)?.path ?? this.collections.path(collection, id, doc) });
    this.documents.delete(collection, id);
    return true;
  }

  /** The path of one that is read on demand follows from its id. */
  private before(collection: string, id: string): object | undefined {
    return this.documents.known(collection, id) ?? (this.documents.has(collection, id) ? {} : undefined);
  }

  private delete(name: DocumentName, commit: number): void {
    const { collection, id } = name;
    const before = this.before(collection, id);
    const newer = this.opaque.get(documentKey(name));
    if (newer !== undefined) this.files.outdate(name, newer.path);
    this.opaque.delete(documentKey(name));
    this.documents.delete(collection, id);
    this.files.changed(name, commit, before, false);
  }

  private addEvent(event: StoredEvent, commit: number): void {
    const { seq, sessionId } = event.envelope;
    // In a replay, the head may be ahead of the events: the checkpoint states the newest one.
    this.head.seq = Math.max(this.head.seq, seq);
    this.tail.push(event);
    if (sessionId !== undefined) this.sessions.append(sessionId, commit, event);
  }
}
