import { AppError } from '@orbitmesh/domain';
import type { Notification } from '@orbitmesh/contracts';
import type { Clock } from '../kernel/clock.js';
import { COMMIT_BYTES_MAX, INBOX_DROP_BATCH, INBOX_ENTRIES_MAX } from '../limits.js';
import type { Outbox } from '../outbox/outbox.js';
import { COLLECTIONS } from '../store/collections.js';
import { notificationIn, put } from '../store/documents.js';
import type { NotifierStore } from '../store/notifier.store.js';
import { jumped, moved, samePlace, startOf, type FeedPlace, type Jump, type Position } from './position.js';

/**
 * The inbox and the position, on disk. Entries, what goes out of them, and the position that covers them are one commit: that is why
 * nothing comes twice and nothing is forgotten.
 */
export class InboxRepository {
  constructor(
    private readonly store: NotifierStore, private readonly outbox: Outbox, private readonly clock: Clock, private readonly entriesMax: number = INBOX_ENTRIES_MAX,
  ) {}

  /** As it will be when everything that was handed in is on disk. */
  position(): Position {
    return this.store.pending.get<Position>(COLLECTIONS.position, 'position') ?? startOf(this.clock.now());
  }

  durablePosition(): Position {
    return this.store.durable.get<Position>(COLLECTIONS.position, 'position') ?? startOf(this.clock.now());
  }

  /** Durable entries, oldest first. */
  entries(): Notification[] {
    return [...this.store.durable.list<Notification>(COLLECTIONS.inbox)];
  }

  /** @throws NOTIFICATION_NOT_FOUND */
  get(id: string): Notification {
    return notificationIn(this.store.durable, id);
  }

  /** Entries handed in so far, durable or not. */
  get count(): number {
    return this.store.pending.count(COLLECTIONS.inbox);
  }

  /**
   * Adds the entries of the events from `from` (exclusive) to `to` (inclusive), and what of them goes out.
   * @throws CONFLICT, and changes nothing, when the position is no longer at `from`: an earlier write failed and took it back, and adding
   * these would skip what that one was to add. STORAGE_WRITE, STORAGE_FULL when it could not be made durable; then the position is where
   * it last was durable.
   */
  async add(entries: Notification[], from: FeedPlace | null, to: FeedPlace): Promise<void> {
    const parts = this.inParts(entries, to);
    // All are handed in at once: who comes next finds the position at `to`.
    await Promise.all(parts.map((part, n) => this.addPart(part.entries, n === 0 ? from : parts[n - 1].to, part.to)));
  }

  /** Records that what comes next is not what followed the position. */
  async jump(jump: Jump): Promise<void> {
    await this.store.commit({ puts: [put(COLLECTIONS.position, jumped(this.position(), jump))] });
  }

  private async addPart(entries: Notification[], from: FeedPlace | null, to: FeedPlace): Promise<void> {
    const position = this.position();
    if (!samePlace(position.place, from)) throw new AppError('CONFLICT', 'The position was taken back by a write that failed.');
    const now = this.clock.now();
    const fresh = entries.filter((entry) => !this.store.pending.has(COLLECTIONS.inbox, entry.id));
    const dropped = this.toDrop(fresh.length);
    const outgoing = this.outbox.plan(fresh, to.logId, now);
    await this.store.commit({
      puts: [...fresh.map((entry) => put(COLLECTIONS.inbox, entry)), ...outgoing.puts, put(COLLECTIONS.position, moved(position, to, dropped, now))],
      deletes: [...dropped.ids.map((id) => ({ collection: COLLECTIONS.inbox, id })), ...outgoing.deletes],
    });
    this.outbox.count(outgoing);
  }

  /** A page of events may be, with a delivery of each for every webhook, more than one commit takes. */
  private inParts(entries: Notification[], to: FeedPlace): { entries: Notification[]; to: FeedPlace }[] {
    const parts: { entries: Notification[]; to: FeedPlace }[] = [{ entries: [], to }];
    let bytes = 0;
    for (const entry of entries) {
      const size = this.outbox.bytesOf(entry);
      const part = parts[parts.length - 1];
      if (bytes > 0 && bytes + size > COMMIT_BYTES_MAX) {
        const { seq } = part.entries[part.entries.length - 1];
        part.to = { logId: to.logId, seq, cursor: `${to.logId}.${seq}` };
        parts.push({ entries: [], to });
        bytes = 0;
      }
      parts[parts.length - 1].entries.push(entry);
      bytes += size;
    }
    return parts;
  }

  /** Which entries make room for `added` more: read ones first, each kind from its oldest. */
  private toDrop(added: number): { ids: string[]; read: number; unread: number } {
    const over = this.count + added - this.entriesMax;
    if (over <= 0) return { ids: [], read: 0, unread: 0 };
    const wanted = over + Math.min(INBOX_DROP_BATCH, Math.floor(this.entriesMax / 10));
    const oldest = [...this.store.pending.list<Notification>(COLLECTIONS.inbox)];
    const read = oldest.filter((entry) => entry.readAt !== null).slice(0, wanted);
    // Unread ones only as far as the bound demands it.
    const unread = oldest.filter((entry) => entry.readAt === null).slice(0, Math.max(0, over - read.length));
    return { ids: [...read, ...unread].map((entry) => entry.id), read: read.length, unread: unread.length };
  }
}
