import type { Page } from '@orbitmesh/contracts';

/** What one page is asked to hold: the most that the API gives (design §6). */
export const PAGE_ITEMS = 200;

/** The items of every page, read as they are asked for. */
export async function* itemsOf<T>(pageAt: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  for (;;) {
    const { items, nextCursor } = await pageAt(cursor);
    yield* items;
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}
