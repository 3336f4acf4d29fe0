import type { Page } from '@orbitmesh/contracts';

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
