import { expect, it } from '@jest/globals';
import type { StartRun } from '@orbitmesh/contracts';
import type { ApprovalOption } from '@orbitmesh/domain';
import type { Bench } from './bench.js';
import { given } from './conforming-driver.js';

/** Approvals: asked, answered, and taken back. */
export function itAsks(bench: Bench): void {
  it.each([
    ['allows', 'allow', 'allowed'],
    ['denies', 'reject', 'denied'],
  ] as const)('asks, and hands on an answer that %s, once', async (_what, kind, saying) => {
    if (!bench.can.approvals) return refused(bench);
    const asking = given(bench.driver.asking, 'asking');
    const { run, approvalId, options } = await asked(bench);
    const { optionId } = options.find((option) => option.kind.startsWith(kind))!;

    for (let n = 0; n < 2; n += 1) await bench.command('answerApproval', run, { approvalId, optionId, reason: 'because of the test' });

    await bench.until(() => asking[saying].test(bench.spoken(run)), `what comes of being ${saying}`);
    await bench.said(run, 'turn_ended');
    expect(bench.facts(run, 'approval_delivered', 'approval_withdrawn')).toEqual([{ type: 'approval_delivered', approvalId }]);
    await bench.finish(run);
  });

  it('withdraws what is open when it is interrupted, and is there for the next turn', async () => {
    if (!bench.can.approvals || !bench.can.interrupt) return;
    const { run, approvalId } = await asked(bench);

    await bench.command('interrupt', run);

    expect(await bench.said(run, 'turn_ended')).toMatchObject({ stopReason: 'cancelled' });
    expect(bench.facts(run, 'approval_delivered', 'approval_withdrawn')).toEqual([{ type: 'approval_withdrawn', approvalId, reason: expect.any(String) }]);
    await bench.input(run, 'inp_1', given(bench.driver.saying, 'saying')('still here'));
    await bench.until(() => bench.spoken(run).includes('still here'), 'the next turn');
    await bench.finish(run);
  });

  it('withdraws what is open when its agent is gone', async () => {
    if (!bench.can.approvals) return;
    const { run, approvalId } = await asked(bench);

    process.kill((await bench.said(run, 'run_started')).pid, 'SIGKILL');

    expect(await bench.gone(run)).toMatchObject({ cause: 'crashed' });
    expect(bench.facts(run, 'approval_delivered', 'approval_withdrawn')).toEqual([{ type: 'approval_withdrawn', approvalId, reason: expect.any(String) }]);
  });
}

/** A run whose agent waits for an answer. */
export async function asked(bench: Bench): Promise<{ run: StartRun; approvalId: string; options: ApprovalOption[] }> {
  const run = await bench.start(given(bench.driver.asking, 'asking').manifest);
  const { approvalId, options, title } = await bench.said(run, 'approval_requested');
  expect(title).not.toBe('');
  await bench.until(async () => (await bench.status(run)).activity === 'waiting_approval', 'an agent that waits for approval');
  return { run, approvalId, options };
}

async function refused(bench: Bench): Promise<void> {
  const run = await bench.counting();
  await expect(bench.command('answerApproval', run, { approvalId: 'appr_1', optionId: null })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  await bench.finish(run);
}
