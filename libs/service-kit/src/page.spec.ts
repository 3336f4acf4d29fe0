import { describe, expect, it } from '@jest/globals';
import { DOCUMENT_BYTES_MAX, PAGE_BYTES_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from '@orbitmesh/contracts';
import { pageOf } from './page.js';

const docs = (n: number, pad = 0) => Array.from({ length: n }, (_, i) => ({ id: `d_${String(i).padStart(4, '0')}`, pad: 'x'.repeat(pad) }));
const page = (items: { id: string }[], query: { cursor?: string; limit?: number }) => pageOf(items, query, (d) => d.id);

describe('pageOf', () => {
  it('walks a list without a gap or a repetition, to an end that says null', () => {
    const all = docs(123);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { items, nextCursor } = page(all, { cursor, limit: 10 });
      seen.push(...items.map((d) => d.id));
      cursor = nextCursor ?? undefined;
    } while (cursor);

    expect(seen).toEqual(all.map((d) => d.id));
  });

  it('ends exactly: a last page that is full has no next', () => {
    expect(page(docs(10), { limit: 10 }).nextCursor).toBeNull();
    expect(page(docs(11), { limit: 10 }).nextCursor).toBe('d_0009');
    expect(page([], {})).toEqual({ items: [], nextCursor: null });
  });

  it('goes on behind a cursor whose document is gone', () => {
    expect(page(docs(5).filter((d) => d.id !== 'd_0002'), { cursor: 'd_0002' }).items.map((d) => d.id)).toEqual(['d_0003', 'd_0004']);
  });

  it('is bounded by bytes as they are on the wire, and still moves when one document is as large as it may be', () => {
    const big = docs(10, 100 * 1024);
    const first = page(big, { limit: 200 });

    expect(first.items.length).toBe(5);
    expect(first.nextCursor).toBe('d_0004');
    expect(Buffer.byteLength(JSON.stringify(first.items))).toBeLessThanOrEqual(PAGE_BYTES_MAX);
    expect(page(docs(3, DOCUMENT_BYTES_MAX * 3), {}).items.length).toBe(1);
  });

  it('has 50 items unless asked, and never more than 200', () => {
    expect(page(docs(300), {}).items.length).toBe(PAGE_ITEMS_DEFAULT);
    expect(page(docs(300), { limit: 10_000 }).items.length).toBe(PAGE_ITEMS_MAX);
  });

  it.each([{ limit: 0 }, { limit: -1 }, { limit: 1.5 }, { limit: NaN }, { cursor: '../x' }, { cursor: '' }])('refuses %j', (query) => {
    expect(() => page(docs(1), query)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});
