import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunFact, SessionState } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually, oneIn } from '@orbitmesh/testing';
import { ScriptedRunner, type RunnerScript, type ScriptedRun } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

const ASK: RunFact = { type: 'approval_requested', approvalId: 'appr_1', title: 'Write?', toolCall: {}, options: [{ optionId: 'y', name: 'Yes', kind: 'allow_once' }, { optionId: 'n', name: 'No', kind: 'reject_once' }] };

/** A point in a session's life: how to come there, and what the disk says then. */
interface Point { name: string; script: RunnerScript; state: SessionState; reach(service: TestService, runner: ScriptedRunner, id: string): Promise<unknown> }

const idle: Point['reach'] = async () => undefined;
const act = (action: 'stop' | 'kill' | 'pause' | 'interrupt'): Point['reach'] => async (service, _runner, id) => {
  await eventually(() => service.session(id).state === 'running');
  await service.call(SessionRpc.actOnSession, { id, action, meta: meta() });
};
const report: Point['reach'] = async (service, _runner, id) => {
  await eventually(() => service.session(id).state === 'running');
  await service.call(SessionRpc.postTimeline, { id, kind: 'completed', message: 'done', meta: meta(agent(id)) });
};

const POINTS: Point[] = [
  { name: 'placed, not claimed', script: { claims: false }, state: 'starting', reach: idle },
  { name: 'claimed, not running', script: { starts: false }, state: 'starting', reach: idle },
  { name: 'running', script: {}, state: 'running', reach: idle },
  { name: 'to be stopped while starting', script: { starts: false, obeys: false }, state: 'starting', reach: async (service, runner, id) => {
    await eventually(() => runner.run(id).claimed);
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
  } },
  { name: 'to be stopped', script: { obeys: false }, state: 'stopping', reach: act('stop') },
  { name: 'to be killed', script: { obeys: false }, state: 'stopping', reach: act('kill') },
  { name: 'to be paused', script: { obeys: false }, state: 'running', reach: act('pause') },
  { name: 'to be interrupted', script: { obeys: false }, state: 'running', reach: act('interrupt') },
  { name: 'reported, in its turn', script: { obeys: false }, state: 'running', reach: report },
  { name: 'with an input to deliver', script: { obeys: false }, state: 'running', reach: async (service, _runner, id) => {
    await eventually(() => service.session(id).state === 'running');
    await service.call(SessionRpc.inputToSession, { id, text: 'hello', meta: meta() });
  } },
  { name: 'with an answer to deliver', script: { obeys: false }, state: 'running', reach: async (service, runner, id) => {
    await eventually(() => service.session(id).state === 'running');
    await runner.saw(id, ASK);
    await service.call(SessionRpc.answerApproval, { id, approvalId: 'appr_1', decision: 'allow', meta: meta() });
  } },
  { name: 'with a question open', script: { obeys: false }, state: 'running', reach: async (service, runner, id) => {
    await eventually(() => service.session(id).state === 'running');
    await runner.saw(id, ASK);
  } },
];

describe('after kill -9 of session-service', () => {
  let service: TestService;
  let healed: TestService | undefined;

  beforeEach(async () => { service = await TestService.start(); });
  afterEach(async () => {
    await healed?.remove();
    healed = undefined;
    await service.remove();
  });

  const restartOn = async (home: string): Promise<TestService> => {
    healed = await TestService.start({ home, clock: service.clock });
    return healed;
  };

  /** The runner lives on: same runs, and it obeys from now on. */
  const adopt = async (next: TestService, before: ScriptedRunner): Promise<ScriptedRunner> => {
    before.leave();
    const runner = new ScriptedRunner(next.bus, next.clock);
    for (const [runId, run] of before.runs) runner.runs.set(runId, { ...run } as ScriptedRun);
    return runner.join();
  };

  // `npm test` takes every second one here, and the others below.
  it.each(oneIn(2, POINTS.toReversed()))('a session that is $name comes to its end', async ({ script, state, reach }) => {
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', script).join();
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    await eventually(() => service.session(id).state !== 'created' && runner.runs.size > 0);
    await reach(service, runner, id);
    await service.settle();
    await eventually(() => service.session(id).state === state);

    const next = await restartOn(await service.copyOfDisk());
    expect(next.session(id).state).toBe(state);
    const again = await adopt(next, runner);
    await eventually(async () => {
      next.clock.advance(next.session(id).approvals.some((approval) => approval.state === 'open') ? 60_000 : 1_000);
      await next.settle();
      const { state: now, pendingInputs, approvals } = next.session(id);
      const waitsForAgent = now === 'running' && pendingInputs.length === 0 && approvals.every(({ delivered }) => delivered);
      if (waitsForAgent && again.runs.size > 0) await again.saw(id, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 }).then(() => again.runs.clear(), () => undefined);
      if (now === 'paused') await next.call(SessionRpc.actOnSession, { id, action: 'resume', meta: meta() });
      if (now === 'starting' && again.runs.size > 0 && next.session(id).run?.claimedAt !== undefined) await again.saw(id, { type: 'run_started', pid: 1 });
      return ['stopped', 'error'].includes(next.session(id).state);
    });
    expect(next.session(id).outcome).not.toBeNull();
  });

  it.each(oneIn(2, POINTS))('a session that is $name ends also when its runner never comes back, unless it can go elsewhere', async ({ script, state, reach, name }) => {
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', script).join();
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    await eventually(() => service.session(id).state !== 'created' && runner.runs.size > 0);
    await reach(service, runner, id);
    await service.settle();
    await eventually(() => service.session(id).state === state);
    runner.leave();

    const next = await restartOn(await service.copyOfDisk());
    next.clock.advance(29_000);
    await next.settle();
    expect(['stopped', 'error']).not.toContain(next.session(id).state);
    next.clock.advance(2_000);

    if (name === 'placed, not claimed') {
      await eventually(() => next.session(id).waiting?.reason === 'no runner is connected');
      await new ScriptedRunner(next.bus, next.clock, 'slot-9').join();
      await eventually(() => { next.clock.advance(500); return next.session(id).state === 'running'; });
      expect(next.session(id).run).toMatchObject({ runnerId: 'slot-9', epoch: 2 });
    } else {
      await eventually(() => next.session(id).state === 'error');
      expect(next.session(id)).toMatchObject({ error: { code: 'runner_lost' } });
    }
    const events = await next.events();
    expect(events.filter(({ type, data }) => type === 'error' && (data as { code: string }).code === 'runner_lost').length).toBeLessThanOrEqual(1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
  });

  it('a session that nobody had placed is placed', async () => {
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    const next = await restartOn(await service.copyOfDisk());
    await new ScriptedRunner(next.bus, next.clock).join();
    next.clock.advance(500);
    await eventually(() => next.session(id).state === 'running');
  });

  it('a home may be read while it is written: the copy is whole', async () => {
    const project = await service.project();
    const writes = Array.from({ length: 200 }, (_, n) => service.task(project.id, `T${n}`));
    const acknowledged = await Promise.all(writes.slice(0, 50));
    const next = await restartOn(await service.copyOfDisk());
    await Promise.all(writes);
    for (const task of acknowledged) expect(await next.call(SessionRpc.getTask, { id: task.id })).toEqual(task);
  });
});

