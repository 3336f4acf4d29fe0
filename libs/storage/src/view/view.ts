import { KeptDocument } from './kept-document.js';
import { insertId, positionOf, removeId } from './sorted-ids.js';

/** A consistent state of all documents. What it returns is frozen. */
export interface View {
  get<T>(collection: string, id: string): T | undefined;
  /** In creation order: ids are ULIDs, so by id; with `after`, those whose id is greater. A snapshot: later commits do not change it. To be walked through once. */
  list<T>(collection: string, after?: string): Iterable<T>;
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

  /** @param read a document that was not read yet; undefined when its file holds none */
  constructor(collections: string[], private readonly read: (collection: string, id: string) => object | undefined) {
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
    const read = doc.read();
    docs.set(id, read);
    return read;
  }

  /** What its path and the indexes need of it; undefined for one that is read on demand. */
  summary(collection: string, id: string): object | undefined {
    const doc = this.table(collection).docs.get(id);
    return doc instanceof KeptDocument ? doc.summary : doc;
  }

  list<T>(collection: string, after?: string): Iterable<T> {
    const { docs, ids } = this.table(collection);
    const at = after === undefined ? 0 : positionOf(ids, after);
    const found = ids.slice(ids[at] === after ? at + 1 : at).map((id) => ({ id, doc: docs.get(id) }));
    return this.readAll<T>(collection, found);
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

  /** There is such a document, and it is parsed when somebody asks for it. */
  keep(collection: string, id: string, doc: KeptDocument): void {
    const { docs, ids } = this.table(collection);
    if (!docs.has(id)) insertId(ids, id);
    docs.set(id, doc);
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
    const doc = other.known(collection, id);
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

  private *readAll<T>(collection: string, found: readonly { id: string; doc: object | undefined }[]): Iterable<T> {
    const { docs } = this.table(collection);
    for (const { id, doc } of found) {
      if (doc instanceof KeptDocument && docs.get(id) === doc) docs.set(id, doc.read());
      const read = doc instanceof KeptDocument ? doc.read() : doc ?? this.get<object>(collection, id);
      if (read !== undefined) yield read as T;
    }
  }

  private table(collection: string): Table {
    const table = this.tables.get(collection);
    if (table === undefined) throw new Error(`There is no collection ${collection}.`);
    return table;
  }
}
