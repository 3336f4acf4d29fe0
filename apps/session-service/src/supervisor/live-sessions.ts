import { Inject, Injectable } from '@nestjs/common';
import { isTerminal, type Session } from '@orbitmesh/domain';
import { Store } from '@orbitmesh/storage';
import { waiterOf } from '../placement/waiter.js';
import { WaitingQueue } from '../placement/waiting-queue.js';
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
  private readonly byProject = new Grouping();
  /** Those that have none yet; and those that were given one, which has not claimed them. */
  private readonly queue = new WaitingQueue();
  private readonly unclaimedIds = new Set<string>();
  private moveCount = 0;
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

  /** How many sessions of a project have a runner. */
  projectLoad(projectId: string): number {
    return this.byProject.of(projectId).size;
  }

  /** All that wait for their first runner; by what is pending. */
  get waiting(): Pick<WaitingQueue, 'size' | 'get' | 'inOrder'> {
    return this.queue;
  }

  /** Grows with everything that makes room on a runner, takes it, or waits for it. */
  get moves(): number {
    return this.moveCount;
  }

  /** Those that were given a runner, which has not claimed them; by what is pending. */
  unclaimed(): Session[] {
    return [...this.unclaimedIds].map((id) => this.store.pending.get<Session>(COLLECTIONS.sessions, id)!);
  }

  /** The runner whose agent keeps the conversation that is gone on with. Null: a new one, or nobody knows any more (its session was deleted). */
  keeperOf(session: Session): string | null {
    let before = this.predecessor(session);
    // One that ended before it was placed anywhere leaves it where its own predecessor had it.
    while (before && !before.run) before = this.predecessor(before);
    return before?.run?.runnerId ?? null;
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
    const moved = [
      this.byRunner.move(id, runnerId),
      this.startingOn.move(id, alive && session.state === 'starting' ? runnerId : undefined),
      this.byProject.move(id, runnerId === undefined ? undefined : session!.projectId),
      this.queueUp(id, alive && session.state === 'created' ? session : undefined),
    ];
    if (moved.includes(true)) this.moveCount += 1;
    if (alive && session.state === 'starting' && session.run && session.run.claimedAt === undefined) this.unclaimedIds.add(id);
    else this.unclaimedIds.delete(id);
  }

  /** Undefined: it waits no more. False: that was known. */
  private queueUp(id: string, session: Session | undefined): boolean {
    if ((this.queue.get(id) === undefined) === (session === undefined)) return false;
    if (session) this.queue.add(waiterOf(session, this.keeperOf(session)));
    else this.queue.remove(id);
    return true;
  }

  private predecessor({ continues }: Session): Session | undefined {
    return continues === null ? undefined : this.store.pending.get<Session>(COLLECTIONS.sessions, continues);
  }
}
