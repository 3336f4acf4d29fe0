import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { eventually } from '@orbitmesh/testing';
import type { NumberedFact } from '@orbitmesh/domain';
import { ScriptedRunner, type RunnerScript } from '../testing/scripted-runner.js';
import { TestService } from '../testing/test-service.js';

/** Two processes that session-service knows under one id: a home that was copied, or a lock that failed. */
describe('fencing', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const join = (id = 'slot-0', script: RunnerScript = {}): Promise<ScriptedRunner> => new ScriptedRunner(service.bus, service.clock, id, script).join();
  const refused = () => service.get(HealthRegistry).report().details.fencing as { refused: Record<string, number> };
  const output = (runSeq: number): NumberedFact => ({ runSeq, at: '2025-06-01T12:00:00.000Z', fact: { type: 'output', content: `o${runSeq}`, stream: 'agent' } });

  it('refuses facts of an older epoch, of another run and from the wrong runner, counts them, and has that runner kill', async () => {
    const runner = await join();
    await join('slot-1');
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running' && runner.run(id).runSeq === 2);
    const { start } = runner.run(id);
    const wrong = new ScriptedRunner(service.bus, service.clock, 'slot-1');
    const before = service.session(id);

    for (const [from, claimed] of [[runner, { epoch: 0 }], [runner, { runId: 'run_other' }], [wrong, {}]] as const) {
      const reply = await from.send({ start: { ...start, ...claimed }, claimed: true, runSeq: 0, ended: false }, [output(3)]);
      expect(reply).toEqual({ ackedRunSeq: 0, stale: true });
    }

    expect(service.session(id)).toEqual(before);
    expect(refused()).toEqual({ refused: { facts: 3, claims: 0, heartbeats: 0 } });
    expect(await runner.send(runner.run(id), [output(3)])).toEqual({ ackedRunSeq: 3 });
  });

  it('takes facts that come doubled and reordered once and in order', async () => {
    const runner = await join();
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).run?.ackedRunSeq === 2);
    const run = runner.run(id);

    expect(await runner.send(run, [output(5), output(4)])).toEqual({ ackedRunSeq: 2 });
    expect(await runner.send(run, [output(3), output(5)])).toEqual({ ackedRunSeq: 3 });
    expect(await runner.send(run, [output(3), output(3), output(4), output(4), output(5)])).toEqual({ ackedRunSeq: 5 });
    expect(await runner.send(run, [output(3), output(4)])).toEqual({ ackedRunSeq: 5 });

    const said = (await service.events()).filter(({ type }) => type === 'output').map(({ data }) => (data as { content: string }).content);
    expect(said).toEqual(['o3', 'o4', 'o5']);
  });

  it('lets one of two runners that claim one session have it', async () => {
    const first = await join('slot-0', { claims: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => first.runs.size === 1);
    const early = { ...first.run(id) };
    // Frozen before it claimed: its lease passes, and the session goes elsewhere.
    first.leave();
    const second = await join('slot-1', { claims: false });
    await eventually(() => { service.clock.advance(1_000); return second.runs.size === 1; });

    const claims = await Promise.allSettled([first.claim(early), second.claim(second.run(id)), first.claim(early)]);

    expect(claims.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(service.session(id).run).toMatchObject({ runnerId: 'slot-1', epoch: 2 });
    expect(refused()).toMatchObject({ refused: { claims: 2 } });
  });

  it('grants nothing to a process that another one has followed under its id, and has it end all it holds', async () => {
    const old = await join('slot-0', { claims: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => old.runs.size === 1);
    const run = { ...old.run(id) };
    const young = new ScriptedRunner(service.bus, service.clock, 'slot-0', { claims: false });
    young.incarnation = 'inc-2';

    await expect(young.claim(run)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await young.beat();
    await expect(old.claim(run)).rejects.toMatchObject({ code: 'CONFLICT', details: { stale: true } });
    expect(await old.beat()).toMatchObject({ held: [] });
    await young.claim(run);

    expect(service.session(id).run?.claimedAt).toBeDefined();
    expect(refused()).toEqual({ refused: { facts: 0, claims: 1, heartbeats: 1 } });
  });

  it('concludes nothing from a heartbeat of a former process that comes late', async () => {
    const runner = await join();
    await runner.beat();
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running');
    runner.incarnation = 'inc-2';
    await runner.beat();

    await runner.beat({ incarnation: 'inc-1', n: 99, runs: [] });
    await service.settle();

    expect(service.session(id).state).toBe('running');
    expect((await runner.beat()).held).toEqual([service.session(id).run?.runId]);
  });

  it('refuses the heartbeats of another machine that calls itself as a runner that is there, until that one leaves or is silent', async () => {
    const runner = await join();
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running');
    const namesake = { incarnation: 'inc-2', host: 'another', n: 1, runs: [] };
    const refusal = { code: 'CONFLICT', message: expect.stringContaining('ORBITMESH_RUNNER_NAME') };

    await expect(runner.beat(namesake)).rejects.toMatchObject(refusal);
    await runner.beat();
    service.clock.advance(4_000);
    await expect(runner.beat(namesake)).rejects.toMatchObject(refusal);
    expect(service.session(id).state).toBe('running');

    await runner.beat({ draining: true });
    expect(await runner.beat(namesake)).toMatchObject({ held: [] });
    service.clock.advance(6_000);
    expect(await runner.beat({ incarnation: 'inc-3', runs: [] })).toMatchObject({ held: [] });
  });
});
