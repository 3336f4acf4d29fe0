import { AppError, isId } from '@orbitmesh/domain';
import { PAGE_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, type Page, type PageQuery } from '@orbitmesh/contracts';

/**
 * One page of a list that is sorted by id, ascending; the cursor is the last id of the page before. Bounded by `limit` items (at most
 * PAGE_ITEMS_MAX) and by 512 KiB of JSON, but never empty while there is something left: a single document is far smaller than a message.
 * @throws VALIDATION_FAILED for a cursor or limit that cannot be one.
 */
export function pageOf<T>(items: Iterable<T>, query: PageQuery, idOf: (item: T) => string): Page<T> {
  const limit = limitOf(query.limit);
  const { cursor } = query;
  if (cursor !== undefined && !isId(cursor)) throw new AppError('VALIDATION_FAILED', 'cursor is not one of this list.', { name: 'cursor' });
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (cursor !== undefined && idOf(item) <= cursor) continue;
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (page.length === limit || (page.length > 0 && bytes + size > PAGE_BYTES_MAX)) {
      return { items: page, nextCursor: idOf(page[page.length - 1]) };
    }
    page.push(item);
    bytes += size;
  }
  return { items: page, nextCursor: null };
}

function limitOf(limit: number | undefined): number {
  if (limit === undefined) return PAGE_ITEMS_DEFAULT;
  if (!Number.isInteger(limit) || limit < 1) throw new AppError('VALIDATION_FAILED', `limit must be a whole number from 1 to ${PAGE_ITEMS_MAX}.`, { name: 'limit' });
  return Math.min(limit, PAGE_ITEMS_MAX);
}
