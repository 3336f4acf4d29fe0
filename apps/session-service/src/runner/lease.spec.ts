import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { meta, TestService } from '../testing/test-service.js';

describe('the lease of a runner', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let id: string;

  beforeEach(async () => {
    service = await TestService.start();
    runner = await new ScriptedRunner(service.bus, service.clock).join();
    id = (await service.spawn({ projectId: (await service.project()).id })).id;
    await eventually(() => service.session(id).state === 'running');
  });
  afterEach(() => service.remove());

  const stateAfter = async (ms: number): Promise<string> => {
    service.clock.advance(ms);
    await service.settle();
    return service.session(id).state;
  };

  it('ends after 30 s of silence, once, and the session with it', async () => {
    runner.leave();
    expect(await stateAfter(30_000)).toBe('running');
    expect(await stateAfter(1_000)).toBe('error');
    expect(await stateAfter(60_000)).toBe('error');
    expect(service.session(id)).toMatchObject({ outcome: { code: 'runner_lost' }, error: { code: 'runner_lost' } });
    const ends = (await service.events()).filter(({ type }) => type === 'notify:session_failed');
    expect(ends).toHaveLength(1);
    expect((await service.call(SessionRpc.listRunners, {})).items).toMatchObject([{ id: 'slot-0', state: 'lost', running: 0 }]);
  });

  it('is shown as it is placed: a runner that misses heartbeats is silent and gets nothing, then lost, then connected again', async () => {
    const shown = async (): Promise<string> => (await service.call(SessionRpc.listRunners, {})).items[0]!.state;
    expect(await shown()).toBe('connected');
    runner.leave();
    await stateAfter(6_000);
    expect(await shown()).toBe('silent');
    const waiting = await service.spawn({ projectId: service.session(id).projectId });
    await service.settle();
    expect(service.session(waiting.id)).toMatchObject({ state: 'created', waiting: { reason: 'no runner is connected' } });

    await stateAfter(26_000);
    expect(await shown()).toBe('lost');
    await runner.beat();
    expect(await shown()).toBe('connected');
    await runner.beat({ draining: true });
    expect(await shown()).toBe('draining');
  });

  it('is kept by a runner whose disk takes no writes, which gets nothing until it does', async () => {
    runner.script.problem = 'its disk is full';
    await runner.beat();
    expect((await service.call(SessionRpc.listRunners, {})).items).toMatchObject([{ state: 'impaired', problem: 'its disk is full', running: 1 }]);
    const waiting = await service.spawn({ projectId: service.session(id).projectId });
    await stateAfter(4_000);
    await eventually(() => service.session(waiting.id).waiting !== null);
    expect(service.session(waiting.id)).toMatchObject({ state: 'created', waiting: { reason: 'no capable runner can start anything now: its disk is full' } });
    expect(service.session(id).state).toBe('running');

    delete runner.script.problem;
    await runner.beat();
    await eventually(() => { service.clock.advance(500); return service.session(waiting.id).state === 'running'; });
  });

  it('does not run while we are disconnected, and starts over when we are back', async () => {
    service.bus.setConnected(false);
    expect(await stateAfter(120_000)).toBe('running');
    service.bus.setConnected(true);
    expect(await stateAfter(29_000)).toBe('running');
    expect(service.session(id).outcome).toBeNull();
  });

  it('starts over when the process slept', async () => {
    service.clock.sleep(3_600_000);
    await service.settle();
    expect(service.session(id).state).toBe('running');
    runner.leave();
    expect(await stateAfter(29_000)).toBe('running');
    expect(await stateAfter(2_500)).toBe('error');
  });

  it('is judged only after a wake-up was noticed, even when a message is handled before any timer', async () => {
    runner.leave();
    service.clock.advance(20_000);
    await service.settle();
    // No timer runs: the first thing after the sleep is a fact of the run.
    (service.clock as unknown as { step(ms: number): void }).step(3_600_000);
    await runner.saw(id, { type: 'output', content: 'hi', stream: 'agent' });
    await service.settle();
    expect(service.session(id).state).toBe('running');
  });

  it('starts over when somebody sets the wall clock', async () => {
    service.clock.setWall(service.clock.wall() + 86_400_000);
    expect(await stateAfter(20_000)).toBe('running');
  });

  it('counts a claimed run that its runner no longer lists as lost at once', async () => {
    runner.runs.clear();
    await runner.beat();
    await eventually(() => service.session(id).state === 'error');
    expect(service.session(id).outcome).toMatchObject({ code: 'runner_lost', message: 'The runner slot-0 no longer has the run.' });
  });

  it('loses nothing by a heartbeat that comes late: an older one says nothing', async () => {
    await runner.beat();
    await runner.beat({ n: 1, runs: [] });
    await service.settle();
    expect(service.session(id).state).toBe('running');
  });

  it('believes a new incarnation that goes on with its runs', async () => {
    runner.incarnation = 'inc-2';
    const { held } = await runner.beat({ n: 1 });
    expect(held).toEqual([service.session(id).run?.runId]);
    await service.settle();
    expect(service.session(id).state).toBe('running');
  });

  it('has the runner end what is not its any more: another epoch, an ended session, a stranger', async () => {
    const { runId, epoch } = service.session(id).run!;
    const listed = { sessionId: id, runId, epoch, state: 'running' as const };
    const { held } = await runner.beat({ runs: [
      listed, { ...listed, epoch: epoch + 1 }, { ...listed, runId: 'run_other' }, { ...listed, sessionId: 'sess_nobody' },
    ] });
    expect(held).toEqual([runId]);

    await runner.saw(id, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    expect((await runner.beat({ runs: [listed] })).held).toEqual([]);
  });

  describe('of a run that was claimed and not heard of', () => {
    let starting: string;

    beforeEach(async () => {
      runner.script.starts = false;
      starting = (await service.spawn({ projectId: service.session(id).projectId })).id;
      await eventually(() => service.session(starting).run?.claimedAt !== undefined && runner.run(starting).claimed);
    });
    /** The runner's process is another one, which found no record of an executed run. */
    const restart = async (incarnation: string): Promise<void> => {
      runner.incarnation = incarnation;
      runner.runs.delete(service.session(starting).run!.runId);
      await runner.beat();
      await service.settle();
    };

    it('does not end with the process of the runner: the same start is sent again, and it runs', async () => {
      const { runId } = service.session(starting).run!;
      runner.script.starts = true;
      await restart('inc-2');
      await eventually(() => service.session(starting).state === 'running');
      expect(service.session(starting).run).toMatchObject({ runId, epoch: 1 });
      const starts = runner.heard('start').filter(({ sessionId }) => sessionId === starting);
      for (const start of starts) expect(start).toEqual(starts[0]);
    });

    it('ends it when it was to end: nothing is left of what was not executed', async () => {
      runner.script.obeys = false;
      await service.call(SessionRpc.actOnSession, { id: starting, action: 'stop', meta: meta() });
      expect(service.session(starting).state).toBe('starting');
      await restart('inc-2');
      await eventually(() => service.session(starting).state === 'stopped');
      expect(service.session(starting)).toMatchObject({ outcome: { code: 'stopped_by_user' } });
    });

    it('ends it in start_timeout when its runner takes no start any more', async () => {
      runner.script.refusal = new AppError('CONFLICT', 'This run has ended.');
      await restart('inc-2');
      await stateAfter(50_000);
      expect(service.session(starting).state).toBe('starting');
      await stateAfter(11_000);
      await eventually(() => { service.clock.advance(500); return service.session(starting).state === 'error'; });
      expect(service.session(starting)).toMatchObject({ outcome: { code: 'start_timeout' }, run: { epoch: 1 } });
    });

    it('ends it with the lease of a runner that stays away', async () => {
      runner.leave();
      expect(await stateAfter(31_000)).toBe('error');
      expect(service.session(starting)).toMatchObject({ outcome: { code: 'runner_lost' } });
    });
  });
});
