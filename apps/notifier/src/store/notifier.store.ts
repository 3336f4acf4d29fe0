import { basename, dirname, join } from 'node:path';
import { StorageWriteError } from '@orbitmesh/domain';
import type { Delivery } from '@orbitmesh/contracts';
import { NOTIFIER_STORE, Store, StoreMark, type Commit, type IdempotencyRecord, type StorageFs, type StorageHealth, type StoreOptions, type View } from '@orbitmesh/storage';
import { DeliveryIndex } from '../outbox/delivery-index.js';
import { COLLECTIONS } from './collections.js';

/** Documents that change together or not at all. The notifier makes no events. */
export type Change = Pick<Commit, 'puts' | 'deletes'>;

export interface NotifierStoreOptions {
  dir: string;
  installationId: string;
  fs?: StorageFs;
  onDamage?: StoreOptions['onDamage'];
}

/** The notifier's directory: inbox, position, webhooks and deliveries in one log, so that what belongs together is one commit. */
export class NotifierStore {
  /** Which deliveries each webhook has, as they are in `pending`. */
  readonly deliveries = new DeliveryIndex();
  /** Commits that are not durable yet. */
  private readonly flights = new Set<Promise<void>>();

  private constructor(private readonly store: Store) {
    for (const delivery of store.pending.list<Delivery>(COLLECTIONS.deliveries)) this.deliveries.set(delivery.id, delivery);
  }

  /** @throws STORAGE_LOCKED when another notifier has this directory; STORAGE_NEWER, CONFIG_INVALID */
  static async open({ dir, installationId, fs, onDamage }: NotifierStoreOptions): Promise<NotifierStore> {
    const mark = new StoreMark({ home: dirname(dir), layout: { dir: basename(dir) } });
    const store = await Store.open({ dir, installationId, collections: NOTIFIER_STORE.collections, fs, onDamage });
    await mark.follow(store);
    // Sessions go on without notifications, so it does too; but webhooks that somebody relies on are gone.
    if (mark.lost) store.reportDamage('log', `and everything beside it ${mark.lost.text}. Restore a backup, or accept it: rm ${join(dirname(dir), mark.lost.mark)}`);
    return new NotifierStore(store);
  }

  /** What commands decide on: everything that was handed in. */
  get pending(): View {
    return this.store.pending;
  }

  /** What is shown, and what goes out: everything that is on disk. */
  get durable(): View {
    return this.store.durable;
  }

  /**
   * Changes `pending` at once; resolves when it is durable.
   * @throws STORAGE_WRITE, STORAGE_FULL, TOO_MANY_REQUESTS, DOCUMENT_TOO_LARGE: then `pending` is as it would be without it.
   */
  commit(change: Change, answer?: Commit['answer']): Promise<void> {
    const committed = this.store.commit({ ...change, ...(answer && { answer }), essential: (change.deletes?.length ?? 0) > 0 }).then(
      () => undefined,
      (error: unknown) => {
        this.refresh(change);
        throw error;
      },
    );
    this.refresh(change);
    this.flights.add(committed);
    const over = (): void => void this.flights.delete(committed);
    committed.then(over, over);
    return committed;
  }

  /**
   * Resolves when everything handed in so far is durable.
   * @throws STORAGE_WRITE, STORAGE_FULL when it was not made so. (What was refused before it was in the log says nothing of the rest.)
   */
  async settled(): Promise<void> {
    for (const outcome of await Promise.allSettled([...this.flights])) {
      if (outcome.status === 'rejected' && isWriteFailure(outcome.reason)) throw outcome.reason;
    }
  }

  answerOf(scope: string, key: string): IdempotencyRecord | undefined {
    return this.store.idempotency.lookup(scope, key);
  }

  /** Called after every durable commit. @returns stops it. */
  onCommitted(listener: () => void): () => void {
    return this.store.onCommitted(listener);
  }

  health(): StorageHealth {
    return this.store.health();
  }

  async close(): Promise<void> {
    await this.store.close();
  }

  /** From the view itself, whatever became of the change: so the index is never ahead of it, nor behind. */
  private refresh({ puts = [], deletes = [] }: Change): void {
    for (const { collection, id } of [...puts, ...deletes]) {
      if (collection === COLLECTIONS.deliveries) this.deliveries.set(id, this.pending.get<Delivery>(collection, id));
    }
  }
}

function isWriteFailure(error: unknown): boolean {
  return error instanceof StorageWriteError;
}
