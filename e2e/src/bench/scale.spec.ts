import { execFile } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { promisify } from 'node:util';
import { LONG } from '@orbitmesh/testing';
import { ROOT } from '../repository/checkout.js';

const BENCHES = ['sessions', 'lifecycles', 'output', 'flood', 'watchers', 'start', 'widths'];

/** So that they do not rot: what they measure on a busy machine says nothing, that they end in order does. */
(LONG ? describe : describe.skip)('the benches of scale, in their small form', () => {
  it.each(BENCHES)('%s: measures, and nothing of the feed is missing or there twice', async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['bench/scale/run.mjs', name, '--small'], { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 });

    expect(stdout).toContain(`${name} {`);
    for (const what of ['gaps', 'repeats', 'failed', 'agentsLeft', 'ended', 'apart']) expect(stdout).not.toMatch(new RegExp(`"${what}": [1-9]`));
  }, 300_000);
});
