import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { reasonOf } from '../fs/storage-error.js';
import { isShortage, type StorageFs } from '../fs/storage-fs.js';
import type { StorageLimits } from '../limits.js';
import type { StoredEvent } from '../log/log-record.js';
import type { Directories } from './directories.js';
import { SessionFile } from './session-file.js';
import type { WriteBehind } from './write-behind.js';

/** What the file of a session has, in bytes, and up to which of its events they are gone for good; 0: none are. */
export interface TranscriptExtent {
  bytes: number;
  trimmed: number;
}

/** One session in the checkpoint: last sessionSeq, bytes of its file, and the feed's head when it was deleted. */
export type SessionState = [seq: number, bytes: number, deletedAt?: number];

interface Session {
  /** The last durable sessionSeq. */
  seq: number;
  file: SessionFile | undefined;
  /** The feed's seq at its deletion: the number is kept until the log has forgotten the session too. */
  deletedAt: number | undefined;
}

export interface SessionEventsParts {
  fs: StorageFs;
  root: string;
  limits: StorageLimits;
  directories: Directories;
  behind: WriteBehind;
  /** Relative path of a session's events file; without it sessions are only numbered. */
  pathOf: ((sessionId: string) => string) | undefined;
  onDamage(path: string, reason: string): void;
}

/** Puts a file of a session aside. */
type TakeAway = (path: string, reason: string) => Promise<void>;

/** What `look` says; false, and an empty file, when there is nothing to look at. */
async function usable(file: SessionFile, look: () => Promise<boolean>, takeAway: TakeAway): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    if (isShortage(error)) throw error;
    await takeAway(file.path, `unreadable: ${reasonOf(error)}`);
    file.restart();
    return false;
  }
}

/** The events of each session: their numbers, and their files behind the log. */
export class SessionEvents {
  private readonly sessions = new Map<string, Session>();
  private unsynced = 0;

  constructor(private readonly parts: SessionEventsParts) {}

  get unsyncedBytes(): number {
    return this.unsynced;
  }

  /** Those that are deleted and not forgotten yet are among them. */
  get count(): number {
    return this.sessions.size;
  }

  /** The last durable sessionSeq; 0 when there is none. */
  seqOf(sessionId: string): number {
    return this.sessions.get(sessionId)?.seq ?? 0;
  }

  fileOf(sessionId: string): SessionFile | undefined {
    return this.sessions.get(sessionId)?.file;
  }

  restore(states: Record<string, SessionState>, trimmed: Record<string, number> = {}): void {
    for (const [id, [seq, bytes, deletedAt]] of Object.entries(states)) {
      const file = deletedAt === undefined ? this.newFile(id, { seq, bytes }, trimmed[id]) : undefined;
      this.sessions.set(id, { seq, file, deletedAt });
    }
  }

  /** Without a checkpoint: takes the files of these sessions as they are, up to their first bad line. */
  async adopt(sessionIds: Iterable<string>, takeAway: TakeAway): Promise<void> {
    for (const id of sessionIds) {
      const file = this.sessions.has(id) ? undefined : this.newFile(id, { seq: 0, bytes: 0 });
      if (file === undefined || !(await usable(file, () => file.adopt(), takeAway))) continue;
      this.sessions.set(id, { seq: file.synced.seq, file, deletedAt: undefined });
    }
  }

