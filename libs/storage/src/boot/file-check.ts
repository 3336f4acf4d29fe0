import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DocumentName } from '../collections.js';
import type { DurableState, StateParts } from '../durable-state.js';
import { readDocument, type ReadDocument } from '../fs/read-document.js';
import { reasonOf } from '../fs/storage-error.js';
import { isShortage, type DirectoryEntry } from '../fs/storage-fs.js';
import { isOwnTemporary } from '../fs/write-file-atomic.js';
import { CHECK_ATTEMPTS_UNTOLD, CHECK_BACKOFF_MAX } from '../limits.js';
import type { LogRecord } from '../log/log-record.js';
import { documentKey } from '../projection/document-files.js';
import type { Quarantine } from '../quarantine.js';
import { walkDocuments } from './document-walk.js';
import { EDITED_BY_HAND, lastStates } from './hand-edits.js';

const nameOf = (key: string): DocumentName => {
  const [collection, id] = key.split('/');
  return { collection, id };
};

/**
 * Looks at the files behind a start that read none of them (ADR-0027), a little at a time. What somebody changed, damaged or took
 * away while nobody was there is put aside, and the files are made again as the store shows them; what somebody put there is put
 * aside, too. A file that waits to be written is passed over: it is about to be right.
 */
export class FileCheck {
  private readonly stopping = new AbortController();
  private turnBegan = 0;
  private running: Promise<void> = Promise.resolve();
  /** Of those that are read on demand: only the log can say what they were. */
  private suspects: DocumentName[] = [];
  /** What went wrong with one file keeps nobody from looking at the others. */
  private failures: unknown[] = [];
  private changed = new Map<string, boolean>();
  /** Their documents are being written: they may be older files of these, which go with that. */
  private postponed: string[] = [];
  /** It is over when they are written: until then the next start has to look again. */
  private readonly again: DocumentName[] = [];

  /** @param records all that the log has; may be read aside of the one who writes it @param logDamaged some of it is lost */
  constructor(
    private readonly parts: StateParts,
    private readonly state: DurableState,
    private readonly quarantine: Quarantine,
    private readonly records: () => Iterable<LogRecord>,
    private readonly logDamaged: () => boolean,
  ) {}

  begin(done: () => void): void {
    this.running = this.run(done);
  }

