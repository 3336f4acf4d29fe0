import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { eventually, inFull } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from './testing/runner-main.js';

/** Shakes hands as an ACP agent, then does this in the turn it is given. */
const ACP = (turn: string) => ({ driver: 'acp', command: [process.execPath, '-e', `
  const fs = require('fs');
  const say = (message) => fs.writeSync(1, JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line);
    if (method === 'initialize') say({ id, result: { protocolVersion: 1 } });
    if (method === 'session/new') say({ id, result: { sessionId: 's' } });
    if (method === 'session/prompt') { ${turn} }
  });`] });
const PLANS = 1_000;
/** So that few of them are as much as may wait. */
const ENTRIES = 150;

describe('an agent that writes too much', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({
      yes: { driver: 'acp', command: ['/usr/bin/yes'] },
      garbage: ACP(`const many = Buffer.from('{"jsonrpc":"2.0","method":"nobody/knows"}\\n'.repeat(10_000)); for (;;) fs.writeSync(1, many);`),
      plans: ACP(`for (let n = 0; n < ${PLANS}; n++) say({ method: 'session/update', params: { sessionId: 's', update: { sessionUpdate: 'plan', entries: Array(${ENTRIES}).fill({ content: 'step ' + n, status: 'pending', priority: 'low' }) } } });
        say({ id, result: { stopReason: 'end_turn' } });`),
    });
    await world.startRunner();
  });
  afterEach(async () => world.close());

  const kill = (request: StartRun) => world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });
  const facts = ({ runId }: StartRun): number => world.session.facts.get(runId)?.length ?? 0;
  const unparsed = (request: StartRun, key = 'unparsed') => world.session.factsOf(request.runId, 'metadata').filter((fact) => fact.key === key);

  it('fails its start within seconds when nothing it writes is of its protocol', async () => {
    const begun = performance.now();
    const request = await world.start('yes');

    expect(await world.ended(request.runId)).toMatchObject({ type: 'start_failed', code: 'start_failed', message: expect.stringContaining('not of its protocol') });

    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(facts(request)).toBeLessThan(150);
    expect(await world.left(request.runId)).toEqual([]);
  }, 20_000);

  inFull('is told of in few facts, across a restart too, and can be killed within seconds', async () => {
    const request = await world.start('garbage');
    await eventually(() => unparsed(request, 'unparsed_dropped').length > 0);
    await world.killRunner();
    await world.startRunner();
    await eventually(() => statSync(join(world.dirOf(request.runId), 'out')).size > 30_000_000, { what: 'a backlog' });
    const begun = performance.now();
    await kill(request);

    expect(await world.ended(request.runId)).toMatchObject({ type: 'run_ended', cause: 'killed', left: 0 });

    expect(performance.now() - begun).toBeLessThan(7_000);
    expect(unparsed(request)).toHaveLength(100);
    expect(facts(request)).toBeLessThan(300);
    expect(world.session.factsOf(request.runId, 'output_dropped')).toMatchObject([{ bytes: expect.any(Number) }]);
    expect(Number(unparsed(request, 'unparsed_dropped').at(-1)?.value)).toBeGreaterThan(1_000);
  }, 40_000);

  inFull('does not hold up a shutdown', async () => {
    const request = await world.start('garbage');
    await eventually(() => unparsed(request, 'unparsed_dropped').length > 0);
    const begun = performance.now();

    expect(await world.stopRunner()).toBe(0);

    expect(performance.now() - begun).toBeLessThan(9_000);
    expect(world.session.ended(request.runId)).toMatchObject({ cause: 'shutdown', left: 0 });
  }, 20_000);

  it('stands still while nobody acknowledges what it says, and loses nothing', async () => {
    const small = await world.start('plans');
    await eventually(() => facts(small) > 0);
    world.session.acknowledging = false;
    await eventually(() => /agent suspended/.test(world.log), { what: 'the suspension', timeoutMs: 30_000 });
    world.session.acknowledging = true;

    await eventually(() => world.session.factsOf(small.runId, 'turn_ended').length === 1, { what: 'the end of the turn', timeoutMs: 30_000 });

    const steps = Array.from({ length: PLANS }, (_, n): unknown => expect.objectContaining({ content: `step ${n}` }));
    expect(world.session.factsOf(small.runId, 'plan').map(({ entries }) => entries[0])).toEqual(steps);
    expect(unparsed(small, 'suspended').length).toBeGreaterThanOrEqual(2);
    await kill(small);
    await world.ended(small.runId);
  }, 60_000);
});
