import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ENTITY_USER_BYTES_MAX, TASK_SESSIONS_MAX, type Task } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { SPAWN_TASKS_MAX } from '../limits.js';
import { agent, meta, TestService } from '../testing/test-service.js';

describe('the life of a session', () => {
  let service: TestService;
  let runner: ScriptedRunner;

  beforeEach(async () => {
    service = await TestService.start();
    runner = await new ScriptedRunner(service.bus, service.clock).join();
  });
  afterEach(() => service.remove());

  it('goes from spawn to completed, by one report of its agent', async () => {
    const project = await service.project();
    const task = await service.task(project.id);
    const session = await service.spawn({ projectId: project.id, taskIds: [task.id] });
    expect(session).toMatchObject({ state: 'created', status: 'spawning', taskIds: [task.id], name: 'Do it' });

    await eventually(() => service.session(session.id).state === 'running');
    await service.call(SessionRpc.postTimeline, { id: session.id, kind: 'completed', message: 'done', meta: meta(agent(session.id)) });
    await runner.saw(session.id, { type: 'turn_ended', stopReason: 'end_turn' });

    await eventually(() => service.session(session.id).state === 'stopped');
    const view = await service.call(SessionRpc.getSession, { id: session.id });
    expect(view).toMatchObject({ status: 'completed', outcome: { code: 'completed', reported: true, message: 'done' } });
    const { items } = await service.call(SessionRpc.listTransitions, { id: session.id });
    expect(items.map(({ to }) => to)).toEqual(['starting', 'running', 'stopping', 'stopped']);
    const { taskSessionStatuses } = await service.call(SessionRpc.getTask, { id: task.id });
    expect(taskSessionStatuses).toEqual({ [session.id]: 'completed' });
  });

  it.each([['an input', false], ['mail that it waits for', true]])('is not called stalled when its user took long to answer, by %s: only from then on it is silent by itself', async (_by, byMail) => {
    const { id } = await service.spawn({ projectId: (await service.project()).id });
    await eventually(() => service.session(id).turn.active);
    const later = async (minutes: number): Promise<void> => {
      for (let n = 0; n < minutes * 6; n += 1) {
        service.clock.advance(10_000);
        await service.settle();
      }
    };
    await service.call(SessionRpc.postTimeline, { id, kind: 'needs_input', message: 'Which one?', meta: meta(agent(id)) });
    await later(11);

    const waits = byMail ? service.call(SessionRpc.waitForMail, { sessionId: id, timeoutMs: 1_000, reader: { kind: 'agent', sessionId: id } }) : undefined;
    if (byMail) await service.call(SessionRpc.sendMail, { body: { toSessionId: id, body: 'The first.' }, meta: meta() });
    else await service.call(SessionRpc.inputToSession, { id, text: 'The first.', meta: meta() });
    await waits;
    runner.script.obeys = false;
    await service.settle();
    expect(service.session(id)).toMatchObject({ state: 'running', desired: { state: 'running' }, needsInput: null });

    await later(9);
    expect(service.session(id).state).toBe('running');
    await later(1);
    expect(service.session(id).desired).toMatchObject({ state: 'stopped', outcome: 'stalled' });
  });

  it('ends also where its tasks are as many, as large and as busy as they may be', async () => {
    const project = await service.project();
    const others = Array.from({ length: TASK_SESSIONS_MAX - 1 }, (_, n) => `sess_${String(n).padStart(26, '0')}`);
    const small = await Promise.all(Array.from({ length: SPAWN_TASKS_MAX }, () => service.task(project.id)));
    const { id } = await service.spawn({ projectId: project.id, taskIds: small.map((task) => task.id) });
    await eventually(() => service.session(id).state === 'running');
    const tasks = small.map((task): Task => ({
      ...task, description: 'x'.repeat(ENTITY_USER_BYTES_MAX - 1_000), sessionIds: [...others, id],
      taskSessionStatuses: Object.fromEntries([...others, id].map((sessionId) => [sessionId, 'working'])),
    }));
    for (let n = 0; n < tasks.length; n += 5) await service.store.commit({ puts: tasks.slice(n, n + 5).map((doc) => ({ collection: 'tasks', id: doc.id, doc })) });

    await runner.saw(id, { type: 'run_ended', cause: 'crashed', signal: 'SIGKILL', left: 0 });

    expect(service.session(id)).toMatchObject({ state: 'error', outcome: { code: 'agent_crash' } });
    expect((await service.call(SessionRpc.getTask, { id: tasks[0].id })).taskSessionStatuses[id]).toBe('failed');
  });
});