  /** Up to which number the events of a session are gone; those of which none are, are not among them. */
  trimmed(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [id, { file }] of this.sessions) if (file !== undefined && file.trimmed > 0) found[id] = file.trimmed;
    return found;
  }

  *extents(): Iterable<TranscriptExtent & { sessionId: string }> {
    for (const [sessionId, { file }] of this.sessions) if (file !== undefined) yield { sessionId, bytes: file.synced.bytes, trimmed: file.trimmed };
  }

  extentOf(sessionId: string): TranscriptExtent {
    const file = this.fileOf(sessionId);
    return { bytes: file?.synced.bytes ?? 0, trimmed: file?.trimmed ?? 0 };
  }

  state(): Record<string, SessionState> {
    const states: Record<string, SessionState> = {};
    for (const [id, { seq, file, deletedAt }] of this.sessions) {
      if (deletedAt !== undefined) states[id] = [seq, 0, deletedAt];
      else states[id] = file === undefined ? [seq, 0] : [file.synced.seq, file.synced.bytes];
    }
    return states;
  }

  /** A durable event of a session, in order; one that the file already has (replay) is passed over. */
  append(sessionId: string, commit: number, event: StoredEvent): void {
    const seq = event.envelope.sessionSeq;
    if (seq === undefined) throw new AppError('INTERNAL', 'An event of a session has no sessionSeq.');
    let session = this.sessions.get(sessionId);
    if (session === undefined) {
      session = { seq: 0, file: this.newFile(sessionId, { seq: 0, bytes: 0 }), deletedAt: undefined };
      this.sessions.set(sessionId, session);
    }
    session.seq = Math.max(session.seq, seq);
    const { file } = session;
    if (file === undefined || seq <= Math.max(file.lines.at(-1)?.seq ?? file.synced.seq, file.trimmed)) return;
    file.lines.push({ seq, commit, event });
    this.unsynced += event.bytes;
    this.parts.behind.mark(`events:${sessionId}`, commit, () => file.write());
  }

  /**
   * The session's document is gone, so its file goes too; late events of it are only in the log.
   * A replay may say it again: the removal may not have reached the disk.
   */
  forget(sessionId: string, commit: number, headSeq: number): void {
    const session = this.sessions.get(sessionId);
    const file = session?.file ?? this.newFile(sessionId, { seq: 0, bytes: 0 });
    if (session === undefined || file === undefined) return;
    this.unsynced -= file.discard();
    session.deletedAt ??= headSeq;
    session.file = undefined;
    this.parts.behind.mark(`events:${sessionId}`, commit, () => file.remove());
  }

  /** Its events up to `seq` leave its file; it is written next. A replay may say it again: that may not have reached the disk. */
  trim(sessionId: string, seq: number, commit: number): void {
    const file = this.fileOf(sessionId);
    if (file === undefined) return;
    this.unsynced -= file.trim(seq);
    this.parts.behind.mark(`events:${sessionId}`, commit, () => file.write());
  }

  /** Sessions whose files have lost bytes, and those whose files are unreadable or no files, which are taken away. Before anything is written. */
  async damaged(takeAway: TakeAway): Promise<Set<string>> {
    const found = new Set<string>();
    for (const [id, { file }] of this.sessions) {
      if (file === undefined || (await usable(file, () => file.check(), takeAway))) continue;
      // They come again from the log, in order, with those that are lost.
      this.unsynced -= file.clear();
      found.add(id);
    }
    return found;
  }

  /** Numbers of deleted sessions that no kept event mentions are dropped. */
  prune(oldestSeq: number): void {
    for (const [id, { deletedAt }] of this.sessions) {
      if (deletedAt !== undefined && deletedAt < oldestSeq) this.sessions.delete(id);
    }
  }

  /** The oldest commit with an event that is not synced in its session's file. */
  oldestCommit(): number | undefined {
    let oldest: number | undefined;
    for (const { file } of this.sessions.values()) {
      const commit = file?.lines[0]?.commit;
      if (commit !== undefined) oldest = Math.min(oldest ?? commit, commit);
    }
    return oldest;
  }

  /** Brings every file up to date, durably. @throws the first failure, after all were tried. */
  async sync(): Promise<void> {
    const dirty = [...this.sessions].filter(([, session]) => (session.file?.lines.length ?? 0) > 0);
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let next = dirty.pop(); next !== undefined; next = dirty.pop()) {
        const [id, session] = next;
        const file = session.file as SessionFile;
        try {
          await file.write();
          const freed = await file.sync();
          this.unsynced -= freed;
        } catch (error) {
          failures.push(error);
          if (file.lines.length > 0) {
            this.parts.behind.mark(`events:${id}`, file.lines[0].commit, () => file.write());
          }
        }
      }
    };
    await Promise.all(Array.from({ length: this.parts.limits.writesInFlightMax }, worker));
    if (failures.length > 0) throw failures[0];
  }

  private newFile(sessionId: string, synced: { seq: number; bytes: number }, trimmed = 0): SessionFile | undefined {
    const { fs, root, directories, pathOf, onDamage } = this.parts;
    if (pathOf === undefined) return undefined;
    return new SessionFile(fs, directories, join(root, pathOf(sessionId)), synced, onDamage, trimmed);
  }
}
