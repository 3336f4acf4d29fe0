import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc, type RunnerView } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

describe('draining a runner', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    runner = await new ScriptedRunner(service.bus, service.clock).join();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const drain = async (drained = true, id = 'slot-0', more = meta()): Promise<RunnerView> => (await service.call(SessionRpc.drainRunner, { id, drained, meta: more })).body;
  const shown = async (): Promise<RunnerView> => (await service.call(SessionRpc.listRunners, {})).items[0];
  const spawn = async (): Promise<string> => (await service.spawn({ projectId })).id;
  const tick = async (ms = 500): Promise<void> => {
    service.clock.advance(ms);
    await service.settle();
  };
  const running = (id: string): Promise<unknown> => eventually(async () => { await tick(); return service.session(id).state === 'running'; });

  it('gives it nothing new, lets its sessions end by themselves, and then it is drained', async () => {
    const first = await spawn();
    await running(first);
    expect(await drain()).toMatchObject({ id: 'slot-0', state: 'draining', running: 1, drain: { at: expect.any(String), by: 'admin' } });
    const waiting = await spawn();
    await tick(4_000);
    expect(service.session(waiting)).toMatchObject({ state: 'created', waiting: { reason: 'every capable runner is being drained' } });
    expect(service.session(first).state).toBe('running');

    await runner.saw(first, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    expect(await shown()).toMatchObject({ state: 'drained', running: 0 });
    expect(await drain(false)).toMatchObject({ state: 'connected', drain: null });
    await running(waiting);
  });

  it('is meant until it is undone: over the restart of the runner and of our own', async () => {
    await drain();
    runner.leave();
    runner.incarnation = 'inc-2';
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    runner = await new ScriptedRunner(service.bus, service.clock).join();
    const id = await spawn();
    await tick(4_000);
    expect([await shown(), service.session(id).state]).toMatchObject([{ state: 'drained' }, 'created']);

    await drain(false);
    await running(id);
    expect((await shown()).drain).toBeNull();
  });

  it('changes nothing when it is said twice', async () => {
    const first = await drain();
    service.clock.advance(1_000);
    expect((await drain()).drain).toEqual(first.drain);
    await drain(false);
    expect((await drain(false)).drain).toBeNull();
  });

  it('is for people, and of runners that were heard of', async () => {
    await expect(drain(true, 'slot-9')).rejects.toMatchObject({ code: 'RUNNER_NOT_FOUND' });
    await expect(drain(true, '../x')).rejects.toMatchObject({ code: 'RUNNER_NOT_FOUND' });
    const id = await spawn();
    await running(id);
    await expect(drain(true, 'slot-0', meta(agent(id)))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is shown with what a runner has, and how busy it is', async () => {
    Object.assign(runner.script, { labels: { gpu: 'yes' }, roots: ['/work'], startsAtOnce: 3, capacity: 7, starts: false });
    await runner.beat({ cpuLoad: 0.25 });
    await spawn();
    await eventually(async () => (await shown()).starting === 1);
    expect(await shown()).toMatchObject({
      state: 'connected', capacity: 7, running: 1, starting: 1, startsAtOnce: 3, cpuLoad: 0.25, labels: { gpu: 'yes' }, roots: ['/work'], providers: [{ name: 'demo', version: '1' }],
    });
  });
});
