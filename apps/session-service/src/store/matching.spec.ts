import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { meta, TestService } from '../testing/test-service.js';

describe('a list of what ended long ago', () => {
  let service: TestService;
  let projectId: string;
  let [stopped, lives, taskId] = ['', '', ''];

  beforeEach(async () => {
    service = await TestService.start();
    await new ScriptedRunner(service.bus, service.clock).join();
    projectId = (await service.project()).id;
    taskId = (await service.task(projectId)).id;
    [stopped, lives] = [(await service.spawn({ projectId, taskIds: [taskId] })).id, (await service.spawn({ projectId })).id];
    await eventually(() => [stopped, lives].every((id) => service.session(id).state === 'running'));
    await service.call(SessionRpc.actOnSession, { id: stopped, action: 'stop', meta: meta() });
    await eventually(() => service.session(stopped).endedAt !== null);
    await service.stop();
    service = await TestService.start({ home: service.home, clock: service.clock });
  });
  afterEach(() => service.remove());

  /** The ids in the page, and whether the session that ended was read for it. */
  async function listed(filter: object): Promise<[ids: string[], read: boolean]> {
    const spy = jest.spyOn(JSON, 'parse');
    try {
      const { items } = await service.call(SessionRpc.listSessions, filter);
      return [items.map(({ id }) => id), spy.mock.calls.some(([text]) => String(text).includes(`"id":"${stopped}"`))];
    } finally {
      spy.mockRestore();
    }
  }

  it('reads no session that is not in its page, whatever it is filtered by', async () => {
    expect(await listed({ state: 'running' })).toEqual([[lives], false]);
    expect(await listed({ status: 'working' })).toEqual([[lives], false]);
    expect(await listed({ status: 'completed' })).toEqual([[], false]);
    expect(await listed({ projectId, state: 'paused' })).toEqual([[], false]);
    expect(await listed({ parentSessionId: lives })).toEqual([[], false]);
    expect(await listed({ cursor: stopped })).toEqual([[lives], false]);
    expect(await listed({ taskId })).toEqual([[stopped], true]);
  });

  it('has those that a filter asks for, before and after they change', async () => {
    expect((await listed({ status: 'failed' }))[0]).toEqual([stopped]);
    expect((await listed({ state: 'stopped', projectId }))[0]).toEqual([stopped]);
    await service.call(SessionRpc.deleteSession, { id: stopped, meta: meta() });
    expect((await listed({ status: 'failed' }))[0]).toEqual([]);
  });
});
