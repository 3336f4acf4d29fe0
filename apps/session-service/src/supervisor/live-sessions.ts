import { Inject, Injectable } from '@nestjs/common';
import { isTerminal, type Session } from '@orbitmesh/domain';
import { Store } from '@orbitmesh/storage';
import { COLLECTIONS } from '../store/collections.js';

/**
 * The sessions that have not ended: an index over the store. A session is in it from the moment its
 * spawn is enqueued until its end is durable (or its spawn failed), so nobody can forget to watch one.
 */
@Injectable()
export class LiveSessions {
  private readonly live = new Set<string>();
  /** By what is pending: the sessions that have a run on a runner, which are its load. */
  private readonly runnerOf = new Map<string, string>();
  private readonly byRunner = new Map<string, Set<string>>();
  private readonly listeners = new Set<(sessionId: string) => void>();

  constructor(@Inject(Store) private readonly store: Store) {
    for (const session of store.durable.list<Session>(COLLECTIONS.sessions)) {
      if (!isTerminal(session)) this.enqueued([session.id]);
    }
  }

  get count(): number {
    return this.live.size;
  }

  ids(): string[] {
    return [...this.live];
  }

  /** How many sessions that have not ended a runner has. */
  load(runnerId: string): number {
    return this.byRunner.get(runnerId)?.size ?? 0;
  }

  /** Sessions that have not ended and whose run is that runner's; by what is pending. */
  ofRunner(runnerId: string): Session[] {
    return [...this.byRunner.get(runnerId) ?? []].map((id) => this.store.pending.get<Session>(COLLECTIONS.sessions, id)!);
  }

  /** By what is pending. */
  *pending(): Iterable<Session> {
    for (const id of this.live) {
      const session = this.store.pending.get<Session>(COLLECTIONS.sessions, id);
      if (session && !isTerminal(session)) yield session;
    }
  }

  /** Called with the id of a session whose change has become durable, or has failed. */
  onSettled(listener: (sessionId: string) => void): void {
    this.listeners.add(listener);
  }

  /** Their commit is in the pending view. */
  enqueued(sessionIds: readonly string[]): void {
    for (const id of sessionIds) {
      this.live.add(id);
      this.reindex(id);
    }
  }

  /** Their commit is durable, or was taken back. */
  settled(sessionIds: readonly string[]): void {
    for (const id of sessionIds) {
      const durable = this.store.durable.get<Session>(COLLECTIONS.sessions, id);
      const ended = durable ? isTerminal(durable) : !this.store.pending.has(COLLECTIONS.sessions, id);
      if (ended) this.live.delete(id);
      this.reindex(id);
      for (const listener of this.listeners) listener(id);
    }
  }

  private reindex(id: string): void {
    const session = this.store.pending.get<Session>(COLLECTIONS.sessions, id);
    const runnerId = session && !isTerminal(session) ? session.run?.runnerId : undefined;
    const before = this.runnerOf.get(id);
    if (before === runnerId) return;
    if (before !== undefined) this.take(id, before);
    if (runnerId === undefined) return;
    this.runnerOf.set(id, runnerId);
    const sessions = this.byRunner.get(runnerId);
    if (sessions) sessions.add(id);
    else this.byRunner.set(runnerId, new Set([id]));
  }

  private take(id: string, runnerId: string): void {
    this.runnerOf.delete(id);
    const sessions = this.byRunner.get(runnerId);
    sessions?.delete(id);
    if (sessions?.size === 0) this.byRunner.delete(runnerId);
  }
}
