import fc from 'fast-check';
import { FakeContext, deepFreeze } from '../testing/session-harness.js';
import { ORDERING_PLACED_MAX } from '../limits.js';
import { emptyOrdering, moveInOrdering, orderedIds, replaceOrdering, withoutIds, type Beside } from './ordering-commands.js';
import type { Ordering } from './ordering.js';

const ALL = ['a', 'b', 'c', 'd', 'e'];
const placing = (...ids: string[]): Ordering => deepFreeze({ ...emptyOrdering('task', 'proj_1'), ids, revision: ids.length > 0 ? 1 : 0 });
const ctx = new FakeContext();
/** How people see it after a move. */
const moved = (ordering: Ordering, id: string, beside: Beside, all = ALL): string => orderedIds(moveInOrdering(ordering, id, beside, all, ctx).doc, all).join('');

describe('an ordering', () => {
  it('that nobody made has revision 0 and leaves everything in creation order', () => {
    expect(emptyOrdering('session', 'proj_1')).toEqual({ id: 'session_proj_1', projectId: 'proj_1', entityType: 'session', ids: [], updatedAt: null, revision: 0 });
    expect(orderedIds(placing(), ALL)).toEqual(ALL);
    expect(orderedIds(placing('d', 'a'), ALL)).toEqual(['d', 'a', 'b', 'c', 'e']);
  });

  it('is replaced as a whole, an event and a revision each; the same list changes nothing', () => {
    const { doc, events } = replaceOrdering(placing(), ['c', 'a'], ctx);
    expect(doc).toEqual({ ...placing(), ids: ['c', 'a'], updatedAt: ctx.now, revision: 1 });
    expect(events).toEqual([{ type: 'ordering:updated', timestamp: ctx.now, projectId: 'proj_1', data: doc }]);
    expect(replaceOrdering(deepFreeze(doc), ['c', 'a'], ctx)).toEqual({ doc, events: [] });
    expect(replaceOrdering(doc, ['a', 'c'], ctx).doc).toMatchObject({ ids: ['a', 'c'], revision: 2 });
    expect(replaceOrdering(doc, [], ctx).doc).toMatchObject({ ids: [], revision: 2 });
    expect(replaceOrdering(placing(), [], ctx)).toEqual({ doc: placing(), events: [] });
  });

  it('keeps its own list, not the caller\'s', () => {
    const ids = ['a', 'b'];
    const { doc } = replaceOrdering(placing(), ids, ctx);
    ids.push('c');
    expect(doc.ids).toEqual(['a', 'b']);
  });

  it('places no more than the bound, by a list or by a move', () => {
    const many = Array.from({ length: ORDERING_PLACED_MAX + 1 }, (_, n) => `task_${String(n).padStart(5, '0')}`);
    const tooLong = expect.objectContaining({ code: 'ORDERING_TOO_LONG', details: { ids: ORDERING_PLACED_MAX + 1, max: ORDERING_PLACED_MAX } });
    expect(replaceOrdering(placing(), many.slice(1), ctx).doc.ids).toHaveLength(ORDERING_PLACED_MAX);
    expect(() => replaceOrdering(placing(), many, ctx)).toThrow(tooLong);
    expect(() => moveInOrdering(placing(), many[0], { after: many.at(-1)! }, many, ctx)).toThrow(tooLong);
    expect(moveInOrdering(placing(), many.at(-1)!, { before: many[0] }, many, ctx).doc.ids).toEqual([many.at(-1)]);
  });

  it('drops what is gone, and says nothing where none of it was placed', () => {
    const dropped = withoutIds(placing('c', 'a', 'b'), new Set(['a', 'e']), ctx)!;
    expect(dropped.doc).toMatchObject({ ids: ['c', 'b'], revision: 2 });
    expect(dropped.events).toMatchObject([{ type: 'ordering:updated', data: { ids: ['c', 'b'] } }]);
    expect(withoutIds(placing('c'), new Set(['a']), ctx)).toBeNull();
    expect(withoutIds(placing(), new Set(ALL), ctx)).toBeNull();
  });
});

