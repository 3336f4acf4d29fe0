import { expect, it } from '@jest/globals';
import type { Bench } from './bench.js';
import { given } from './conforming-driver.js';

/** A finished session's conversation, gone on with in a new run. */
export function itContinues(bench: Bench): void {
  it('goes on with a conversation and repeats none of it, or says no id of one', async () => {
    const first = await bench.idle();
    const { agentSessionId } = await bench.said(first, 'run_started');
    await bench.command('stop', first);
    await bench.gone(first);
    if (!bench.can.continue) {
      expect(agentSessionId).toBeUndefined();
      return;
    }
    const { manifest, remembers } = given(bench.driver.continuing, 'continuing');

    const second = await bench.start(manifest, { request: { continueAgentSessionId: agentSessionId!, conversationId: first.conversationId } });
    await bench.until(() => remembers.test(bench.spoken(second)), 'what only the same conversation knows');

    expect(await bench.said(second, 'run_started')).toMatchObject({ agentSessionId });
    expect(bench.numbers(second)).toEqual([]);
    await bench.finish(second);
  });
}
