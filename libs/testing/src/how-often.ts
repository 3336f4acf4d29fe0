import type { it } from '@jest/globals';

/** `npm run test:faults` has the time for everything; `npm test` takes a part of it. */
export const LONG = process.env.ORBITMESH_TEST_FAULTS === '1';

/** All of them in the long form, else one in `n`: the same ones each time. */
export function oneIn<T>(n: number, all: readonly T[]): T[] {
  return LONG ? [...all] : all.filter((_one, index) => index % n === 0);
}

/** Jest's own, which it puts there: whoever measures something without Jest has none, and needs none. */
const test = (globalThis as { it?: typeof it }).it;

/** An `it` of the long form alone. */
export const inFull: typeof it.skip = (LONG ? test : test?.skip)!;
