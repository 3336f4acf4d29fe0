import { Injectable } from '@nestjs/common';
import { AppError, newUlidSource, type IdKind } from '@orbitmesh/domain';
import type { CommandMeta, MutationReply } from '@orbitmesh/contracts';
import type { Position } from '../inbox/position.js';
import { Clock } from '../kernel/clock.js';
import { COMMIT_BYTES_MAX } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { NotifierStore, type Change } from '../store/notifier.store.js';
import type { Decide, Decision } from './decision.js';

type Reply<T> = MutationReply<T>;
/** An answer as it is kept: with its cursor, so that a repeated request gets the very same. */
interface KeptAnswer { body: unknown; cursor: string }

/**
 * What people change in the notifier, inbox and webhooks alike (design §3): a command decides synchronously on what is pending, is
 * committed with its answer, and is answered when that is durable.
 */
@Injectable()
export class Commands {
  /** Requests with an Idempotency-Key that are being carried out: a second one gets the first's answer. */
  private readonly underway = new Map<string, { bodyHash: string; answer: Promise<Reply<unknown>> }>();
  private readonly newId: (kind: IdKind) => string;

  constructor(private readonly store: NotifierStore, private readonly clock: Clock) {
    this.newId = newUlidSource(() => clock.wall());
  }

  /**
   * @throws IDEMPOTENCY_KEY_REUSED when the key came with another body; FORBIDDEN for agents; whatever the decision throws;
   * STORAGE_WRITE, STORAGE_FULL: then nothing happened.
   */
  run<T>(meta: CommandMeta, decide: (tx: Decide) => Decision<T>): Promise<Reply<T>> {
    const key = meta.idempotency;
    if (!key) return this.execute(meta, decide);
    const kept = this.store.answerOf(key.scope, key.key);
    if (kept) return replay<T>(key.bodyHash, kept.bodyHash, async () => ({ status: kept.status as Reply<T>['status'], ...(kept.body as KeptAnswer) }));
    const id = `${key.scope}\n${key.key}`;
    const other = this.underway.get(id);
    if (other) return replay<T>(key.bodyHash, other.bodyHash, () => other.answer);
    const answer = this.execute(meta, decide).finally(() => this.underway.delete(id));
    this.underway.set(id, { bodyHash: key.bodyHash, answer });
    return answer;
  }

  private async execute<T>(meta: CommandMeta, decide: (tx: Decide) => Decision<T>): Promise<Reply<T>> {
    try {
      // The gateway lets no agent come this far.
      if (meta.actor.kind === 'agent') throw new AppError('FORBIDDEN', 'Notifications and webhooks are for people.');
      // From here to the commit: no await.
      const { status, body, puts = [], deletes = [] } = decide({ view: this.store.pending, now: this.clock.now(), newId: this.newId });
      const cursor = this.feedCursor();
      const answer = meta.idempotency && { ...meta.idempotency, status, body: { body, cursor } satisfies KeptAnswer };
      if (puts.length > 0 || deletes.length > 0 || answer) await this.commit({ puts, deletes }, answer);
      else await this.store.settled();
      return { status, body, cursor };
    } catch (error) {
      // A refusal is told only when what it was decided on is durable: it would otherwise show a write that may still fail.
      await this.store.settled();
      throw error;
    }
  }

  /** All of it at once, and in one commit where that is possible; else the last one holds the answer, and no other command comes between. */
  private async commit({ puts = [], deletes }: Change, answer: Parameters<NotifierStore['commit']>[1]): Promise<void> {
    const parts = inParts(puts);
    await Promise.all(parts.map((part, n) => (n < parts.length - 1 ? this.store.commit({ puts: part }) : this.store.commit({ puts: part, deletes }, answer))));
  }

  /** We make no events: the feed's head, as far as we know it, is where we read. */
  private feedCursor(): string {
    return this.store.durable.get<Position>(COLLECTIONS.position, 'position')?.place?.cursor ?? '';
  }
}

async function replay<T>(bodyHash: string, keptHash: string, answer: () => Promise<Reply<unknown>>): Promise<Reply<T>> {
  if (bodyHash !== keptHash) throw new AppError('IDEMPOTENCY_KEY_REUSED');
  return { ...(await answer()) as Reply<T>, replayed: true };
}

/** Documents that are small enough together for one commit. */
function inParts(puts: NonNullable<Change['puts']>): NonNullable<Change['puts']>[] {
  const parts: NonNullable<Change['puts']>[] = [[]];
  let bytes = 0;
  for (const put of puts) {
    const size = Buffer.byteLength(JSON.stringify(put));
    if (bytes > 0 && bytes + size > COMMIT_BYTES_MAX) {
      parts.push([]);
      bytes = 0;
    }
    parts[parts.length - 1].push(put);
    bytes += size;
  }
  return parts;
}
