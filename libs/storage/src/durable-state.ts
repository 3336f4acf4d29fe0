import type { StorageFs } from './fs/storage-fs.js';
import type { Collections, DocumentName } from './collections.js';
import type { Head } from './commit.js';
import { AnswerTable, type KeptAnswer } from './idempotency/answer-table.js';
import type { AnswerJournal } from './idempotency/answer-journal.js';
import type { StorageLimits } from './limits.js';
import { EventTail } from './log/event-tail.js';
import type { LoggedAnswer, LoggedPut, StoredEvent } from './log/log-record.js';
import { Directories } from './projection/directories.js';
import { DocumentFiles, documentKey, type OpaqueDocument } from './projection/document-files.js';
import { readerOnDemand } from './projection/on-demand.js';
import { SessionEvents } from './projection/session-events.js';
import { WriteBehind } from './projection/write-behind.js';
import { deepFreeze } from './view/deep-freeze.js';
import { DocumentTables } from './view/view.js';

/** A commit that is durable in the log: written just now, or read from it at boot. */
export interface DurableCommit {
  commit: number;
  puts: LoggedPut[];
  deletes: DocumentName[];
  forgets: string[];
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
  readonly documents: DocumentTables;
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

  constructor(parts: StateParts) {
    const { fs, root, limits, collections } = parts;
    this.collections = collections;
    this.documents = new DocumentTables(collections.names, readerOnDemand(parts));
    this.tail = new EventTail(limits.tailBytesMax);
    this.behind = new WriteBehind(limits);
    this.answers = new AnswerTable(limits, parts.clock, (place) => this.answerJournal.read(place));
    const { behind, documents, opaque } = this;
    const directories = new Directories(fs, root);
    this.files = new DocumentFiles(fs, root, collections, documents, opaque, directories, behind);
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

  apply({ commit, puts, deletes, forgets, events, answer }: DurableCommit): void {
    this.head.commit = Math.max(this.head.commit, commit);
    for (const put of puts) this.put(put, commit);
    for (const event of events) this.addEvent(event, commit);
    for (const name of deletes) this.delete(name, commit);
    for (const sessionId of forgets) this.sessions.forget(sessionId, commit, this.head.seq);
    if (answer !== undefined) this.addAnswer(answer, commit);
  }

  addAnswer(answer: LoggedAnswer, commit: number): void {
    const kept: KeptAnswer = { commit, at: answer.at, bytes: JSON.stringify(answer).length, content: answer };
    this.answers.add(answer, kept);
    this.answerJournal.add(kept);
  }

  /** The last commit that nothing has to be replayed for: all its files, events and answers are durable. */
  coveredCommit(): number {
    const behind = [this.behind.oldestCommit(), this.sessions.oldestCommit(), this.answerJournal.oldestCommit];
    return Math.min(this.head.commit, ...behind.map((commit) => (commit === undefined ? Infinity : commit - 1)));
  }

  private put({ collection, id, schemaVersion, doc }: LoggedPut, commit: number): void {
    const name = { collection, id };
    const before = this.documents.get<object>(collection, id);
    if (schemaVersion > this.collections.spec(collection).schemaVersion) {
      const path = this.opaque.get(documentKey(name))?.path ?? this.collections.path(collection, id, doc);
      this.opaque.set(documentKey(name), { schemaVersion, doc, path });
      this.documents.delete(collection, id);
      this.files.changed(name, commit, undefined, false);
      return;
    }
    this.documents.set(collection, id, deepFreeze(doc));
    const lazy = before !== undefined && this.collections.isLazyChange(collection, before, doc);
    this.files.changed(name, commit, before, lazy);
  }

  private delete(name: DocumentName, commit: number): void {
    const { collection, id } = name;
    // One whose file cannot be read has a path nevertheless.
    const before = this.documents.get<object>(collection, id) ?? (this.documents.has(collection, id) ? {} : undefined);
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
