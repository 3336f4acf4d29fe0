import { basename, dirname, extname, join } from 'node:path';
import { AppError, isId } from '@orbitmesh/domain';
import { isDeepStrictEqual } from 'node:util';
import type { CollectionSpec, Shape } from './commit.js';
import { DOCUMENT_DEPTH_MAX } from './limits.js';

/** Directories and files of the store itself, at its top. */
export const NOT_DOCUMENTS: ReadonlySet<string> = new Set(['log', 'answers', 'quarantine', 'checkpoint.json']);

/** A path that `join` would make another one of. */
const UNTIDY = /\/\.|\/\/|^\./;

/** These change with every change, so they do not make a late change an urgent one. */
const ALWAYS_LAZY = ['revision', 'updatedAt'];

export interface DocumentName {
  collection: string;
  id: string;
}

/** The collections of a store: which document has which file, and back. */
export class Collections {
  private readonly specs: Map<string, CollectionSpec>;
  private readonly onDemand: string[];

  constructor(specs: CollectionSpec[]) {
    this.specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.onDemand = specs.filter((spec) => spec.onDemand).map(({ name }) => name);
  }

  get names(): string[] {
    return [...this.specs.keys()];
  }

  spec(collection: string): CollectionSpec {
    const spec = this.specs.get(collection);
    if (spec === undefined) throw new Error(`There is no collection ${collection}.`);
    return spec;
  }

  /** The names in the summary of its documents; undefined: they have none. */
  summaryKeys(collection: string): string[] | undefined {
    const { summary, computed = {} } = this.spec(collection);
    return summary && [...summary, ...Object.keys(computed)];
  }

  summaryOf(collection: string, doc: object): object | undefined {
    const { summary, computed = {} } = this.spec(collection);
    const values = doc as Record<string, unknown>;
    return summary && Object.fromEntries([...summary.map((key) => [key, values[key]]), ...Object.entries(computed).map(([key, of]) => [key, of(doc)])]);
  }

  /** The relative path of a document's file; its summary is enough. */
  path(collection: string, id: string, doc: object): string {
    return this.spec(collection).path(id, doc);
  }

  /**
   * @throws VALIDATION_FAILED when the id or the path is not safe, or when the path would not lead
   * back to the document at the next boot.
   */
  assertStorable({ collection, id }: DocumentName, doc: object): void {
    if (!isId(id)) throw new AppError('VALIDATION_FAILED', 'A document has an invalid id.', { collection });
    const path = this.path(collection, id, doc);
    const names = path.slice(0, -'.json'.length).split('/');
    const ours = NOT_DOCUMENTS.has(names[0]) || NOT_DOCUMENTS.has(path);
    const safe = path.endsWith('.json') && names.every(isId) && names.length <= DOCUMENT_DEPTH_MAX + 1 && !ours;
    const found = safe ? this.identify(path, doc) : undefined;
    if (found?.collection === collection && found.id === id) return;
    throw new AppError('VALIDATION_FAILED', `The document ${collection}/${id} cannot be stored as ${path}.`);
  }

  /** Whose file this is, given what is in it. */
  identify(path: string, doc: object): DocumentName | undefined {
    const inside = (doc as { id?: unknown }).id;
    const candidates = typeof inside === 'string' ? [inside] : idsIn(path);
    for (const id of candidates) {
      if (!isId(id)) continue;
      for (const { name } of this.specs.values()) {
        if (this.leadsTo(name, id, doc, path)) return { collection: name, id };
      }
    }
    return undefined;
  }

  /** Whose file this is, of a document that is read on demand: that needs no look into it. */
  onDemandAt(path: string): DocumentName | undefined {
    for (const name of this.onDemand) {
      for (const id of idsIn(path)) {
        if (isId(id) && this.leadsTo(name, id, {}, path)) return { collection: name, id };
      }
    }
    return undefined;
  }

  /** Whose file this may be, by its path alone. */
  candidatesAt(path: string): DocumentName[] {
    return idsIn(path).filter(isId).flatMap((id) => this.names.map((collection) => ({ collection, id })));
  }

  /** Why what a file holds is no document of ours; a newer version's is kept as it is. */
  faultOf(name: DocumentName, { schemaVersion, doc }: { schemaVersion: number | undefined; doc: object }): { reason: string; newer?: true } | undefined {
    const { plain, schemaVersion: known } = this.spec(name.collection);
    if (schemaVersion === undefined && !plain) return { reason: 'it has no schemaVersion' };
    if (schemaVersion !== undefined && schemaVersion > known) return { reason: `written by a newer version (${schemaVersion})`, newer: true };
    const lacking = this.lacks(name, doc);
    return lacking === undefined ? undefined : { reason: `its ${lacking} is not what it has to be` };
  }

  /** What the document lacks to be one of its collection; undefined when it is whole. */
  lacks({ collection, id }: DocumentName, doc: object): string | undefined {
    const { shape = {} } = this.spec(collection);
    const values = doc as Record<string, unknown>;
    if (shape.id !== undefined && values.id !== id) return 'id';
    return Object.keys(shape).find((key) => !hasShape(values[key], shape[key] as Shape, id));
  }

  /** True when only keys that may be written late differ. */
  isLazyChange(collection: string, before: object, after: object): boolean {
    const { lazyKeys } = this.spec(collection);
    if (lazyKeys === undefined) return false;
    const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (lazyKeys.includes(key) || ALWAYS_LAZY.includes(key)) continue;
      if (a[key] !== b[key] && !isDeepStrictEqual(a[key], b[key])) return false;
    }
    return true;
  }

  private leadsTo(collection: string, id: string, doc: object, path: string): boolean {
    try {
      const made = this.path(collection, id, doc);
      // `join` for each document and collection takes a tenth of a start.
      return made === path || (UNTIDY.test(made) && join(made) === path);
    } catch {
      // A path made for other documents may fail on this one: then it is not one of that collection.
      return false;
    }
  }
}

/** The ids that a file may be of, by its path alone. */
const idsIn = (path: string): string[] => [basename(path, extname(path)), basename(dirname(path))];

function hasShape(value: unknown, shape: Shape, id: string): boolean {
  if (shape === 'id') return value === id;
  if (typeof shape !== 'string') return typeof value === 'string' && shape.includes(value);
  if (shape === 'array') return Array.isArray(value);
  return typeof value === shape && value !== null && !Array.isArray(value);
}
