import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunFact } from '@orbitmesh/domain';
import { SessionRpc, type SessionAction } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { DEMO, ScriptedRunner, type RunnerScript } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

const ask = (approvalId: string): RunFact => ({
  type: 'approval_requested', approvalId, title: 'Write?', toolCall: { kind: 'edit' },
  options: [{ optionId: 'y', name: 'Yes', kind: 'allow_once' }, { optionId: 'n', name: 'No', kind: 'reject_once' }],
});

describe('sessions', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const join = (script: RunnerScript = {}): Promise<ScriptedRunner> => new ScriptedRunner(service.bus, service.clock, 'slot-0', script).join();
  const act = (id: string, action: SessionAction, more = {}) => service.call(SessionRpc.actOnSession, { id, action, meta: meta(more) });
  const running = async (body = {}): Promise<string> => {
    const { id } = await service.spawn({ projectId, ...body });
    await eventually(() => service.session(id).state === 'running');
    return id;
  };

  it('pauses, resumes and stops by intent, each answered 202 and done by the runner', async () => {
    const runner = await join();
    const id = await running();

    expect(await act(id, 'pause')).toMatchObject({ status: 202, body: { state: 'running', desired: { state: 'paused' } } });
    await eventually(() => service.session(id).state === 'paused');
    expect(await act(id, 'resume')).toMatchObject({ status: 202, body: { desired: { state: 'running' } } });
    await eventually(() => service.session(id).state === 'running');
    expect(await act(id, 'stop', {})).toMatchObject({ status: 202, body: { state: 'stopping' } });
    await eventually(() => service.session(id).state === 'stopped');

    expect(runner.received.map(({ to }) => to)).toEqual(['start', 'pause', 'resume', 'stop']);
    expect(service.session(id).outcome).toMatchObject({ code: 'stopped_by_user', reported: false });
    const again = await traceOf(service);
    expect(await act(id, 'stop')).toMatchObject({ status: 200 });
    expect(await act(id, 'kill')).toMatchObject({ status: 200 });
    expect(await traceOf(service)).toEqual(again);
  });

  it('refuses what the state has no edge for, and nothing changes', async () => {
    const { id } = await service.spawn({ projectId });
    const before = await traceOf(service);
    await expect(act(id, 'pause')).rejects.toMatchObject({ code: 'INVALID_TRANSITION', details: { from: 'created', to: 'paused', allowed: ['starting'] } });
    await expect(act(id, 'resume')).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
    await expect(act(id, 'interrupt')).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
    await expect(service.call(SessionRpc.deleteSession, { id, meta: meta() })).rejects.toMatchObject({ code: 'SESSION_NOT_TERMINAL' });
    await expect(act('sess_none', 'stop')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    expect(await traceOf(service)).toEqual(before);
  });

  it('interrupts a turn, and only a turn', async () => {
    const runner = await join();
    const id = await running();
    expect(await act(id, 'interrupt')).toMatchObject({ status: 202 });
    await eventually(() => !service.session(id).turn.active);
    expect(runner.heard('interrupt')).toHaveLength(1);
    await expect(act(id, 'interrupt')).rejects.toMatchObject({ code: 'INVALID_TRANSITION' });
  });

  it('says NOT_SUPPORTED for what the driver cannot do', async () => {
    await join({ providers: [{ ...DEMO, capabilities: { ...DEMO.capabilities, pause: 'none', interrupt: false, input: false } }] });
    const id = await running();
    await expect(act(id, 'pause')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    await expect(act(id, 'interrupt')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    await expect(service.call(SessionRpc.inputToSession, { id, text: 'x', meta: meta() })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  it('gives an input into the turn that runs where the driver can, and says NOT_SUPPORTED where it cannot', async () => {
    const runner = await join({ providers: [{ ...DEMO, capabilities: { ...DEMO.capabilities, steer: true } }] });
    const id = await running();
    expect(await service.call(SessionRpc.inputToSession, { id, text: 'not so', steer: true, meta: meta() })).toMatchObject({ status: 202 });
    await eventually(() => runner.received.some(({ to }) => to === 'input'));
    expect(runner.received.find(({ to }) => to === 'input')?.command).toMatchObject({ text: 'not so', steer: true });

    await runner.beat({ providers: [DEMO] });
    await expect(service.call(SessionRpc.inputToSession, { id, text: 'nor so', steer: true, meta: meta() })).rejects.toMatchObject({ code: 'NOT_SUPPORTED', details: { capability: 'steer' } });
  });

  it('says that an input did not reach the agent, once, where it was taken before anybody knew what the driver can', async () => {
    const { id } = await service.spawn({ projectId });
    const { body } = await service.call(SessionRpc.inputToSession, { id, text: 'not so', steer: true, meta: meta() });
    expect(body.state).toBe('created');
    const runner = await join({ supports: (to) => to !== 'input' });
    await eventually(() => service.session(id).pendingInputs.length === 0);
    service.clock.advance(10_000);
    await service.settle();

    expect(runner.heard('input')).toHaveLength(1);
    expect((await service.events()).filter(({ type }) => type === 'error').map(({ data }) => data)).toMatchObject([{ code: 'input_failed', message: 'An input did not reach the agent: This agent cannot input.' }]);
    await runner.saw(id, { type: 'turn_ended', stopReason: 'end_turn' });
    expect(service.session(id)).toMatchObject({ nudged: true, turn: { active: false } });
  });

  it('lets the first of two answers to an approval win, and brings it down once', async () => {
    const runner = await join();
    const id = await running();
    await runner.saw(id, ask('appr_1'));
    expect((await service.call(SessionRpc.getSession, { id })).needsInput).toMatchObject({ active: true, source: 'approval' });

    const answer = (decision: 'allow' | 'deny', more = {}) => service.call(SessionRpc.answerApproval, { id, approvalId: 'appr_1', decision, meta: meta(more) });
    const other = await running();
    for (const by of [id, other]) await expect(answer('allow', agent(by))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const results = await Promise.allSettled([answer('deny'), answer('allow')]);

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'APPROVAL_ALREADY_ANSWERED', details: { decision: 'deny' } });
    await eventually(() => service.session(id).approvals[0].delivered);
    expect(runner.heard('answerApproval')).toMatchObject([{ approvalId: 'appr_1', optionId: 'n' }]);
    const { items } = await service.call(SessionRpc.listApprovals, { id });
    expect(items).toMatchObject([{ id: 'appr_1', state: 'answered', answer: { decision: 'deny', by: 'admin' }, delivered: true }]);
  });

  it('denies an approval at its deadline', async () => {
    const runner = await join();
    const id = await running();
    await runner.saw(id, ask('appr_1'));
    service.clock.advance(10 * 60_000 + 500);
    await eventually(() => service.session(id).approvals[0].delivered);
    expect(service.session(id).approvals[0]).toMatchObject({ state: 'expired', answer: { decision: 'deny' } });
    expect(runner.heard('answerApproval')).toMatchObject([{ optionId: 'n' }]);
  });

  it('asks nobody when the permission mode decides', async () => {
    const runner = await join();
    const id = await running({ permissionMode: 'allow' });
    await runner.saw(id, ask('appr_1'));
    await eventually(() => runner.heard('answerApproval').length === 1);
    expect(runner.heard('answerApproval')).toMatchObject([{ optionId: 'y' }]);
    expect(service.session(id).approvals[0]).toMatchObject({ answer: { by: 'policy' } });
  });

  it('ends a reported session 60 s later although its turn goes on, as completed', async () => {
    await join();
    const id = await running();
    await service.call(SessionRpc.postTimeline, { id, kind: 'completed', message: 'done', meta: meta(agent(id)) });
    service.clock.advance(59_000);
    await service.settle();
    expect(service.session(id).state).toBe('running');
    service.clock.advance(1_500);
    await eventually(() => service.session(id).state === 'stopped');
    expect(service.session(id).outcome).toMatchObject({ code: 'completed', reported: true });
  });

  it('stops a turn of which nothing is heard any more', async () => {
    await join();
    const id = await running();
    service.clock.advance(10 * 60_000 + 500);
    await eventually(() => service.session(id).state === 'error');
    expect(service.session(id).outcome).toMatchObject({ code: 'stalled', message: expect.stringMatching(/^Nothing was heard of the agent for 600 s\. Last seen at .*: \w+/) });
  });

  it('asks an agent that ends its turn without a word, once', async () => {
    const runner = await join();
    const id = await running();
    await runner.saw(id, { type: 'turn_ended', stopReason: 'end_turn' });
    await eventually(() => runner.heard('input').length === 1);
    const { inputId } = runner.heard('input')[0];
    await runner.saw(id, { type: 'turn_started', inputId: inputId as string }, { type: 'turn_ended', stopReason: 'end_turn' });
    await eventually(() => service.session(id).state === 'stopped');
    expect(service.session(id).outcome).toMatchObject({ code: 'finished', reported: false });
  });

  it('lets an agent act as its own session and as no other', async () => {
    await join();
    const [id, other] = [await running(), await running()];
    const as = { meta: meta(agent(id)) };
    await expect(service.call(SessionRpc.actOnSession, { id: other, action: 'stop', ...as })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(service.call(SessionRpc.inputToSession, { id: other, text: 'x', ...as })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(service.call(SessionRpc.postTimeline, { id: other, kind: 'completed', message: 'x', ...as })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(service.call(SessionRpc.updateSession, { id: other, body: { name: 'x' }, ...as })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(service.call(SessionRpc.deleteSession, { id: other, ...as })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await service.call(SessionRpc.updateSession, { id, body: { name: 'mine' }, ...as })).toMatchObject({ status: 200, body: { name: 'mine' } });
    expect(await service.call(SessionRpc.actOnSession, { id, action: 'stop', ...as })).toMatchObject({ status: 202 });
  });

  it('deletes a session that has ended, with its links, files and manifest', async () => {
    const runner = await join();
    const task = await service.task(projectId);
    const id = await running({ taskIds: [task.id] });
    await runner.saw(id, { type: 'run_ended', cause: 'exited', exitCode: 3, left: 0 });
    expect(service.session(id)).toMatchObject({ state: 'error', outcome: { code: 'agent_exit', exitCode: 3 } });
    const cursor = service.store.head().cursor;

    expect(await service.call(SessionRpc.deleteSession, { id, meta: meta() })).toMatchObject({ status: 204, body: null });

    expect((await service.events(cursor)).map(({ type }) => type)).toEqual(['task:session_removed', 'task:updated', 'session:deleted']);
    expect(await service.call(SessionRpc.getTask, { id: task.id })).toMatchObject({ sessionIds: [], taskSessionStatuses: {} });
    for (const gone of [SessionRpc.getSession, SessionRpc.getManifest, SessionRpc.listTransitions, SessionRpc.sessionEventPage]) {
      await expect(service.call(gone as typeof SessionRpc.getSession, { id })).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    }
    await service.store.flush();
    expect(Object.keys((await traceOf(service) as { files: object }).files).filter((name) => name.includes(id))).toEqual([]);
  });

  it('lists by what is asked for, page by page', async () => {
    await join();
    const task = await service.task(projectId);
    const first = await running({ taskIds: [task.id] });
    const second = await running({ parentSessionId: first });
    const list = async (query: object) => (await service.call(SessionRpc.listSessions, query)).items.map(({ id }) => id);

    expect(await list({ projectId, state: 'running' })).toEqual([first, second]);
    expect(await list({ status: 'failed' })).toEqual([]);
    expect(await list({ taskId: task.id })).toEqual([first]);
    expect(await list({ parentSessionId: first })).toEqual([second]);
    expect(await service.call(SessionRpc.listSessions, { limit: 1 })).toMatchObject({ items: [{ id: first }], nextCursor: first });
    expect(await list({ limit: 1, cursor: first })).toEqual([second]);
    await expect(list({ projectId: 'proj_none' })).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
  });
});
