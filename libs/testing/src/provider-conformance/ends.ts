import { expect, it } from '@jest/globals';
import type { StartRun } from '@orbitmesh/contracts';
import { COUNT, type Bench } from './bench.js';

/** Every way a run ends; nothing of it is left, in the system or in the runner. */
export function itEnds(bench: Bench): void {
  it('says with which code its agent ended by itself', async () => {
    const run = await bench.start(bench.driver.exits);

    expect(await bench.gone(run)).toMatchObject({ cause: 'exited', exitCode: 5 });
  });

  it('breaks off what runs when it is stopped', async () => {
    const run = await bench.counting();

    for (let n = 0; n < 2; n += 1) await bench.command('stop', run);

    expect(await bench.gone(run)).toMatchObject({ cause: 'stopped' });
    if (!bench.can.interrupt) return;
    expect(bench.facts(run, 'turn_ended')).toMatchObject([{ stopReason: 'cancelled' }]);
    expect(bench.numbers(run).length).toBeLessThan(COUNT);
  });

  it('is killed with all that its agent started', async () => {
    const run = await stubborn(bench);

    await bench.command('kill', run);

    expect(await bench.gone(run)).toMatchObject({ cause: 'killed' });
  });

  it('knows an agent that was killed by somebody else as crashed', async () => {
    const run = await bench.counting();

    process.kill((await bench.said(run, 'run_started')).pid, 'SIGKILL');

    expect(await bench.gone(run)).toMatchObject({ cause: 'crashed' });
    expect(bench.numbers(run).length).toBeLessThan(COUNT);
  });

  onLinux('gives back every descriptor that its runs had', async () => {
    await bench.finish(await bench.counting());
    const before = bench.descriptors();

    const runs = await Promise.all([bench.counting(), bench.counting(), bench.counting()]);
    expect(bench.descriptors()).toBeGreaterThan(before);
    await Promise.all(runs.map((run) => bench.finish(run)));

    await bench.until(() => bench.descriptors() <= before, `descriptors as before (${before})`);
  });
}

const onLinux = process.platform === 'linux' ? it : it.skip;

/**
 * An agent that does not go takes the whole of both graces, 10 s: it is stopped in a first test, and
 * looked at in a later one. @returns how to declare that one
 */
export function itEndsLate(bench: Bench): () => void {
  let run: StartRun | undefined;
  it('stops an agent that ignores the end of its stdin and SIGTERM', async () => {
    const started = await stubborn(bench);
    await bench.command('stop', started);
    run = started;
    expect(bench.world.session.ended(run.runId)).toBeUndefined();
  });
  return () => it('… which is gone after its graces, with all that it started', async () => {
    expect(await bench.gone(run!)).toMatchObject({ cause: 'stopped' });
  });
}

async function stubborn(bench: Bench): Promise<StartRun> {
  const run = await bench.start(bench.driver.stubborn);
  await bench.until(() => bench.spoken(run).includes('escaped'), 'the escaped child');
  return run;
}
