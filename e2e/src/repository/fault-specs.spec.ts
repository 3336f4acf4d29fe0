import { describe, expect, it } from '@jest/globals';
import { read, trackedFiles } from './checkout.js';

/** Has it a form that `npm test` does not run? */
const WITH_A_LONG_FORM = /^import .*\b(LONG|inFull|inFaultRun|oneIn)\b.* from|process\.env\.ORBITMESH_TEST_FAULTS/m;

describe('npm run test:faults', () => {
  const specs = trackedFiles().filter((path) => path.endsWith('.spec.ts'));

  it('runs every spec with a long form, in one of its two parts', async () => {
    // Plain JavaScript outside of every project: imported by its place in the checkout.
    const { WHOLE, REST } = await import(new URL('../../../tools/lib/fault-specs.mjs', import.meta.url).href) as Record<'WHOLE' | 'REST', string[]>;
    const parts = [WHOLE, REST].map((patterns) => patterns.map((pattern) => new RegExp(pattern)));
    const runBy = (path: string): number => parts.filter((patterns) => patterns.some((pattern) => pattern.test(path))).length;

    expect(specs.filter((path) => WITH_A_LONG_FORM.test(read(path)) && runBy(path) === 0)).toEqual([]);
    expect(specs.filter((path) => runBy(path) > 1)).toEqual([]);
    for (const pattern of parts.flat()) expect({ pattern, runs: specs.some((path) => pattern.test(path)) }).toEqual({ pattern, runs: true });
  });
});
