import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError } from '@orbitmesh/domain';
import type { Checkpoint } from '../checkpoint.js';
import type { Collections } from '../collections.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { missingText, recordsOf, readLog, type LogDamage, type LogReading } from '../log/log-recovery.js';
import type { LoggedPut, LogRecord } from '../log/log-record.js';
import { documentKey, documentText } from '../projection/document-files.js';

/** A state that the log gave a document. */
export interface DocumentState {
  commit: number;
  /** undefined: it was deleted. */
  digest: string | undefined;
  /** Relative path of its file. */
  path: string;
  revision: number | undefined;
}

/** What the log says of one session's file: the CRC of each line, from `first` on. */
export interface SessionLines {
  first: number;
  crcs: number[];
}

/** Of a log that is read, never written: which states each document had, and which lines each session. */
export class LogStates {
  readonly documents = new Map<string, DocumentState[]>();
  readonly sessions = new Map<string, SessionLines>();
  readonly damages: LogDamage[];
  readonly log: LogReading;
  /** The first and the last commit that it has; 0 and 0 when it has none. */
  firstCommit = 0;
  lastCommit = 0;
  headSeq = 0;

  /** @throws STORAGE_NEWER for a log of a newer version */
  constructor(private readonly fs: StorageFs, root: string, private readonly collections: Collections, checkpoint: Checkpoint | undefined) {
    this.log = readLog(fs, join(root, 'log'), checkpoint?.firstSegment ?? 0);
    this.damages = [...this.log.damages];
    for (const record of this.records()) this.take(record);
    const covered = checkpoint?.commit ?? 0;
    if (covered > this.lastCommit) this.damages.push({ file: '', reason: `it ends with commit ${this.lastCommit}, and ${covered} was written` });
  }

  /** Nothing that it should have is missing or damaged. */
  get whole(): boolean {
    return this.damages.length === 0;
  }

  /** It goes back to the first commit there ever was. */
  get complete(): boolean {
    return this.whole && this.firstCommit <= 1;
  }

  /** The last state of each of these documents, whole. */
  bodiesOf(keys: ReadonlySet<string>): Map<string, LoggedPut> {
    const found = new Map<string, LoggedPut>();
    if (keys.size === 0) return found;
    for (const { puts = [] } of this.records()) {
      for (const put of puts) if (keys.has(documentKey(put))) found.set(documentKey(put), put);
    }
    return found;
  }

  /** The lines of a session's file that the log has, by sessionSeq. */
  linesOf(sessionId: string): Map<number, string> {
    const lines = new Map<number, string>();
    for (const { events = [] } of this.records()) {
      for (const event of events) if (event.sessionId === sessionId) lines.set(event.sessionSeq ?? 0, JSON.stringify(event));
    }
    return lines;
  }

  /** @throws STORAGE_NEWER for a collection that this version does not know */
  private *records(): Generator<LogRecord> {
    const onDamage = (damage: LogDamage): void => {
      if (!this.damages.some((known) => known.file === damage.file && known.offset === damage.offset)) this.damages.push(damage);
    };
    for (const segment of this.log.chain) {
      for (const record of recordsOf(this.fs, segment, 0, Infinity, onDamage)) {
        const unknown = [...(record.puts ?? []), ...(record.deletes ?? [])].find(({ collection }) => !this.collections.names.includes(collection));
        if (unknown !== undefined) throw new AppError('STORAGE_NEWER', `The log has a collection ${unknown.collection}, which this version does not know.`);
        yield record;
      }
    }
  }

  private take({ commit, seq, puts = [], deletes = [], events = [] }: LogRecord): void {
    if (this.firstCommit === 0) this.firstCommit = commit;
    else if (commit !== this.lastCommit + 1) this.damages.push({ file: '', reason: missingText(this.lastCommit + 1, commit - 1) });
    this.lastCommit = commit;
    this.headSeq = Math.max(this.headSeq, seq - 1 + events.length);
    for (const { collection, id, schemaVersion, doc } of puts) {
      const path = this.collections.path(collection, id, doc);
      this.note(documentKey({ collection, id }), { commit, digest: digestOf(documentText(this.collections.spec(collection).plain, schemaVersion, doc)), path, revision: revisionOf(doc) });
    }
    for (const name of deletes) {
      const path = this.documents.get(documentKey(name))?.at(-1)?.path ?? '';
      this.note(documentKey(name), { commit, digest: undefined, path, revision: undefined });
    }
    for (const event of events) {
      const { sessionId, sessionSeq } = event;
      if (sessionId === undefined || sessionSeq === undefined) continue;
      const lines = this.sessions.get(sessionId) ?? { first: sessionSeq, crcs: [] };
      this.sessions.set(sessionId, lines);
      lines.crcs[sessionSeq - lines.first] = crc32(JSON.stringify(event));
    }
  }

  private note(key: string, state: DocumentState): void {
    const states = this.documents.get(key);
    if (states === undefined) this.documents.set(key, [state]);
    else states.push(state);
  }
}

/** Of a document's file: short, because a log has many. */
export function digestOf(text: string): string {
  return createHash('sha1').update(text).digest('base64').slice(0, 14);
}

export function revisionOf(doc: object): number | undefined {
  const { revision } = doc as { revision?: unknown };
  return typeof revision === 'number' ? revision : undefined;
}
