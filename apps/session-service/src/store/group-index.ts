import { insertId, positionOf, removeId, type Store } from '@orbitmesh/storage';

/**
 * Which documents of a collection belong together: an index over the store, by keys that a document has.
 * A group holds an id as long as the pending or the durable document has its key, so it is never too small for
 * either view; who reads looks at the document of its own view.
 */
export class GroupIndex<T extends object> {
  private readonly groups = new Map<string, string[]>();
  private readonly keys = new Map<string, readonly string[]>();

  constructor(private readonly store: Store, readonly collection: string, private readonly keysOf: (doc: T) => readonly string[]) {
    for (const doc of store.durable.list<T & { id: string }>(collection)) this.touch(doc.id);
  }

  /** The document was changed, or its change was taken back. */
  touch(id: string): void {
    const now = this.keysNow(id);
    const before = this.keys.get(id) ?? [];
    for (const key of before) if (!now.includes(key)) this.leave(key, id);
    for (const key of now) if (!before.includes(key)) this.join(key, id);
    if (now.length === 0) this.keys.delete(id);
    else this.keys.set(id, now);
  }

  /** Ids of a group, sorted: in creation order. Not to be kept over an await. */
  ids(key: string): readonly string[] {
    return this.groups.get(key) ?? [];
  }

  /** A snapshot of those that are greater than `after`. */
  idsAfter(key: string, after?: string): string[] {
    const ids = this.ids(key);
    if (after === undefined) return [...ids];
    const at = positionOf(ids, after);
    return ids.slice(ids[at] === after ? at + 1 : at);
  }

  /** How many there may be. */
  size(key: string): number {
    return this.ids(key).length;
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
