import { Inject, Injectable } from '@nestjs/common';
import { AppError, isTerminal, newUlidSource, StorageWriteError, type EventEnvelope, type IdKind, type Mail, type Session } from '@orbitmesh/domain';
import type { CommandMeta, MutationReply } from '@orbitmesh/contracts';
import { STORAGE_LIMITS, Store, type Commit, type Committed } from '@orbitmesh/storage';
import { Clock } from '../kernel/clock.js';
import { COLLECTIONS } from '../store/collections.js';
import { Indexes } from '../store/indexes.js';
import { newestIdTime, noteDeletes } from '../store/newest-id.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { bodyOf, isEmpty, type Change, type Decide, type Decision, type Effect } from './decision.js';
import { isEssential } from './essential.js';

type Reply<T> = MutationReply<T>;
/** An answer as it is kept: with its cursor, so that a repeated request gets the very same. */
interface KeptAnswer { body: unknown; cursor: string }
interface Flight { committed: Promise<Committed>; before: Flight | null }

/**
 * The one place where anything is changed (design §3). A command decides synchronously on what is
 * pending, is committed, and is answered when its commit is durable; so commands of one entity follow
 * each other without a lock, and many share one fsync.
 */
@Injectable()
export class Commands {
  private readonly inFlight = new Map<string, { bodyHash: string; answer: Promise<Reply<unknown>> }>();
  /** The newest commit that is not durable yet. The log keeps their order: when it is, all before it are. */
  private newest: Flight | null = null;
  private readonly newId: (kind: IdKind) => string;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {
    const floor = newestIdTime(store.durable) + 1;
    this.newId = newUlidSource(() => Math.max(floor, clock.wall()));
  }

  /**
   * A command of a user or an agent. `prepare` is what cannot be synchronous (asking a runner); it runs
   * before the decision, inside the reach of the Idempotency-Key. The decision must not trust it blindly.
   *
   * @throws IDEMPOTENCY_KEY_REUSED when the key came with another body; UNAUTHENTICATED when the agent's
   * session has ended; whatever the decision throws; STORAGE_WRITE, STORAGE_FULL: then nothing happened.
   */
  run<T, P = void>(meta: CommandMeta, decide: (tx: Decide, prepared: P) => Decision<T>, prepare?: () => Promise<P>): Promise<Reply<T>> {
    const key = meta.idempotency;
    if (!key) return this.execute(meta, decide, prepare);
    const id = `${key.scope}\n${key.key}`;
    const kept = this.store.idempotency.lookup(key.scope, key.key);
    if (kept) return this.replay<T>(key.bodyHash, kept.bodyHash, async () => ({ status: kept.status as Reply<T>['status'], ...(kept.body as KeptAnswer) }));
    const flying = this.inFlight.get(id);
    if (flying) return this.replay<T>(key.bodyHash, flying.bodyHash, () => flying.answer);
    const answer = this.execute(meta, decide, prepare).finally(() => this.inFlight.delete(id));
    this.inFlight.set(id, { bodyHash: key.bodyHash, answer });
    return answer;
  }

  /** A change that the system makes by itself: a fact, a placement, a deadline. Nothing is written when nothing changes. */
  async apply<T>(decide: (tx: Decide) => Effect<T>): Promise<T> {
    return this.withRoom(async () => {
      // Nothing may come between the decision and its commit: no await.
      const effect = decide(this.transaction());
      await (isEmpty(effect) ? this.settled() : this.commit(effect));
      return effect.result;
    });
  }

  /** Resolves when everything decided so far is durable. @throws STORAGE_WRITE, STORAGE_FULL when it was not made so. */
  async settled(): Promise<void> {
    for (let flight = this.newest; flight; ) {
      const { before } = flight;
      try {
        await flight.committed;
        return;
      } catch (error) {
        if (!wasRefused(error)) throw error;
        flight = before;
      }
    }
  }

