import { AppError, type ErrorCode } from '@orbitmesh/domain';
import type { Store } from './store.js';

/**
 * The spec's Save, Load, Delete and List over one collection. Reads show what is durable; writes are
 * commits of their own. Asynchronous, so that not everything must stay in memory for ever.
 */
export class Repository<T extends { id: string }> {
  constructor(
    private readonly store: Store,
    private readonly collection: string,
    private readonly notFound: ErrorCode,
  ) {}

  /** @throws the repository's "not found" code. */
  async load(id: string): Promise<T> {
    const doc = await this.get(id);
    if (doc === undefined) throw new AppError(this.notFound, undefined, { id });
    return doc;
  }

  async get(id: string): Promise<T | undefined> {
    return this.store.durable.get<T>(this.collection, id);
  }

  /** In creation order. */
  async list(): Promise<T[]> {
    return [...this.store.durable.list<T>(this.collection)];
  }

  async save(doc: T): Promise<void> {
    await this.store.commit({ puts: [{ collection: this.collection, id: doc.id, doc }] });
  }

  async delete(id: string): Promise<void> {
    await this.store.commit({ deletes: [{ collection: this.collection, id }] });
  }
}
