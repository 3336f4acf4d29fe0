import fc from 'fast-check';
import { ID_PATTERN, ID_PREFIXES, assertId, isId, type IdKind } from './id.js';
import { abbreviate, cutText, jsonBytes } from './text.js';
import { later } from './time.js';
import { newUlidSource } from './ulid-source.js';

describe('ids', () => {
  it.each(['..', 'a/b', 'a\u0000', 'x'.repeat(65), '', 'a.b', 'a b', 'ä', 'a\n', null, 7])('do not look like %j', (value) => {
    expect(isId(value)).toBe(false);
    expect(() => assertId(value)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });

  it('carry their kind, follow the grammar, and only grow, also when the clock steps back', () => {
    let ms = 1_700_000_000_000;
    const newId = newUlidSource(() => ms);
    const ids = Array.from({ length: 50 }, (_, i) => {
      ms += i === 25 ? -10_000 : i % 3;
      return newId('session');
    });
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(50);
    for (const kind of Object.keys(ID_PREFIXES) as IdKind[]) {
      expect(newId(kind)).toMatch(ID_PATTERN);
      expect(newId(kind).startsWith(`${ID_PREFIXES[kind]}_`)).toBe(true);
    }
  });
});

describe('cutting a text', () => {
  const anyText = fc.string({ unit: fc.constantFrom('a', 'é', '€', '🚀', '"', '\\', '\n', '\u0001', '\ud800'), maxLength: 60 });

  it('keeps the longest beginning that fits as JSON, and never half a character', () => {
    fc.assert(fc.property(anyText, fc.nat(100), (text, max) => {
      const cut = cutText(text, max);
      expect(text.startsWith(cut)).toBe(true);
      expect(jsonBytes(cut) - 2).toBeLessThanOrEqual(max);
      const next = [...text.slice(cut.length)][0];
      if (next !== undefined) expect(jsonBytes(cut + next) - 2).toBeGreaterThan(max);
      expect([...cut].join('')).toBe(cut);
      expect([...text].slice(0, [...cut].length).join('')).toBe(cut);
    }));
  });

  it('says that it was cut, within the same bytes', () => {
    expect(abbreviate('short', 10)).toBe('short');
    expect(abbreviate('much too long', 10)).toBe('much to…');
    fc.assert(fc.property(anyText, fc.integer({ min: 3, max: 100 }), (text, max) => {
      expect(jsonBytes(abbreviate(text, max)) - 2).toBeLessThanOrEqual(max);
    }));
  });
});

describe('times', () => {
  it('are moved on in RFC 3339', () => {
    expect(later('2025-12-31T23:59:59.500Z', 600)).toBe('2026-01-01T00:00:00.100Z');
  });
});
