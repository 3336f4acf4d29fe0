import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@orbitmesh/domain';
import { PAGE_BYTES_MAX, SessionRpc, Topics } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { ScriptedRunner } from './testing/scripted-runner.js';
import { agent, meta, TestService } from './testing/test-service.js';

describe('session-service over NATS', () => {
  let nats: TestNats;
  let buses: Bus[];
  let service: TestService;
  let client: Bus;
  let runner: ScriptedRunner;

  const connect = async (name: string): Promise<Bus> => {
    const bus = await Bus.connect({ url: nats.url, installationId: 'in_test', name });
    buses.push(bus);
    return bus;
  };

  beforeEach(async () => {
    nats = await startNats();
    buses = [];
    service = await TestService.start({ bus: await connect('session-service') });
    client = await connect('client');
    await eventually(() => client.request(SessionRpc.head, {}).catch(() => null));
    runner = await new ScriptedRunner(await connect('runner'), service.clock).join();
  });
  afterEach(async () => {
    runner.leave();
    await service.remove();
    await Promise.all(buses.map((bus) => bus.drain()));
    await nats.stop();
  });

  const project = async (): Promise<string> => (await client.request(SessionRpc.createProject, { body: { name: 'P', workingDir: '/w' }, meta: meta() })).body.id;
  const state = (id: string): string => service.session(id).state;

  it('carries a session from spawn to completed, and every event to who listens, once and in order', async () => {
    const heard: EventEnvelope[] = [];
    client.subscribe(Topics.committed, ({ events }) => heard.push(...events));
    await client.flush();
    const projectId = await project();
    const { body: { id } } = await client.request(SessionRpc.spawn, { body: { projectId, initialDirective: 'go' }, meta: meta() });
    await eventually(() => state(id) === 'running');
    const { actor } = await client.request(SessionRpc.verifyAgentToken, { token: runner.run(id).start.token });
    await client.request(SessionRpc.postTimeline, { id, kind: 'completed', message: 'done', meta: meta({ actor }) });
    await runner.saw(id, { type: 'turn_ended', stopReason: 'end_turn' });
    await eventually(() => state(id) === 'stopped');

    const { items } = await client.request(SessionRpc.eventPage, { limit: 200 });
    await eventually(() => heard.length === items.length);
    expect(heard).toEqual(items);
    expect(heard.at(-1)).toMatchObject({ commitEnd: true, type: 'session:updated', data: { status: 'completed' } });
  });

  it('loses no session and no command when NATS dies for longer than a lease', async () => {
    const projectId = await project();
    const { body: { id } } = await client.request(SessionRpc.spawn, { body: { projectId, initialDirective: 'go' }, meta: meta() });
    await eventually(() => state(id) === 'running');

    await nats.kill();
    await eventually(() => !service.bus.connected && !client.connected);
    await expect(client.request(SessionRpc.getSession, { id })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    service.clock.advance(40_000);
    await service.settle();
    expect(state(id)).toBe('running');
    await nats.restart();
    await eventually(() => service.bus.connected && client.connected);
    service.clock.advance(5_000);
    await eventually(async () => (await client.request(SessionRpc.getSession, { id }).catch(() => null))?.state === 'running');
    await client.request(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    await eventually(() => { service.clock.advance(500); return state(id) === 'stopped'; });
  });

  it('carries the largest legal thing of each kind', async () => {
    const projectId = await project();
    const { body: task } = await client.request(SessionRpc.createTask, { body: { projectId, title: 'T', description: 'd'.repeat(100_000), acceptanceCriteria: Array.from({ length: 40 }, () => 'c'.repeat(2_000)) }, meta: meta() });
    const more = await Promise.all([0, 1].map(async () => (await client.request(SessionRpc.createTask, { body: { projectId, title: 'T', description: 'd'.repeat(50_000) }, meta: meta() })).body.id));
    const { body: { id } } = await client.request(SessionRpc.spawn, { body: { projectId, taskIds: [task.id], systemPrompt: 's'.repeat(100_000) }, meta: meta() });
    const manifest = await client.request(SessionRpc.getManifest, { id });
    expect(JSON.stringify(manifest).length).toBeGreaterThan(PAGE_BYTES_MAX * 0.8);
    await client.request(SessionRpc.getManifestInput, { id });
    await eventually(() => state(id) === 'running');
    expect(runner.run(id).start.manifest).toEqual(manifest);

    for (let n = 0; n < 4; n += 1) await runner.saw(id, { type: 'output', content: 'x'.repeat(250_000), stream: 'agent' });
    await client.request(SessionRpc.inputToSession, { id, text: 'i'.repeat(100_000), meta: meta() });
    const seen: EventEnvelope[] = [];
    for (let after: string | undefined; ;) {
      const page = await client.request(SessionRpc.eventPage, { ...(after !== undefined && { after }), limit: 200 });
      if (page.items.length === 0) break;
      seen.push(...page.items);
      after = page.nextCursor;
    }
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, n) => n + 1));
    const { items, nextCursor } = await client.request(SessionRpc.listTasks, { projectId, limit: 200 });
    expect(items.length + (nextCursor ? 1 : 0)).toBeGreaterThanOrEqual(2);
    expect(more).toHaveLength(2);
  });

  it('answers 100 spawns with one key over the wire with one session', async () => {
    const projectId = await project();
    const request = { body: { projectId, initialDirective: 'go' }, meta: meta({ idempotency: { scope: 's', key: 'k', bodyHash: 'h' } }) };
    const replies = await Promise.all(Array.from({ length: 100 }, () => client.request(SessionRpc.spawn, request)));
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect(replies.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('keeps agents apart', async () => {
    const projectId = await project();
    const ids = await Promise.all([0, 1].map(async () => (await client.request(SessionRpc.spawn, { body: { projectId, initialDirective: 'go' }, meta: meta() })).body.id));
    await expect(client.request(SessionRpc.actOnSession, { id: ids[1], action: 'kill', meta: meta(agent(ids[0])) })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
