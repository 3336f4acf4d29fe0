import { describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { TestService } from './test-service.js';

describe('the service under test', () => {
  it('does not end well when it committed an event that the catalogue does not know', async () => {
    const service = await TestService.start();
    const project = await service.project();
    await service.store.commit({ events: [{ type: 'gossip', timestamp: project.createdAt, projectId: project.id, data: {} }] });

    await expect(service.remove()).rejects.toThrow(/gossip .*no event of type gossip/);
  });

  it('nor when something crossed the bus that its contract does not say', async () => {
    const service = await TestService.start();
    await service.call(SessionRpc.listProjects, { limit: 1, colour: 'red' } as never);

    await expect(service.remove()).rejects.toThrow(/SessionRpc\.listProjects\.request: .*colour/);
  });

  it('ends well otherwise', async () => {
    const service = await TestService.start();
    await service.task((await service.project()).id);

    await expect(service.remove()).resolves.toBeUndefined();
  });
});
