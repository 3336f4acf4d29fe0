import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { frozenCopy } from './frozen-copy.js';

describe('what the store keeps of a commit', () => {
  it('is frozen all the way down, and leaves what it was made of as it was', () => {
    const given = { title: 'a', steps: [{ done: false }, null], left: undefined };
    const kept = frozenCopy(given, new Map());

    expect(kept).toStrictEqual(given);
    expect([kept, kept.steps, kept.steps[0]].every((one) => Object.isFrozen(one))).toBe(true);
    expect([given, given.steps, given.steps[0]].some((one) => Object.isFrozen(one))).toBe(false);
  });

  it('is one object where one object was given, in one commit and from the one before', () => {
    const before = frozenCopy({ run: { pid: 1 } }, new Map());
    const copies = new Map<object, object>();
    const doc = { ...before, title: 'a' };

    expect(frozenCopy(doc, copies)).toBe(frozenCopy(doc, copies));
    expect(frozenCopy(doc, copies).run).toBe(before.run);
    expect(frozenCopy(before, copies)).toBe(before);
  });

  it.each(['{"__proto__":{"admin":true,"list":[1]},"b":1}', '{"a":{"__proto__":null}}', '[{"__proto__":"x"}]'])('says %s as it was said', (json) => {
    const kept = frozenCopy(JSON.parse(json) as object, new Map());

    expect(JSON.stringify(kept)).toBe(json);
    expect(kept).not.toHaveProperty('admin');
  });

  it('leaves to what is more than JSON how it is written', () => {
    const at = new Date(0);
    expect(JSON.stringify(frozenCopy({ at }, new Map()))).toBe(JSON.stringify({ at }));
  });

  it('has one shape, however many were made of others', () => {
    setFlagsFromString('--allow-natives-syntax');
    const sameShape = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
    setFlagsFromString('--no-allow-natives-syntax');
    const first = { id: 'task_1', title: 'a', status: 'todo' };
    const [one, ...others] = Array.from({ length: 100 }, (_, n) => frozenCopy({ ...first, title: `b${n}` }, new Map()));

    expect(others.filter((other) => !sameShape(one, other))).toEqual([]);
  });
});
