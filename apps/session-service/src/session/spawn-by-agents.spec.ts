import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '@orbitmesh/domain';
import { SessionRpc, type SpawnSessionBody } from '@orbitmesh/contracts';
import { AGENT_CHILDREN_MAX, AGENT_GENERATIONS_MAX } from '../limits.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

describe('sessions that agents start', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const byAgent = (parent: string, body: Partial<SpawnSessionBody> = {}) => service.spawn({ projectId, ...body }, agent(parent));
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };
  const agentOf = async (capabilities: string[]) => {
    const { body } = await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada', projectId, capabilities }, meta: meta() });
    return (await service.spawn({ projectId, teamMemberId: body.id })).id;
  };
  const stop = (id: string) => service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });

  it('are started by members that may, and by those of whom nothing is said', async () => {
    expect((await byAgent(await agentOf(['review', 'spawn']))).state).toBe('created');
    expect((await byAgent(await agentOf([]))).state).toBe('created');
    expect((await byAgent((await service.spawn({ projectId })).id)).state).toBe('created');
    const limited = await agentOf(['review']);
    await refused(() => byAgent(limited), 'FORBIDDEN');
    expect((await service.spawn({ projectId, parentSessionId: limited })).parentSessionId).toBe(limited);
  });

  it('get no secrets, no servers and no variables from them', async () => {
    const { id } = await service.spawn({ projectId });
    await refused(() => byAgent(id, { secrets: { A: 'env:ADMIN_KEY' } }), 'FORBIDDEN');
    await refused(() => byAgent(id, { mcpServers: [{ name: 'm', command: '/m', args: [], env: {} }] }), 'FORBIDDEN');
    await refused(() => byAgent(id, { environment: { NODE_OPTIONS: '--import=data:text/javascript,x' } }), 'FORBIDDEN');
    expect((await byAgent(id, { secrets: {}, mcpServers: [], environment: {} })).parentSessionId).toBe(id);
  });

  it('are so many at work and no more, also when they are asked for at once', async () => {
    const { id } = await service.spawn({ projectId });
    const results = await Promise.allSettled(Array.from({ length: AGENT_CHILDREN_MAX + 10 }, () => byAgent(id)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(AGENT_CHILDREN_MAX);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LIMIT_REACHED', details: { sessionId: id, max: AGENT_CHILDREN_MAX } });
    await refused(() => byAgent(id), 'LIMIT_REACHED');
    const { items } = await service.call(SessionRpc.listSessions, { parentSessionId: id });
    await stop(items[3].id);
    await byAgent(id);
    await refused(() => byAgent(id), 'LIMIT_REACHED');
    expect((await service.spawn({ projectId, parentSessionId: id })).parentSessionId).toBe(id);
  });

  it('are of the same provider and model, unless they or their members say otherwise', async () => {
    await writeFile(join(service.home, 'providers.json'), JSON.stringify({ other: { driver: 'acp', command: ['/bin/other'] } }));
    const { id } = await service.spawn({ projectId, providerType: 'other', model: 'large' });
    const { body: member } = await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada', projectId, provider: 'demo' }, meta: meta() });
    const madeOf = async (body: Partial<SpawnSessionBody>) => {
      const { providerType, model } = await byAgent(id, body);
      return [providerType, model];
    };
    expect(await madeOf({})).toEqual(['other', 'large']);
    expect(await madeOf({ model: 'small' })).toEqual(['other', 'small']);
    expect(await madeOf({ providerType: 'demo' })).toEqual(['demo', null]);
    expect(await madeOf({ teamMemberId: member.id })).toEqual(['demo', null]);
    expect((await service.spawn({ projectId, parentSessionId: id })).providerType).toBe('demo');
  });

  it('start others only so deep', async () => {
    const { id: root } = await service.spawn({ projectId });
    let last = root;
    for (let generation = 1; generation <= AGENT_GENERATIONS_MAX; generation += 1) last = (await byAgent(last)).id;
    expect(service.session(last).rootSessionId).toBe(root);
    await refused(() => byAgent(last), 'LIMIT_REACHED');
    expect((await service.spawn({ projectId, parentSessionId: last })).rootSessionId).toBe(root);
  });
});
