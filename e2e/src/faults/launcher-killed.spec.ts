import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, inFull, processesNaming } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS } from './how-often.js';

describe('kill -9 of the launcher', () => {
  let scenarios: Scenario[] = [];

  afterEach(async () => {
    for (const scenario of scenarios.reverse()) await scenario.stop();
    scenarios = [];
  }, 60_000);

  it('takes the services with it, leaves the agent at work, and the next start adopts it', async () => {
    const first = await Scenario.start();
    const { home } = first.stack;
    scenarios = [first];
    const { id } = await first.spawn((await first.project()).id, { custom: { demo: { numbered: 60, delayMs: 100 } } });
    await first.running(id);
    await first.stack.killLauncher();
    await eventually(async () => (await processesNaming(home)).every((one) => !/apps\/(session-service|api-gateway|notifier|provider-runner)\/dist\/main\.js/.test(one.command)), { what: 'the end of the services' });
    expect((await processesNaming(id)).length).toBeGreaterThan(0);
    const second = await Scenario.start({ home });
    scenarios.push(second);
    expect(second.stack.url).toBe(first.stack.url);
    expect(await second.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
  }, FAULT_TEST_MS);

  inFull('is not what Ctrl-C does: that ends the agents too, and says so in their outcome', async () => {
    const first = await Scenario.start();
    const { home } = first.stack;
    scenarios = [first];
    const { id } = await first.spawn((await first.project()).id, { custom: { demo: { steps: 600, delayMs: 100 } } });
    await first.running(id);
    const end = await first.stack.interrupt();
    expect(end).toMatchObject({ code: 0 });
    expect(end.ms).toBeLessThan(10_000);
    expect(await processesNaming(id)).toEqual([]);
    const second = await Scenario.start({ home });
    scenarios.push(second);
    expect(await second.session(id)).toMatchObject({ state: 'stopped', outcome: { code: 'shutdown' } });
  }, FAULT_TEST_MS);

  inFull('does what Ctrl-C does, also when the runner is killed while it ends its agents', async () => {
    const first = await Scenario.start();
    const { home } = first.stack;
    scenarios = [first];
    const { id } = await first.spawn((await first.project()).id, { custom: { demo: { hang: true, ignoreTerm: true } } });
    await first.running(id);
    const runner = (await first.stack.pids())['provider-runner/slot-0']!;
    const ending = first.stack.interrupt();
    await eventually(() => first.stack.output.includes('Stopping'), { what: 'the launcher to stop' });
    process.kill(runner, 'SIGKILL');
    const end = await ending;
    expect(end).toMatchObject({ code: 0 });
    expect(end.ms).toBeLessThan(10_000);
    expect(await processesNaming(id)).toEqual([]);
    const second = await Scenario.start({ home });
    scenarios.push(second);
    expect(await second.session(id)).toMatchObject({ state: 'stopped', outcome: { code: 'shutdown' } });
  }, FAULT_TEST_MS);

  inFull('with --keep-agents leaves them, and the next start adopts them', async () => {
    const first = await Scenario.start({ args: ['--keep-agents'] });
    const { home } = first.stack;
    scenarios = [first];
    const { id } = await first.spawn((await first.project()).id, { custom: { demo: { numbered: 60, delayMs: 100 } } });
    await first.running(id);
    expect(await first.stack.interrupt()).toMatchObject({ code: 0 });
    expect((await processesNaming(id)).length).toBeGreaterThan(0);
    const second = await Scenario.start({ home });
    scenarios.push(second);
    expect(await second.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
  }, FAULT_TEST_MS);
});
