import { describe, expect, it } from '@jest/globals';
import { Chance } from './seed.js';

describe('seeded chance', () => {
  it('gives the same again from the same seed, and something else from another', () => {
    const draw = (seed: number): number[] => {
      const chance = new Chance(seed);
      return Array.from({ length: 50 }, () => chance.between(1, 1_000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('keeps its bounds, reaches all of them, and shuffles without loss', () => {
    const chance = new Chance(1);
    expect(new Set(Array.from({ length: 500 }, () => chance.between(3, 6)))).toEqual(new Set([3, 4, 5, 6]));
    expect(chance.shuffle([1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('is not disturbed by what is drawn from a fork', () => {
    const [one, other] = [new Chance(3), new Chance(3)];
    one.fork().next();
    const fork = other.fork();
    for (let n = 0; n < 10; n += 1) fork.next();
    expect(one.next()).toBe(other.next());
  });
});
