import { idTime } from '@orbitmesh/domain';
import type { View } from '@orbitmesh/storage';
import type { Change } from '../commands/decision.js';
import { COLLECTIONS } from './collections.js';

/** The newest id that was ever deleted; what is there says by itself how new it is. */
interface NewestDeleted { id: typeof NEWEST_DELETED; newestId: string }

const NEWEST_DELETED = 'newest-deleted';

/** What lies beside a session has the session's id, and is left closed by a start. */
const WITH_IDS = Object.values(COLLECTIONS).filter((name) => name !== COLLECTIONS.manifests && name !== COLLECTIONS.manifestInputs);

/**
 * When the newest id was made, ms since the epoch, whatever became of it. No new id may sort before it, also where the clock
 * stands before it: lists go on behind the last id that they gave.
 */
export function newestIdTime(view: View): number {
  let newest = 0;
  for (const collection of WITH_IDS) {
    for (const id of view.ids(collection)) newest = Math.max(newest, idTime(id));
  }
  return Math.max(newest, deletedTime(view));
}

/** The change, with a note of what it deletes where that is the newest so far. */
export function noteDeletes<T extends Change>(view: View, change: T): T {
  let [time, newestId] = [deletedTime(view), ''];
  for (const { id } of change.deletes ?? []) {
    if (idTime(id) > time) [time, newestId] = [idTime(id), id];
  }
  if (newestId === '') return change;
  const doc: NewestDeleted = { id: NEWEST_DELETED, newestId };
  return { ...change, puts: [...change.puts ?? [], { collection: COLLECTIONS.ids, id: doc.id, doc }] };
}

function deletedTime(view: View): number {
  const noted = view.get<NewestDeleted>(COLLECTIONS.ids, NEWEST_DELETED);
  return noted ? idTime(noted.newestId) : 0;
}
