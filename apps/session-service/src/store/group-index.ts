import { idsAfter, insertId, removeId, type Store } from '@orbitmesh/storage';

const NONE: readonly string[] = [];

/**
 * Which documents of a collection belong together: an index over the store, by keys that a document has.
 * A group holds an id as long as the pending or the durable document has its key, or had it since the last time that no change of
 * it was on its way: so it is never too small for either view. Who reads looks at the document of its own view.
 */
export class GroupIndex<T extends object> {
  private readonly groups = new Map<string, string[]>();
  private readonly keys = new Map<string, readonly string[]>();
  /** How many changes of a document are on their way to the disk. */
  private readonly inFlight = new Map<string, number>();

  /** Made before the first commit: every change is told to it. @param keysOf reads what is in the collection's summary */
  constructor(private readonly store: Store, readonly collection: string, private readonly keysOf: (doc: T) => readonly string[]) {
    for (const doc of store.durable.summaries<T & { id: string }>(collection)) this.become(doc.id, this.keysOf(doc));
  }

  /** A change of it is in the pending view. What it had before, and what other changes on their way gave it, it may still have for somebody. */
  enqueued(id: string): void {
    this.inFlight.set(id, (this.inFlight.get(id) ?? 0) + 1);
    this.become(id, [...new Set([...this.keys.get(id) ?? [], ...this.keysNow(id)])]);
  }

  /** That change is durable, or was taken back. */
  settled(id: string): void {
    const left = this.inFlight.get(id)! - 1;
    if (left > 0) {
      this.inFlight.set(id, left);
      return;
    }
    this.inFlight.delete(id);
    this.become(id, this.keysNow(id));
  }

  /** Ids of a group, sorted: in creation order. Not to be kept over an await. */
  ids(key: string): readonly string[] {
    return this.groups.get(key) ?? [];
  }

  /** Those that are greater than `after`, one by one. */
  idsAfter(key: string, after?: string): Iterable<string> {
    return idsAfter(this.ids(key), after);
  }

  /** How many there may be. */
  size(key: string): number {
    return this.ids(key).length;
  }

  private become(id: string, keys: readonly string[]): void {
    const before = this.keys.get(id) ?? NONE;
    for (const key of before) if (!keys.includes(key)) this.leave(key, id);
    for (const key of keys) if (!before.includes(key)) this.join(key, id);
    if (keys.length === 0) this.keys.delete(id);
    else this.keys.set(id, keys);
  }

  private keysNow(id: string): readonly string[] {
    const keys = new Set<string>();
    for (const view of [this.store.durable, this.store.pending]) {
      const doc = view.get<T>(this.collection, id);
      if (doc) for (const key of this.keysOf(doc)) keys.add(key);
    }
    return [...keys];
  }

  private join(key: string, id: string): void {
    const ids = this.groups.get(key);
    if (!ids) this.groups.set(key, [id]);
    else insertId(ids, id);
  }

  private leave(key: string, id: string): void {
    const ids = this.groups.get(key)!;
    removeId(ids, id);
    if (ids.length === 0) this.groups.delete(key);
  }
}
