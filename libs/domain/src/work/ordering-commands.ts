import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import { ORDERING_PLACED_MAX } from '../limits.js';
import type { OrderedEntity, Ordering } from './ordering.js';
import type { Written } from './written.js';

/** Where an id is to stand: right before or right after another. */
export type Beside = { before: string } | { after: string };

export const orderingId = (entityType: OrderedEntity, projectId: string): string => `${entityType}_${projectId}`;

/** What holds where nobody has placed anything. */
export function emptyOrdering(entityType: OrderedEntity, projectId: string): Ordering {
  return { id: orderingId(entityType, projectId), projectId, entityType, ids: [], updatedAt: null, revision: 0 };
}

/** All ids in order: the placed ones, then the others as they were created. @param created all there are, in creation order */
export function orderedIds({ ids }: Pick<Ordering, 'ids'>, created: readonly string[]): string[] {
  const placed = new Set(ids);
  return [...ids, ...created.filter((id) => !placed.has(id))];
}

/** The placed ids, all of them, anew. The same list changes nothing. @throws ORDERING_TOO_LONG */
export function replaceOrdering(ordering: Ordering, ids: readonly string[], ctx: DecideContext): Written<Ordering> {
  return placed(ordering, [...ids], ctx);
}

/**
 * One id beside another; all others keep their order, so that two who move at once undo nothing of each other. What stood
 * before it by creation alone is placed with it, as far as its place needs that.
 * @param created all ids there are, in creation order; both of the given ones are among them
 * @throws ORDERING_TOO_LONG; VALIDATION_FAILED for an id beside itself
 */
export function moveInOrdering(ordering: Ordering, id: string, beside: Beside, created: readonly string[], ctx: DecideContext): Written<Ordering> {
  const anchor = 'before' in beside ? beside.before : beside.after;
  if (anchor === id) throw new AppError('VALIDATION_FAILED', 'An id cannot stand beside itself.', { id });
  const others = orderedIds(ordering, created).filter((other) => other !== id);
  const at = others.indexOf(anchor) + ('before' in beside ? 0 : 1);
  const all = [...others.slice(0, at), id, ...others.slice(at)];
  const wasPlaced = ordering.ids.filter((other) => other !== id).length;
  return placed(ordering, all.slice(0, Math.max(at, wasPlaced) + 1), ctx);
}

/** Without what is no longer there; null when none of it was placed. */
export function withoutIds(ordering: Ordering, gone: ReadonlySet<string>, ctx: DecideContext): Written<Ordering> | null {
  const left = ordering.ids.filter((id) => !gone.has(id));
  return left.length === ordering.ids.length ? null : placed(ordering, left, ctx);
}

function placed(ordering: Ordering, ids: string[], ctx: DecideContext): Written<Ordering> {
  if (ids.length > ORDERING_PLACED_MAX) {
    throw new AppError('ORDERING_TOO_LONG', `An ordering may place at most ${ORDERING_PLACED_MAX} ids.`, { ids: ids.length, max: ORDERING_PLACED_MAX });
  }
  if (ids.length === ordering.ids.length && ids.every((id, n) => id === ordering.ids[n])) return { doc: ordering, events: [] };
  const doc = { ...ordering, ids, updatedAt: ctx.now, revision: ordering.revision + 1 };
  const event: FeedEvent = { type: 'ordering:updated', timestamp: ctx.now, projectId: doc.projectId, data: doc };
  return { doc, events: [event] };
}
