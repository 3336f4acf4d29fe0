import type { OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import type { Notification } from '@orbitmesh/contracts';
import { Store, type Commit, type CollectionSpec, type StorageFs } from '@orbitmesh/storage';
import { INBOX_DROP_BATCH, INBOX_ENTRIES_MAX } from '../limits.js';
import { jumped, moved, samePlace, startOf, type FeedPlace, type Jump, type Position } from './position.js';

const INBOX: CollectionSpec<Notification> = { name: 'inbox', schemaVersion: 1, path: (id) => `inbox/${id}.json` };
const POSITION: CollectionSpec<Position> = { name: 'position', schemaVersion: 1, path: () => 'position.json', lazyKeys: ['place'] };

export interface InboxOptions {
  dir: string;
  installationId: string;
  /** @default INBOX_ENTRIES_MAX */
  entriesMax?: number;
  fs?: StorageFs;
}

/** The inbox and the position, on disk. Entries and the position that covers them are one commit: that is why nothing comes twice. */
export class InboxRepository implements OnApplicationShutdown {
  private constructor(private readonly store: Store, private readonly entriesMax: number) {}

  /** @throws STORAGE_LOCKED when another notifier has this directory. */
  static async open({ dir, installationId, entriesMax = INBOX_ENTRIES_MAX, fs }: InboxOptions): Promise<InboxRepository> {
    return new InboxRepository(await Store.open({ dir, installationId, collections: [INBOX, POSITION], fs }), entriesMax);
  }

  /** As it will be when everything that was handed in is on disk. */
  position(): Position {
    return this.store.pending.get<Position>('position', 'position') ?? startOf(new Date().toISOString());
  }

  durablePosition(): Position {
    return this.store.durable.get<Position>('position', 'position') ?? startOf(new Date().toISOString());
  }

  /** Durable entries, oldest first. */
  entries(): Notification[] {
    return [...this.store.durable.list<Notification>('inbox')].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: string): Notification | undefined {
    return this.store.durable.get<Notification>('inbox', id);
  }

  /** What a command decides on. */
  getPending(id: string): Notification | undefined {
    return this.store.pending.get<Notification>('inbox', id);
  }

  /** Entries handed in so far, durable or not. */
  get count(): number {
    return this.store.pending.count('inbox');
  }

  /**
   * Adds the entries of the events from `from` (exclusive) to `to` (inclusive).
   * @throws CONFLICT, and changes nothing, when the position is no longer at `from`: an earlier write failed and took it back, and adding
   * these would skip what that one was to add. STORAGE_WRITE, STORAGE_FULL when it could not be made durable; all is as before then.
   */
  async add(entries: Notification[], from: FeedPlace | null, to: FeedPlace): Promise<void> {
    const position = this.position();
    if (!samePlace(position.place, from)) throw new AppError('CONFLICT', 'The position was taken back by a write that failed.');
    const fresh = entries.filter((entry) => !this.store.pending.has('inbox', entry.id));
    const dropped = this.toDrop(fresh.length);
    const commit: Commit = {
      puts: [
        ...fresh.map((doc) => ({ collection: 'inbox', id: doc.id, doc })),
        { collection: 'position', id: 'position', doc: moved(position, to, { read: dropped.read, unread: dropped.unread }, new Date().toISOString()) },
      ],
      deletes: dropped.ids.map((id) => ({ collection: 'inbox', id })),
    };
    await this.store.commit(commit);
  }

  /** Records that what comes next is not what followed the position. */
  async jump(jump: Jump): Promise<void> {
    await this.store.commit({ puts: [{ collection: 'position', id: 'position', doc: jumped(this.position(), jump) }] });
  }

  async put(entry: Notification, answer?: Commit['answer']): Promise<void> {
    await this.store.commit({ puts: [{ collection: 'inbox', id: entry.id, doc: entry }], answer });
  }

  async keepAnswer(answer: Commit['answer']): Promise<void> {
    await this.store.commit({ answer });
  }

  answerOf(scope: string, key: string): ReturnType<Store['idempotency']['lookup']> {
    return this.store.idempotency.lookup(scope, key);
  }

  health(): ReturnType<Store['health']> {
    return this.store.health();
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Which entries make room for `added` more: read ones first, each kind from its oldest. */
  private toDrop(added: number): { ids: string[]; read: number; unread: number } {
    const over = this.store.pending.count('inbox') + added - this.entriesMax;
    if (over <= 0) return { ids: [], read: 0, unread: 0 };
    const wanted = over + Math.min(INBOX_DROP_BATCH, Math.floor(this.entriesMax / 10));
    const oldest = [...this.store.pending.list<Notification>('inbox')].sort((a, b) => (a.id < b.id ? -1 : 1));
    const read = oldest.filter((entry) => entry.readAt !== null).slice(0, wanted);
    // Unread ones only as far as the bound demands it.
    const unread = oldest.filter((entry) => entry.readAt === null).slice(0, Math.max(0, over - read.length));
    return { ids: [...read, ...unread].map((entry) => entry.id), read: read.length, unread: unread.length };
  }
}
