import { AppError } from '@orbitmesh/domain';
import { PAGE_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from '@orbitmesh/contracts';

/** @throws VALIDATION_FAILED */
export function pageBounds(limit: number | undefined): { limit: number; bytesMax: number } {
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
    throw new AppError('VALIDATION_FAILED', `limit must be a whole number from 1 to ${PAGE_ITEMS_MAX}.`, { name: 'limit' });
  }
  return { limit: Math.min(limit ?? PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX), bytesMax: PAGE_BYTES_MAX };
}

/** The cursor of a session's page is a sessionSeq as text. @throws VALIDATION_FAILED */
export function sessionSeqOf(cursor: string | number | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const seq = typeof cursor === 'number' ? cursor : /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (!Number.isSafeInteger(seq) || seq < 0) throw new AppError('VALIDATION_FAILED', "A session's cursor is a sessionSeq.", { name: 'after' });
  return seq;
}