  private async execute<T, P>(meta: CommandMeta, decide: (tx: Decide, prepared: P) => Decision<T>, prepare?: () => Promise<P>): Promise<Reply<T>> {
    let prepared = undefined as P;
    try {
      if (prepare) prepared = await prepare();
    } catch (error) {
      return this.refuse(error);
    }
    return this.withRoom(async () => {
      // From here to the commit: no await.
      this.assertActor(meta);
      const decision = decide(this.transaction(), prepared);
      const { status } = decision;
      const cursor = `${this.store.logId}.${this.store.pendingHead().seq + (decision.events?.length ?? 0)}`;
      const answerOf = (events: readonly EventEnvelope[]): KeptAnswer => ({ body: bodyOf(decision, events), cursor });
      if (isEmpty(decision) && !meta.idempotency) {
        await this.settled();
        return { status, body: bodyOf(decision, []), cursor };
      }
      const { events } = await this.commit(decision, meta.idempotency && { ...meta.idempotency, status, body: answerOf });
      return { status, body: bodyOf(decision, events), cursor };
    });
  }

  /**
   * Decides and commits; again, on what is there then, when the disk was full and the store gave back some of its reserve
   * for what is essential. What is not is refused by it at once.
   */
  private async withRoom<T>(attempt: () => Promise<T>): Promise<T> {
    for (let left = STORAGE_LIMITS.reservePortions; ; left -= 1) {
      try {
        return await attempt().catch((error: unknown) => this.refuse(error));
      } catch (error) {
        if (left === 0 || !this.store.full || wasRefused(error)) throw error;
      }
    }
  }

  /** A refusal is told only when what it was decided on is durable: it would otherwise show a write that may still fail. */
  private async refuse(error: unknown): Promise<never> {
    await this.settled();
    throw error;
  }

  private commit(change: Change, answer?: Commit['answer']): Promise<Committed> {
    const sessions = sessionsOf(change);
    const committed = this.store.commit({ ...noteDeletes(this.store.pending, change), ...(answer && { answer }), essential: isEssential(change) });
    this.live.enqueued(sessions);
    this.indexes.enqueued(change);
    const flight: Flight = { committed, before: this.newest };
    this.newest = flight;
    const over = (before: Flight | null): void => {
      flight.before = null;
      if (this.newest === flight) this.newest = before;
      this.indexes.settled(change);
      this.live.settled(sessions);
    };
    committed.then(() => over(null), (error: unknown) => over(wasRefused(error) ? flight.before : null));
    return committed;
  }

  private transaction(): Decide {
    return {
      view: this.store.pending,
      indexes: this.indexes,
      live: () => this.live.pending(),
      headSeq: this.store.pendingHead().seq,
      now: new Date(this.clock.wall()).toISOString(),
      newId: this.newId,
    };
  }

  private assertActor({ actor }: CommandMeta): void {
    if (actor.kind !== 'agent') return;
    const session = this.store.pending.get<Session>(COLLECTIONS.sessions, actor.sessionId);
    if (!session || isTerminal(session)) throw new AppError('UNAUTHENTICATED', "The agent's session has ended.");
  }

  private async replay<T>(bodyHash: string, keptHash: string, answer: () => Promise<Reply<unknown>>): Promise<Reply<T>> {
    if (bodyHash !== keptHash) throw new AppError('IDEMPOTENCY_KEY_REUSED');
    return { ...(await answer()) as Reply<T>, replayed: true };
  }
}

/** The store took it back before it was in the log: it says nothing of what else is on its way. */
function wasRefused(error: unknown): boolean {
  return !(error instanceof StorageWriteError);
}

function sessionsOf(change: Change): string[] {
  const ids = new Set<string>();
  for (const { collection, id } of [...change.puts ?? [], ...change.deletes ?? []]) {
    if (collection === COLLECTIONS.sessions) ids.add(id);
  }
  // Mail that comes or goes is a reason to look at its session, too.
  for (const { collection, doc } of change.puts ?? []) {
    const { toSessionId } = doc as Partial<Mail>;
    if (collection === COLLECTIONS.mail && toSessionId) ids.add(toSessionId);
  }
  return [...ids];
}