  /** Resolves when it is over, or stopped. */
  over(): Promise<void> {
    return this.running;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** It never gives up, as the writing of files does not: what it needs may be there again later. */
  private async run(done: () => void): Promise<void> {
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        if (attempt === 1) await this.pause(this.parts.limits.checkDelayMs);
        await this.pass();
        this.state.looked();
        done();
        return;
      } catch (error) {
        if (attempt === CHECK_ATTEMPTS_UNTOLD) this.quarantine.note('', `not all files can be looked at, which is tried again: ${reasonOf(error)}`);
        await this.pause(this.parts.limits.retryDelayMs * Math.min(attempt, CHECK_BACKOFF_MAX)).catch(() => undefined);
      }
    }
  }

  private async pass(): Promise<void> {
    [this.suspects, this.failures, this.postponed, this.changed] = [[], [], [], new Map()];
    const { collections } = this.parts;
    const { documents, opaque } = this.state;
    await this.turn();
    await this.walk();
    for (const collection of collections.names) {
      for (const id of [...documents.ids(collection)]) await this.each(() => this.look({ collection, id }));
    }
    for (const [key, { path }] of opaque) await this.each(() => this.lookAtNewer(nameOf(key), path));
    await this.askTheLog();
    await this.visitPostponed();
    if (this.failures.length > 0) throw this.failures[0];
    await this.written(this.again);
  }

  private async each(look: () => Promise<void>): Promise<void> {
    await this.turn();
    try {
      await look();
    } catch (error) {
      if (isShortage(error)) throw error;
      this.failures.push(error);
    }
  }

  /** Leaves the processor to others, now and then. */
  private async turn(): Promise<void> {
    const { checkSliceMs, checkPauseMs } = this.parts.limits;
    if (performance.now() - this.turnBegan < checkSliceMs) return;
    await this.pause(checkPauseMs);
    this.turnBegan = performance.now();
  }

  /** @throws when it is to stop */
  private async written(names: readonly DocumentName[]): Promise<void> {
    const { signal } = this.stopping;
    signal.throwIfAborted();
    let stop = (): void => undefined;
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason as Error);
    });
    signal.addEventListener('abort', stop);
    try {
      await Promise.race([this.state.files.whenWritten(names), stopped]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** @throws when it is to stop */
  private pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.stopping.signal, ref: false });
  }

  /** From the look at the file to what is decided on it nothing waits, so that no write of ours comes between. */
  private async look(name: DocumentName): Promise<void> {
    const { state } = this;
    if (state.files.waits(name) || !state.documents.has(name.collection, name.id)) return;
    const summary = state.documents.summary(name.collection, name.id);
    const path = this.pathOf(name, summary);
    if (summary === undefined) {
      if (state.changedSince(this.place(path))) this.suspects.push(name);
      return;
    }
    if (!state.changedSince(this.place(path)) && !this.movedHere(path)) return;
    const found = this.read(path);
    if (found === 'missing') this.quarantine.note(path, 'was missing; made again');
    else if ('reason' in found) await this.quarantine.take(this.place(path), `${found.reason}; made again`);
    else if (this.isSame(name, found, state.documents.known(name.collection, name.id)!)) return;
    else await this.quarantine.keep(this.place(path), EDITED_BY_HAND);
    this.makeAgain(name);
  }

  /** A directory that is put in another's place takes its files along, with their times. */
  private movedHere(path: string): boolean {
    for (let at = dirname(path); at !== '.'; at = dirname(at)) if (this.isChanged(at)) return true;
    return false;
  }

  /** Of a directory; asked once in a pass. */
  private isChanged(dir: string): boolean {
    const known = this.changed.get(dir) ?? this.state.changedSince(this.place(dir));
    this.changed.set(dir, known);
    return known;
  }

  private async lookAtNewer(name: DocumentName, path: string): Promise<void> {
    if (this.state.files.waits(name) || this.read(path) !== 'missing') return;
    this.quarantine.note(path, 'was missing; made again');
    this.makeAgain(name);
  }

  private async walk(): Promise<void> {
    const unreadable = (path: string, reason: string): void => void this.quarantine.note(path, reason);
    // Most directories are of one session, have none below, and show by their time that nothing came into them.
    const enters = (path: string, depth: number): boolean => depth === 0 || this.isChanged(path);
    for (const { what, path, name, kind } of walkDocuments({ ...this.parts, unreadable, enters })) {
      if (what === 'passed') await this.turn();
      else if (what === 'link') this.quarantine.note(path, 'a link; not followed');
      else if (what === 'document') await this.each(() => this.visit(path, kind));
      else if (!isOwnTemporary(name)) await this.each(() => this.parts.fs.unlink(this.place(path)));
    }
  }

  /** Known documents were looked at; what else is there is nobody's. */
  private async visit(path: string, kind: DirectoryEntry['kind']): Promise<void> {
    const { state, parts: { collections } } = this;
    const candidates = collections.candidatesAt(path);
    const known = candidates.find((name) => state.documents.has(name.collection, name.id) && this.pathOf(name, state.documents.summary(name.collection, name.id)) === path);
    if (kind !== 'file') {
      if (known === undefined) this.quarantine.note(path, `a ${kind}, no file; left alone`);
      else await this.replace(known, path, `a ${kind}, no file`);
      return;
    }
    if (candidates.some((name) => state.files.waits(name))) {
      this.postponed.push(path);
      return;
    }
    if (known !== undefined || candidates.some((name) => state.opaque.get(documentKey(name))?.path === path)) return;
    const found = this.read(path);
    if (found === 'missing') return;
    if ('reason' in found) return this.quarantine.take(this.place(path), found.reason);
    await this.judge(path, found);
  }

  private async visitPostponed(): Promise<void> {
    const { collections } = this.parts;
    await this.written(this.postponed.flatMap((path) => collections.candidatesAt(path)));
    for (const path of this.postponed.splice(0)) await this.each(() => this.visit(path, 'file'));
  }

  private async judge(path: string, found: Exclude<ReadDocument, { reason: string }>): Promise<void> {
    const { state, parts: { collections } } = this;
    const name = collections.identify(path, found.doc);
    if (name === undefined) {
      if (found.schemaVersion !== undefined) this.quarantine.note(path, 'not where its content belongs; left alone');
    } else if (state.files.waits(name)) {
      return;
    } else if (state.has(name)) {
      await this.quarantine.take(this.place(path), 'an older copy of a document');
    } else {
      await this.quarantine.take(this.place(path), 'is no document: it was deleted and somebody brought it back, or never was one here');
    }
  }

  /** What is read on demand is not in memory. */
  private async askTheLog(): Promise<void> {
    const suspects = this.suspects.filter((name) => !this.state.files.waits(name));
    if (suspects.length === 0) return;
    const keys = new Set(suspects.map(documentKey));
    const last = new Map<string, object>();
    for (const record of this.records()) {
      for (const [key, put] of lastStates(keys, [record])) if (put !== 'deleted') last.set(key, put.doc);
      await this.turn();
    }
    for (const name of suspects) await this.each(() => this.compareWithLog(name, last.get(documentKey(name))));
  }

  private async compareWithLog(name: DocumentName, logged: object | undefined): Promise<void> {
    const { state } = this;
    const path = this.pathOf(name, undefined);
    if (!this.isSuspect(name)) return;
    const found = this.read(path);
    if (found === 'missing') this.quarantine.note(path, logged === undefined ? 'is missing, and the log no longer has it' : 'was missing; made again from the log');
    else if ('reason' in found) await this.quarantine.take(this.place(path), logged === undefined ? found.reason : `${found.reason}; made again from the log`);
    // A log that lost something may have lost the newest state.
    else if (logged === undefined || this.logDamaged() || this.isSame(name, found, logged)) return state.trust(this.place(path));
    else await this.quarantine.keep(this.place(path), EDITED_BY_HAND);
    // A commit may have come meanwhile.
    if (logged === undefined || !this.isSuspect(name)) return;
    state.recall({ puts: [{ ...name, schemaVersion: this.parts.collections.spec(name.collection).schemaVersion, doc: logged }] });
    this.makeAgain(name);
  }

  /** Nobody but its file has it. */
  private isSuspect(name: DocumentName): boolean {
    const { documents, files } = this.state;
    return documents.has(name.collection, name.id) && documents.summary(name.collection, name.id) === undefined && !files.waits(name);
  }

  private async replace(name: DocumentName, path: string, reason: string): Promise<void> {
    await this.quarantine.take(this.place(path), `${reason}; made again`);
    if (this.state.documents.summary(name.collection, name.id) === undefined) this.suspects.push(name);
    else this.makeAgain(name);
  }

  /** No checkpoint covers a later commit before the file is there; one that covered less than before would make the snapshot useless, which may be all that has it. */
  private makeAgain(name: DocumentName): void {
    this.again.push(name);
    this.state.files.changed(name, this.state.head.commit + 1, undefined, false);
  }

  private isSame(name: DocumentName, { schemaVersion = 0, doc }: Exclude<ReadDocument, { reason: string }>, expected: object): boolean {
    return schemaVersion <= this.parts.collections.spec(name.collection).schemaVersion && isDeepStrictEqual(doc, JSON.parse(JSON.stringify(expected)));
  }

  private read(path: string): ReadDocument | 'missing' {
    const { fs, limits } = this.parts;
    const there = ((): boolean => {
      try {
        return fs.sizeSync(this.place(path)) !== undefined;
      } catch (error) {
        // Something else is there, which reading it says; or in the place of its directory.
        return (error as NodeJS.ErrnoException).code !== 'ENOTDIR';
      }
    })();
    return there ? readDocument(fs, this.place(path), limits.documentFileBytesMax) : 'missing';
  }

  private pathOf({ collection, id }: DocumentName, summary: object | undefined): string {
    return this.parts.collections.path(collection, id, summary ?? {});
  }

  private place(path: string): string {
    return join(this.parts.root, path);
  }
}
