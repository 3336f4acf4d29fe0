import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { COUNT, type Bench } from './bench.js';
import { seenPaused } from './pauses.js';

/** Pause and resume of the processes themselves, which any entry may have (design §7). */
export function itFreezes(bench: Bench): void {
  it('suspends the whole tree where its entry has custom.freeze, and lets it go on where it was', async () => {
    const { pause } = await bench.capabilitiesOf(bench.frozenProvider);
    expect(pause).toBe('freeze');
    const run = await bench.start(bench.driver.counting, { provider: bench.frozenProvider });
    await bench.said(run, 'run_started');

    await bench.command('pause', run);
    const written = (): number => statSync(join(bench.world.dirOf(run.runId), 'out')).size;
    const before = written();
    await seenPaused(bench, run.runId);
    expect(written()).toBe(before);
    expect(bench.numbers(run).length).toBeLessThan(COUNT);
    await bench.command('resume', run);
    await bench.until(() => bench.numbers(run).length === COUNT, 'all numbers');

    expect(bench.types(run, 'paused', 'resumed')).toEqual(['paused', 'resumed']);
    await bench.finish(run);
  });
}
