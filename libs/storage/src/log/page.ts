import type { EventEnvelope } from '@orbitmesh/domain';
import type { StorageLimits } from '../limits.js';

/** What is around the items of a page: `{"items":[…],"nextCursor":"…"}` and the envelope of a message. */
const PAGE_OVERHEAD_BYTES = 1_024;

export interface PageBounds {
  limit: number;
  bytesMax: number;
}

/** The bounds of one page, whatever was asked for. */
export function pageBounds(limits: StorageLimits, asked: { limit: number; bytesMax?: number }): PageBounds {
  return {
    limit: Math.max(1, Math.min(asked.limit, limits.pageItemsMax)),
    bytesMax: Math.min(asked.bytesMax ?? limits.pageBytesMax, limits.pageBytesMax) - PAGE_OVERHEAD_BYTES,
  };
}

/** Collects events until the next one would not fit; the first always does. */
export class Page {
  readonly items: EventEnvelope[] = [];
  private bytes = 0;

  constructor(private readonly bounds: PageBounds) {}

  get full(): boolean {
    return this.items.length >= this.bounds.limit;
  }

  /** False, and nothing is added, when the page is full. */
  add(envelope: EventEnvelope, bytes: number): boolean {
    if (this.full || (this.items.length > 0 && this.bytes + bytes + 1 > this.bounds.bytesMax)) return false;
    this.items.push(envelope);
    this.bytes += bytes + 1;
    return true;
  }
}
