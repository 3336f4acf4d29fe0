import { expect, it } from '@jest/globals';
import { asked } from './asks.js';
import { COUNT, type Bench } from './bench.js';
import { given } from './conforming-driver.js';
import { NUMBERED } from './speaks.js';

/** An agent outlives its runner's `kill -9`, and is taken up again where it was (design §7). */
export function itOutlivesItsRunner(bench: Bench): void {
  it('is taken up again after its runner was killed twice: nothing is lost and nothing said twice', async () => {
    expect(bench.can.recover).toBe(true);
    const run = await bench.start(bench.driver.counting);
    for (const at of [5, 30]) {
      await bench.until(() => bench.numbers(run).length >= at, `output ${at}`);
      await bench.restartRunner();
    }
    await bench.until(() => bench.numbers(run).length >= COUNT, 'all output');
    await bench.command('stop', run);

    expect(await bench.gone(run)).toMatchObject({ cause: 'stopped' });
    expect(bench.numbers(run)).toEqual(NUMBERED);
    expect(bench.types(run, 'run_started', 'run_ended')).toEqual(['run_started', 'run_ended']);
  });

  it('still holds an input that waits for its agent, and delivers it once', async () => {
    if (!bench.can.input) return;
    const saying = given(bench.driver.saying, 'saying');
    const run = await bench.counting();
    await bench.input(run, 'inp_1', saying('heard after all'));

    await bench.restartRunner();
    await bench.until(() => bench.spoken(run).includes('heard after all'), 'the answer');
    await bench.input(run, 'inp_1', saying('heard after all'));
    await bench.input(run, 'inp_2', saying('the last word'));
    await bench.until(() => bench.spoken(run).includes('the last word'), 'the next answer');

    expect(bench.spoken(run).match(/heard after all/g)).toHaveLength(1);
    expect(bench.facts(run, 'input_delivered', 'input_failed')).toEqual(['inp_1', 'inp_2'].map((inputId) => ({ type: 'input_delivered', inputId })));
    await bench.finish(run);
  });

  it('still holds an open approval, and hands on its answer', async () => {
    if (!bench.can.approvals) return;
    const { allowed } = given(bench.driver.asking, 'asking');
    const { run, approvalId, options } = await asked(bench);

    await bench.restartRunner();
    await bench.until(async () => (await bench.status(run)).activity === 'waiting_approval', 'the agent, taken up again');
    await bench.command('answerApproval', run, { approvalId, optionId: options.find(({ kind }) => kind === 'allow_once')!.optionId });

    await bench.until(() => allowed.test(bench.spoken(run)), 'what the agent was allowed to do');
    await bench.said(run, 'turn_ended');
    expect(bench.types(run, 'approval_requested', 'approval_delivered', 'approval_withdrawn')).toEqual(['approval_requested', 'approval_delivered']);
    await bench.finish(run);
  });
}
