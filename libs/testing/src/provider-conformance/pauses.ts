import { expect, it } from '@jest/globals';
import type { Bench } from './bench.js';
import { given } from './conforming-driver.js';

/** Pause and resume: of what is said to the agent, or none (design §7). */
export function itPauses(bench: Bench): void {
  const ORDER = ['paused', 'resumed', 'input_delivered', 'approval_delivered'] as const;

  it('says paused and resumed once each, and holds inputs back meanwhile, or says NOT_SUPPORTED', async () => {
    const run = await bench.idle();
    if (bench.can.pause === 'none') {
      for (const command of ['pause', 'resume'] as const) await expect(bench.command(command, run)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    } else {
      for (let n = 0; n < 2; n += 1) await bench.command('pause', run);
      await seenPaused(bench, run.runId);
      if (bench.can.pause === 'hold') await bench.input(run, 'inp_1', given(bench.driver.saying, 'saying')('awake'));
      for (let n = 0; n < 2; n += 1) await bench.command('resume', run);
      await bench.said(run, 'resumed');
      if (bench.can.pause === 'hold') await bench.until(() => bench.spoken(run).includes('awake'), 'the answer to a held input');
      expect(bench.types(run, ...ORDER)).toEqual(['paused', 'resumed', ...(bench.can.pause === 'hold' ? ['input_delivered'] : [])]);
    }
    await bench.finish(run);
  });

  it('holds the answer to a permission back while it is paused', async () => {
    if (bench.can.pause !== 'hold' || !bench.can.approvals) return;
    const { manifest, allowed } = given(bench.driver.asking, 'asking');
    const run = await bench.start(manifest);
    const { approvalId, options } = await bench.said(run, 'approval_requested');
    const { optionId } = options.find(({ kind }) => kind === 'allow_once')!;

    await bench.command('pause', run);
    await bench.command('answerApproval', run, { approvalId, optionId });
    await seenPaused(bench, run.runId);
    await bench.command('resume', run);

    await bench.until(() => allowed.test(bench.spoken(run)), 'what the agent was allowed to do');
    expect(bench.types(run, ...ORDER)).toEqual(['paused', 'resumed', 'approval_delivered']);
    await bench.finish(run);
  });
}

/** The next heartbeat that says so: time enough for what is held back to get through where it is not held. */
export async function seenPaused(bench: Bench, runId: string): Promise<void> {
  const from = bench.world.session.heartbeats.length;
  await bench.until(() => bench.world.session.heartbeats.slice(from).some(({ runs }) => runs.some((run) => run.runId === runId && run.state === 'paused')), 'a heartbeat of a paused run');
}
