import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
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
});
