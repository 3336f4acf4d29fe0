import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { inFull, LONG, oneIn } from '../how-often.js';
import { Chance, faultSeed } from '../seed.js';
import { asked } from './asks.js';
import { COUNT, type Bench } from './bench.js';
import { given } from './conforming-driver.js';
import { NUMBERED } from './speaks.js';

const SEED = faultSeed();
const MOMENTS = 6;

/** An agent outlives its runner's `kill -9`, and is taken up again where it was (design §7). */
export function itOutlivesItsRunner(bench: Bench): void {
  it(`is taken up again after its runner was killed ${LONG ? 'twice' : 'once'}: nothing is lost and nothing said twice`, async () => {
    expect(bench.can.recover).toBe(true);
    const run = await bench.start(bench.driver.counting);
    for (const at of oneIn(2, [5, 30])) {
      await bench.until(() => bench.numbers(run).length >= at, `output ${at}`);
      await bench.restartRunner();
    }
    await bench.until(() => bench.numbers(run).length >= COUNT, 'all output');
    await bench.command('stop', run);

    expect(await bench.gone(run)).toMatchObject({ cause: 'stopped' });
    expect(bench.numbers(run)).toEqual(NUMBERED);
    expect(bench.types(run, 'run_started', 'run_ended')).toEqual(['run_started', 'run_ended']);
  });

  const more = bench.driver.brief && !LONG ? it.skip : it;
  more('still holds an input that waits for its agent, and delivers it once', async () => {
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

  more('breaks off its turn once where its runner was killed after it was told to, and ends as stopped where its end had begun', async () => {
    const run = await bench.counting();
    if (bench.can.interrupt) {
      await bench.command('interrupt', run);
      await bench.restartRunner();
      expect(await bench.said(run, 'turn_ended')).toMatchObject({ stopReason: 'cancelled' });
      await bench.input(run, 'inp_1', given(bench.driver.saying, 'saying')('still here'));
      await bench.until(() => bench.spoken(run).includes('still here'), 'the next turn');
      expect(bench.facts(run, 'turn_ended').filter(({ stopReason }) => stopReason === 'cancelled')).toHaveLength(1);
    }
    await bench.command('stop', run);
    await bench.until(() => bench.record(run).includes('"ending"'), 'an end on record');
    await bench.restartRunner();

    expect(await bench.gone(run)).toMatchObject({ cause: 'stopped' });
    expect(bench.types(run, 'run_started', 'run_ended')).toEqual(['run_started', 'run_ended']);
  });

  more('still holds an open approval, and hands on its answer, through a kill before it and one after it', async () => {
    if (!bench.can.approvals) return;
    const { allowed } = given(bench.driver.asking, 'asking');
    const { run, approvalId, options } = await asked(bench);

    await bench.restartRunner();
    await bench.until(async () => (await bench.status(run)).activity === 'waiting_approval', 'the agent, taken up again');
    await bench.command('answerApproval', run, { approvalId, optionId: options.find(({ kind }) => kind === 'allow_once')!.optionId });
    await bench.restartRunner();

    await bench.until(() => allowed.test(bench.spoken(run)), 'what the agent was allowed to do');
    await bench.said(run, 'turn_ended');
    expect(bench.types(run, 'approval_requested', 'approval_delivered', 'approval_withdrawn')).toEqual(['approval_requested', 'approval_delivered']);
    await bench.finish(run);
  });

  killedByChance(bench);
}

function killedByChance(bench: Bench): void {
  inFull(`says and hears everything once though its runner is killed at moments by chance (seed ${SEED})`, async () => {
    if (!bench.can.input) return;
    const chance = new Chance(SEED);
    const saying = given(bench.driver.saying, 'saying');
    const run = await bench.idle();
    const words = Array.from({ length: MOMENTS }, (_, n) => `word ${n + 1} of ${MOMENTS}.`);
    for (const [n, word] of words.entries()) {
      void bench.input(run, `inp_${n}`, saying(word)).catch(() => undefined);
      await bench.restartRunner(chance.between(0, 300));
      // As session-service does, until it hears that the input was delivered.
      await bench.input(run, `inp_${n}`, saying(word));
      await bench.until(() => bench.spoken(run).includes(word), `${word} (seed ${SEED})`);
    }
    await bench.finish(run);

    for (const word of words) expect(bench.spoken(run).split(word)).toHaveLength(2);
    expect(bench.numbers(run)).toEqual(NUMBERED);
    expect(bench.facts(run, 'input_delivered', 'input_failed')).toEqual(words.map((_, n) => ({ type: 'input_delivered', inputId: `inp_${n}` })));
  }, 300_000);

  inFull('hears an input whole whose line was half written when its runner was killed', async () => {
    if (!bench.can.input) return;
    const run = await bench.idle();
    // It reads nothing, and no pipe holds as much.
    process.kill((await bench.said(run, 'run_started')).pid, 'SIGSTOP');
    const long = `${given(bench.driver.saying, 'saying')('heard to its end')} ${'x'.repeat(150_000)}`;
    await bench.input(run, 'inp_1', long);
    await bench.until(() => existsSync(join(bench.world.dirOf(run.runId), 'in.begun')), 'half a line');

    await bench.restartRunner();

    await bench.until(() => bench.spoken(run).includes('heard to its end'), 'the answer');
    await bench.input(run, 'inp_2', given(bench.driver.saying, 'saying')('and the next'));
    await bench.until(() => bench.spoken(run).includes('and the next'), 'the next answer');
    expect(bench.facts(run, 'input_delivered', 'input_failed')).toEqual(['inp_1', 'inp_2'].map((inputId) => ({ type: 'input_delivered', inputId })));
    expect(bench.facts(run, 'metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
    await bench.finish(run);
  });
}
