import { expect, it } from '@jest/globals';
import { COUNT, type Bench } from './bench.js';
import { given } from './conforming-driver.js';

/** Input and interrupt. */
export function itListens(bench: Bench): void {
  it('delivers an input once, however often it is sent, or says NOT_SUPPORTED', async () => {
    const run = await bench.idle();
    if (!bench.can.input) {
      await expect(bench.input(run, 'inp_1', 'x')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    } else {
      const saying = given(bench.driver.saying, 'saying');
      for (let n = 0; n < 3; n += 1) await bench.input(run, 'inp_1', saying('heard one'));
      await bench.input(run, 'inp_2', saying('heard two'));
      await bench.until(() => bench.spoken(run).includes('heard two'), 'both answers');

      expect(bench.spoken(run).match(/heard (one|two)/g)).toEqual(['heard one', 'heard two']);
      expect(bench.facts(run, 'input_delivered', 'input_failed')).toEqual(['inp_1', 'inp_2'].map((inputId) => ({ type: 'input_delivered', inputId })));
    }
    await bench.finish(run);
  });

  it('holds inputs that come while its agent is busy, and delivers them in order', async () => {
    if (!bench.can.input) return;
    const saying = given(bench.driver.saying, 'saying');
    const run = await bench.counting();

    for (const word of ['first', 'second']) await bench.input(run, `inp_${word}`, saying(`after all: ${word}`));
    await bench.until(() => bench.spoken(run).includes('after all: second'), 'the answers');

    const spoken = bench.spoken(run);
    expect(spoken.match(/numbered 60\/60|after all: \w+/g)).toEqual(['numbered 60/60', 'after all: first', 'after all: second']);
    expect(bench.numbers(run)).toHaveLength(COUNT);
    expect(bench.facts(run, 'input_delivered', 'input_failed')).toEqual(['inp_first', 'inp_second'].map((inputId) => ({ type: 'input_delivered', inputId })));
    await bench.finish(run);
  });

  it('steers the turn that runs, without another one, or says NOT_SUPPORTED', async () => {
    if (!bench.can.input) return;
    const steered = { inputId: 'inp_1', text: given(bench.driver.saying, 'saying')('steered'), steer: true };
    const run = await bench.counting();
    if (!bench.can.steer) {
      await expect(bench.command('input', run, steered)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    } else {
      for (let n = 0; n < 2; n += 1) await bench.command('input', run, steered);
      await bench.said(run, 'turn_ended');
      expect(bench.types(run, 'turn_started', 'input_delivered', 'input_failed', 'turn_ended')).toEqual(['turn_started', 'input_delivered', 'turn_ended']);
      // No turn runs: an ordinary input.
      await bench.command('input', run, { ...steered, inputId: 'inp_2', text: given(bench.driver.saying, 'saying')('an ordinary one') });
      await bench.until(() => bench.spoken(run).includes('an ordinary one'), 'the answer');
      expect(bench.facts(run, 'turn_started')).toHaveLength(2);
    }
    await bench.finish(run);
  });

  it('breaks off a turn when it is interrupted and is there for the next one, or says NOT_SUPPORTED', async () => {
    const run = await bench.counting();
    if (!bench.can.interrupt) {
      await expect(bench.command('interrupt', run)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    } else {
      for (let n = 0; n < 2; n += 1) await bench.command('interrupt', run);
      expect(await bench.said(run, 'turn_ended')).toMatchObject({ stopReason: 'cancelled' });
      expect(bench.numbers(run).length).toBeLessThan(COUNT);
      // Nothing runs: nothing happens.
      await bench.command('interrupt', run);

      await bench.input(run, 'inp_1', given(bench.driver.saying, 'saying')('still here'));
      await bench.until(() => bench.spoken(run).includes('still here'), 'the next turn');
      expect(await bench.said(run, 'turn_ended', 2)).toMatchObject({ stopReason: 'end_turn' });
    }
    await bench.finish(run);
  });
}