describe('moving one id', () => {
  const cases: [name: string, placed: string[], id: string, beside: Beside, expected: string][] = [
    ['before the first of all', [], 'd', { before: 'a' }, 'dabce'],
    ['after the last of all', [], 'a', { after: 'e' }, 'bcdea'],
    ['forwards among the placed', ['a', 'b', 'c'], 'a', { after: 'c' }, 'bcade'],
    ['backwards among the placed', ['a', 'b', 'c'], 'c', { before: 'a' }, 'cabde'],
    ['from the unplaced among the placed', ['c', 'b'], 'e', { before: 'b' }, 'cebad'],
    ['from the placed beside an unplaced one', ['c', 'b'], 'c', { before: 'e' }, 'badce'],
    ['between two that were never placed', ['e'], 'a', { after: 'c' }, 'ebcad'],
    ['to where it stands', ['b', 'a'], 'a', { after: 'b' }, 'bacde'],
  ];
  it.each(cases)('%s', (_name, placed, id, beside, expected) => {
    expect(moved(placing(...placed), id, beside)).toBe(expected);
  });

  it('places no more than it needs', () => {
    expect(moveInOrdering(placing(), 'd', { before: 'b' }, ALL, ctx).doc.ids).toEqual(['a', 'd']);
    expect(moveInOrdering(placing('c'), 'd', { before: 'c' }, ALL, ctx).doc.ids).toEqual(['d', 'c']);
  });

  it('to where it is placed already is no revision and no event', () => {
    const ordering = placing('b', 'a');
    expect(moveInOrdering(ordering, 'a', { after: 'b' }, ALL, ctx)).toEqual({ doc: ordering, events: [] });
  });

  it('beside itself is refused', () => {
    expect(() => moveInOrdering(placing(), 'a', { before: 'a' }, ALL, ctx)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED', details: { id: 'a' } }));
  });

  it('twice, by two people at once, undoes nothing of either', () => {
    const one: [string, Beside] = ['e', { before: 'a' }];
    const other: [string, Beside] = ['b', { after: 'd' }];
    const inTurn = (first: [string, Beside], second: [string, Beside]) => moved(moveInOrdering(placing(), ...first, ALL, ctx).doc, ...second);
    expect(inTurn(one, other)).toBe('eacdb');
    expect(inTurn(other, one)).toBe('eacdb');
  });
});

/** Some ids there are, in creation order, and some of them placed. */
const world = fc.integer({ min: 2, max: 12 }).chain((n) => {
  const all = Array.from({ length: n }, (_, i) => String.fromCharCode(97 + i));
  return fc.record({ all: fc.constant(all), placed: fc.shuffledSubarray(all) });
});
const step = fc.record({ id: fc.nat(11), anchor: fc.nat(11), before: fc.boolean() });
type Move = typeof step extends fc.Arbitrary<infer T> ? T : never;

function chosen({ id, anchor, before }: Move, all: string[]): { id: string; beside: Beside } | null {
  const [one, other] = [all[id % all.length], all[anchor % all.length]];
  return one === other ? null : { id: one, beside: before ? { before: other } : { after: other } };
}

describe('any move', () => {
  it('leaves all others in their order, and puts the one exactly where it was wanted', () => {
    fc.assert(fc.property(world, fc.array(step, { maxLength: 8 }), ({ all, placed }, steps) => {
      let ordering = placing(...placed);
      for (const move of steps) {
        const wanted = chosen(move, all);
        if (!wanted) continue;
        const { id, beside } = wanted;
        const before = orderedIds(ordering, all);
        const written = moveInOrdering(ordering, id, beside, all, ctx);
        const after = orderedIds(written.doc, all);
        expect(after.filter((other) => other !== id)).toEqual(before.filter((other) => other !== id));
        expect('before' in beside ? after[after.indexOf(id) + 1] : after[after.indexOf(id) - 1]).toBe('before' in beside ? beside.before : beside.after);
        expect(new Set(written.doc.ids).size).toBe(written.doc.ids.length);
        expect(written.doc.revision - ordering.revision).toBe(written.events.length);
        ordering = deepFreeze(written.doc);
      }
    }), { numRuns: 500 });
  });

  it('comes to the same in either order with another one, unless both want the very same place', () => {
    fc.assert(fc.property(world, step, step, ({ all, placed }, first, second) => {
      const [one, other] = [chosen(first, all), chosen(second, all)];
      if (!one || !other) return;
      const anchors = [one, other].map(({ beside }) => ('before' in beside ? beside.before : beside.after));
      const apart = one.id !== other.id && !anchors.includes(one.id) && !anchors.includes(other.id);
      if (!apart || JSON.stringify(one.beside) === JSON.stringify(other.beside)) return;
      const inTurn = (...moves: { id: string; beside: Beside }[]) =>
        orderedIds(moves.reduce((ordering, { id, beside }) => moveInOrdering(ordering, id, beside, all, ctx).doc, placing(...placed)), all);
      expect(inTurn(one, other)).toEqual(inTurn(other, one));
    }), { numRuns: 1_000 });
  });

  it('is not disturbed by what is created later, which comes last', () => {
    fc.assert(fc.property(world, step, ({ all, placed }, move) => {
      const wanted = chosen(move, all);
      if (!wanted) return;
      const { doc } = moveInOrdering(placing(...placed), wanted.id, wanted.beside, all, ctx);
      expect(orderedIds(doc, [...all, 'z'])).toEqual([...orderedIds(doc, all), 'z']);
    }), { numRuns: 300 });
  });

  it('keeps the others in order when some ids are dropped in between', () => {
    fc.assert(fc.property(world, fc.nat(11), ({ all, placed }, n) => {
      const gone = all[n % all.length];
      const dropped = withoutIds(placing(...placed), new Set([gone]), ctx)?.doc ?? placing(...placed);
      const left = all.filter((id) => id !== gone);
      expect(orderedIds(dropped, left)).toEqual(orderedIds(placing(...placed), all).filter((id) => id !== gone));
    }), { numRuns: 300 });
  });
});
