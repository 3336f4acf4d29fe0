import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { DEMO, ScriptedRunner, type RunnerScript } from '../testing/scripted-runner.js';
import { meta, TestService } from '../testing/test-service.js';

const CONTINUING = { ...DEMO, capabilities: { ...DEMO.capabilities, continue: true } };

describe('where a session goes that continues another', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const join = (id: string, script: RunnerScript = {}): Promise<ScriptedRunner> => new ScriptedRunner(service.bus, service.clock, id, { starts: false, providers: [CONTINUING], ...script }).join();
  const tick = async (ms = 500): Promise<void> => {
    service.clock.advance(ms);
    await service.settle();
  };
  const proceed = async (id: string): Promise<string> => (await service.call(SessionRpc.continueSession, { id, body: { initialDirective: 'go on' }, meta: meta() })).body.id;
  const kill = (id: string): Promise<unknown> => service.call(SessionRpc.actOnSession, { id, action: 'kill', meta: meta() });
  const started = (runner: ScriptedRunner, sessionId: string): Promise<unknown> => eventually(() => runner.heard('start').find((start) => start.sessionId === sessionId), { what: `a start of ${sessionId} on ${runner.id}` });

  /** A session that ran on this runner, said its conversation, and has ended. */
  async function ended(runner: ScriptedRunner): Promise<string> {
    const { id } = await service.spawn({ projectId });
    await ends(runner, id);
    return id;
  }

  async function ends(runner: ScriptedRunner, id: string): Promise<void> {
    await started(runner, id);
    await eventually(() => runner.run(id).claimed);
    await runner.saw(id, { type: 'run_started', pid: 1, agentSessionId: 'conv-1' }, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    runner.runs.delete(runner.run(id).start.runId);
    await service.settle();
  }

  it('is nowhere while another has the same conversation, also one that continues a continuation', async () => {
    const runner = await join('slot-1');
    const first = await ended(runner);
    const second = await proceed(first);
    await expect(proceed(first)).rejects.toMatchObject({ code: 'CONFLICT', details: { continuedBy: second } });
    await ends(runner, second);
    const third = await proceed(second);

    await expect(proceed(first)).rejects.toMatchObject({ code: 'CONFLICT', details: { continuedBy: third } });
    await ends(runner, third);
    expect(await proceed(first)).not.toBe(third);
  });

  it('is the runner that has the conversation, also where another has less to do', async () => {
    const first = await join('slot-1');
    const before = await ended(first);
    const idle = await join('slot-0');
    await started(first, (await service.spawn({ projectId })).id);

    const next = await proceed(before);

    expect(await started(first, next)).toMatchObject({ continueAgentSessionId: 'conv-1' });
    expect(service.session(next)).toMatchObject({ continues: before, run: { runnerId: 'slot-1' } });
    await started(idle, (await service.spawn({ projectId })).id);
    expect(idle.heard('start').map(({ sessionId }) => sessionId)).not.toContain(next);
  });

  it('is nowhere else while that runner is away; the session says what it waits for, and goes on when it is back', async () => {
    const runner = await join('slot-1');
    const before = await ended(runner);
    const other = await join('slot-0');
    runner.leave();
    await tick(6_000);

    const next = await proceed(before);
    await eventually(() => service.session(next).waiting !== null);
    expect(service.session(next)).toMatchObject({ state: 'created', run: null, waiting: { reason: 'its conversation is on the runner slot-1, which is not connected' } });
    await tick(60_000);
    expect(other.heard('start').map(({ sessionId }) => sessionId)).not.toContain(next);

    await runner.join();
    await tick();
    await started(runner, next);
    expect(service.session(next)).toMatchObject({ waiting: null, run: { runnerId: 'slot-1' } });
  });

  it.each<[string, RunnerScript, string]>([
    ['full', { capacity: 0 }, 'is at its capacity'],
    ['without the provider', { providers: [] }, 'does not know the provider demo'],
    ['without its program', { providers: [{ ...CONTINUING, installed: false }] }, 'does not have the provider demo installed'],
  ])('waits for that runner too where it is %s', async (_what, change, reason) => {
    const runner = await join('slot-1');
    const before = await ended(runner);
    await join('slot-0');
    Object.assign(runner.script, change);
    await runner.beat();

    const next = await proceed(before);
    await tick(4_000);

    expect(service.session(next).waiting?.reason).toBe(`its conversation is on the runner slot-1, which ${reason}`);
    await kill(next);
    await eventually(() => service.session(next).outcome?.code === 'killed');
  });

  it('is known through one that was ended before it was placed', async () => {
    const runner = await join('slot-1');
    const before = await ended(runner);
    await join('slot-0');
    runner.leave();
    await tick(6_000);
    const waiting = await proceed(before);
    await kill(waiting);
    await eventually(() => service.session(waiting).outcome !== null);
    expect(service.session(waiting).run).toBeNull();
    await runner.join();

    const next = await proceed(waiting);

    expect(await started(runner, next)).toMatchObject({ continueAgentSessionId: 'conv-1' });
  });
});
