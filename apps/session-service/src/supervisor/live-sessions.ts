import { Inject, Injectable } from '@nestjs/common';
import { isTerminal, type Session } from '@orbitmesh/domain';
import { Store } from '@orbitmesh/storage';
import { COLLECTIONS } from '../store/collections.js';
import { Grouping } from './grouping.js';

/**
 * The sessions that have not ended: an index over the store. A session is in it from the moment its
 * spawn is enqueued until its end is durable (or its spawn failed), so nobody can forget to watch one.
 */
@Injectable()
export class LiveSessions {
  private readonly live = new Set<string>();
  /** By what is pending: the sessions that have a run on a runner, which are its load; and those of them whose agents are being started. */
  private readonly byRunner = new Grouping();
  private readonly startingOn = new Grouping();
  /** All that wait for a runner, oldest first. */
  private readonly waiting = new Set<string>();
  private readonly listeners = new Set<(sessionId: string) => void>();

  constructor(@Inject(Store) private readonly store: Store) {
    for (const session of store.durable.summaries<Pick<Session, 'id' | 'state'>>(COLLECTIONS.sessions)) {
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
    return this.byRunner.of(runnerId).size;
  }

  /** Those of them that are being started; by what is pending. */
  starting(runnerId: string): Session[] {
    return [...this.startingOn.of(runnerId)].map((id) => this.store.pending.get<Session>(COLLECTIONS.sessions, id)!);
  }

  /** How many wait for a runner. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /** The first that wait for a runner, oldest first. */
  waitingFirst(count: number): string[] {
    const first: string[] = [];
    for (const id of this.waiting) {
      if (first.length >= count) break;
      first.push(id);
    }
    return first;
  }

  /** Sessions that have not ended and whose run is that runner's; by what is pending. */
  ofRunner(runnerId: string): Session[] {
    return [...this.byRunner.of(runnerId)].map((id) => this.store.pending.get<Session>(COLLECTIONS.sessions, id)!);
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
    const alive = session !== undefined && !isTerminal(session);
    const runnerId = alive ? session.run?.runnerId : undefined;
    this.byRunner.move(id, runnerId);
    this.startingOn.move(id, alive && session.state === 'starting' ? runnerId : undefined);
    if (alive && session.state === 'created') this.waiting.add(id);
    else this.waiting.delete(id);
  }
}
