import { insertId, removeId } from './sorted-ids.js';

/** A consistent state of all documents. What it returns is frozen. */
export interface View {
  get<T>(collection: string, id: string): T | undefined;
  /** In creation order: ids are ULIDs, so by id. A snapshot: later commits do not change it. */
  list<T>(collection: string): Iterable<T>;
  has(collection: string, id: string): boolean;
  count(collection: string): number;
}

interface Table {
  docs: Map<string, object>;
  /** Sorted. */
  ids: string[];
}

/** A view that can be changed: `pending` and `durable` of a store. */
export class DocumentTables implements View {
  private readonly tables = new Map<string, Table>();

  constructor(collections: string[]) {
    for (const name of collections) this.tables.set(name, { docs: new Map(), ids: [] });
  }

  get<T>(collection: string, id: string): T | undefined {
    return this.table(collection).docs.get(id) as T | undefined;
  }

  list<T>(collection: string): Iterable<T> {
    const { docs, ids } = this.table(collection);
    return ids.map((id) => docs.get(id) as T);
  }

  has(collection: string, id: string): boolean {
    return this.table(collection).docs.has(id);
  }

  count(collection: string): number {
    return this.table(collection).docs.size;
  }

  ids(collection: string): string[] {
    return this.table(collection).ids;
  }

  set(collection: string, id: string, doc: object): void {
    const { docs, ids } = this.table(collection);
    if (!docs.has(id)) insertId(ids, id);
    docs.set(id, doc);
  }

  delete(collection: string, id: string): void {
    const { docs, ids } = this.table(collection);
    if (docs.delete(id)) removeId(ids, id);
  }

  /** Takes everything over from another view. */
  copyFrom(other: DocumentTables): void {
    for (const [name, { docs, ids }] of other.tables) {
      this.tables.set(name, { docs: new Map(docs), ids: [...ids] });
    }
  }

  private table(collection: string): Table {
    const table = this.tables.get(collection);
    if (table === undefined) throw new Error(`There is no collection ${collection}.`);
    return table;
  }
}
