import { KeptDocument } from './kept-document.js';
import type { RecentDocuments } from './recent-documents.js';
import { idsAfter, insertId, removeId } from './sorted-ids.js';

/** A consistent state of all documents. What it returns is frozen. */
export interface View {
  get<T>(collection: string, id: string): T | undefined;
  /** In creation order: ids are ULIDs, so by id; with `after`, those whose id is greater. Each is looked up when it is its turn: a page costs what is in it. */
  list<T>(collection: string, after?: string): Iterable<T>;
  /** Of one document, no more than its collection's `summary` where nobody has asked for it yet: it is not read. undefined for one that is read on demand. */
  summary<T>(collection: string, id: string): T | undefined;
  /** As `list`, and of documents that nobody has asked for yet no more than their collection's `summary`. */
  summaries<T>(collection: string): Iterable<T>;
  /** In creation order. Not to be kept over an await. */
  ids(collection: string): readonly string[];
  has(collection: string, id: string): boolean;
  count(collection: string): number;
}

/** A document and what it is called; without `doc`, one that is read on demand. A snapshot's may not have been asked for since. */
export interface NamedDocument {
  collection: string;
  id: string;
  doc: object | KeptDocument | undefined;
  schemaVersion: number;
}

interface Table {
  docs: Map<string, object | KeptDocument>;
  /** Ids of documents that are read each time that somebody asks for them. */
  unread: Set<string>;
  /** Sorted. */
  ids: string[];
}

/** A view that can be changed: `pending` and `durable` of a store. */
export class DocumentTables implements View {
  private readonly tables = new Map<string, Table>();

  /**
   * @param read a document from its file; undefined when that holds none. With a summary, one that the snapshot should have
   * @param recent of the snapshot's documents
   */
  constructor(
    collections: string[], private readonly read: (collection: string, id: string, summary?: object) => object | undefined, private readonly recent: RecentDocuments,
  ) {
    for (const name of collections) this.tables.set(name, { docs: new Map(), unread: new Set(), ids: [] });
  }

  get<T>(collection: string, id: string): T | undefined {
    return (this.known(collection, id) ?? (this.table(collection).unread.has(id) ? this.read(collection, id) : undefined)) as T | undefined;
  }

  /** undefined, too, for one that is there and is read on demand. */
  known(collection: string, id: string): object | undefined {
    const { docs } = this.table(collection);
    const doc = docs.get(id);
    if (!(doc instanceof KeptDocument)) return doc;
    const read = this.recent.read(doc);
    if (read !== undefined) return read;
    const fromFile = this.read(collection, id, doc.summary);
    if (fromFile !== undefined) docs.set(id, fromFile);
    return fromFile;
  }

  /** What its path and the indexes need of it; undefined for one that is read on demand. */
  summary<T = object>(collection: string, id: string): T | undefined {
    const doc = this.table(collection).docs.get(id);
    return (doc instanceof KeptDocument ? doc.summary : doc) as T | undefined;
  }

  *list<T>(collection: string, after?: string): Iterable<T> {
    for (const id of idsAfter(this.table(collection).ids, after)) {
      const doc = this.get<T>(collection, id);
      if (doc !== undefined) yield doc;
    }
  }

  *summaries<T>(collection: string): Iterable<T> {
    for (const id of this.table(collection).ids) yield (this.summary(collection, id) ?? this.get(collection, id)) as T;
  }

  has(collection: string, id: string): boolean {
    const { docs, unread } = this.table(collection);
    return docs.has(id) || unread.has(id);
  }

  count(collection: string): number {
    return this.table(collection).ids.length;
  }

  /** Of all collections. */
  get total(): number {
    return [...this.tables.values()].reduce((sum, { ids }) => sum + ids.length, 0);
  }

  /** A snapshot of them. Those of a collection that is read on demand are only named, whether they were read or not. */
  all(spec: (collection: string) => { schemaVersion: number; onDemand?: boolean }): NamedDocument[] {
    return [...this.tables].flatMap(([collection, { docs, ids }]) => {
      const { schemaVersion, onDemand } = spec(collection);
      return ids.map((id) => ({ collection, id, schemaVersion, doc: onDemand ? undefined : docs.get(id) }));
    });
  }

  ids(collection: string): readonly string[] {
    return this.table(collection).ids;
  }

  set(collection: string, id: string, doc: object): void {
    const { docs, ids, unread } = this.table(collection);
    if (!unread.delete(id) && !docs.has(id)) insertId(ids, id);
    docs.set(id, doc);
  }

  /** From now on it is read when somebody asks for it, if it is still this one. */
  unload(collection: string, id: string, doc: object): void {
    const { docs, unread } = this.table(collection);
    if (docs.get(id) !== doc) return;
    docs.delete(id);
    unread.add(id);
  }

  /** There is such a document, and it is read when somebody asks for it. */
  keep(collection: string, id: string, doc: KeptDocument): void {
    const { docs, ids } = this.table(collection);
    if (!docs.has(id)) insertId(ids, id);
    docs.set(id, doc);
  }

  /** The snapshot has it, too, if it is still this one. */
  release(collection: string, id: string, doc: object, kept: KeptDocument): void {
    const { docs } = this.table(collection);
    if (docs.get(id) === doc) docs.set(id, kept);
  }

  /** There is such a document, and its file is read when somebody asks for it. */
  setUnread(collection: string, id: string): void {
    const { ids, unread } = this.table(collection);
    insertId(ids, id);
    unread.add(id);
  }

  delete(collection: string, id: string): void {
    const { docs, ids, unread } = this.table(collection);
    if (docs.delete(id) || unread.delete(id)) removeId(ids, id);
  }

  /** Takes one over from another view, whatever it is there. */
  takeFrom(other: DocumentTables, collection: string, id: string): void {
    const doc = other.table(collection).docs.get(id);
    if (doc !== undefined) this.set(collection, id, doc);
    else this.delete(collection, id);
    if (doc === undefined && other.has(collection, id)) this.setUnread(collection, id);
  }

  /** Takes everything over from another view. */
  copyFrom(other: DocumentTables): void {
    for (const [name, { docs, unread, ids }] of other.tables) {
      this.tables.set(name, { docs: new Map(docs), unread: new Set(unread), ids: [...ids] });
    }
  }

  private table(collection: string): Table {
    const table = this.tables.get(collection);
    if (table === undefined) throw new Error(`There is no collection ${collection}.`);
    return table;
  }
}
