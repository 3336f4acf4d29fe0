import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc, type CommandMeta } from '@orbitmesh/contracts';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

const keyed = (key: string, bodyHash = 'h1'): Partial<CommandMeta> => ({ idempotency: { scope: 'tok POST /api/x', key, bodyHash } });

describe('commands', () => {
  let service: TestService;

  beforeEach(async () => { service = await TestService.start(); });
  afterEach(() => service.remove());

  it('makes one session and gives one answer to 100 spawns with one key, also after a restart', async () => {
    const runner = await new ScriptedRunner(service.bus, service.clock).join();
    const project = await service.project();
    const request = { body: { projectId: project.id, initialDirective: 'go' }, meta: meta(keyed('k')) };

    const answers = await Promise.all(Array.from({ length: 100 }, () => service.call(SessionRpc.spawn, request)));

    const [first] = answers.filter(({ replayed }) => !replayed);
    expect(answers.filter(({ replayed }) => replayed)).toHaveLength(99);
    for (const { status, body, cursor } of answers) expect({ status, body, cursor }).toEqual({ status: first.status, body: first.body, cursor: first.cursor });
    runner.leave();
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    expect(await service.call(SessionRpc.spawn, request)).toEqual({ ...first, replayed: true });
    const { items } = await service.call(SessionRpc.listSessions, {});
    expect(items.map(({ id }) => id)).toEqual([first.body.id]);
  });

  it('refuses a key that comes again with another body, in flight and afterwards', async () => {
    const first = service.call(SessionRpc.createProject, { body: { name: 'A', workingDir: '/a' }, meta: meta(keyed('k', 'h1')) });
    const other = { body: { name: 'B', workingDir: '/a' }, meta: meta(keyed('k', 'h2')) };

    await expect(service.call(SessionRpc.createProject, other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    await first;
    await expect(service.call(SessionRpc.createProject, other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  it('keeps only what was committed: a request that failed may come again with its key', async () => {
    const request = (name: string) => ({ body: { projectId: name, title: 'T' }, meta: meta(keyed('k')) });
    await expect(service.call(SessionRpc.createTask, request('proj_missing'))).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
    const project = await service.project();

    expect((await service.call(SessionRpc.createTask, request(project.id))).replayed).toBeUndefined();
  });

  it('keeps the answer of a command that changes nothing, too', async () => {
    const project = await service.project();
    const request = { id: project.id, body: {}, meta: meta(keyed('k')) };
    const before = service.store.head().seq;

    const first = await service.call(SessionRpc.updateProject, request);

    expect(await service.call(SessionRpc.updateProject, request)).toEqual({ ...first, replayed: true });
    expect(service.store.head().seq).toBe(before);
  });

  it('answers a repeated timeline entry with the very event of the first', async () => {
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    const request = { id, kind: 'progress' as const, message: 'half', meta: meta({ ...keyed('k'), ...agent(id) }) };

    const first = await service.call(SessionRpc.postTimeline, request);

    expect(first.body).toMatchObject({ type: 'timeline', sessionId: id, sessionSeq: expect.any(Number), data: { kind: 'progress', message: 'half', by: 'agent' } });
    expect(await service.call(SessionRpc.postTimeline, request)).toEqual({ ...first, replayed: true });
    const { items } = await service.call(SessionRpc.listTimeline, { id });
    expect(items).toEqual([first.body]);
  });

  it('lets one of two updates with the same If-Match through', async () => {
    const project = await service.project();
    const update = (name: string) => service.call(SessionRpc.updateProject, { id: project.id, body: { name }, meta: meta({ ifMatch: 1 }) });

    const results = await Promise.allSettled([update('A'), update('B')]);

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'REVISION_MISMATCH', details: { revision: 2 } });
    expect(await service.call(SessionRpc.getProject, { id: project.id })).toMatchObject({ name: 'A', revision: 2 });
  });

  it('makes ten events of ten updates in a row, each with its own document', async () => {
    const project = await service.project();
    const task = await service.task(project.id);
    const cursor = service.store.head().cursor;

    await Promise.all(Array.from({ length: 10 }, (_, n) => service.call(SessionRpc.updateTask, { id: task.id, body: { title: `T${n}` }, meta: meta() })));

    const events = await service.events(cursor);
    expect(events.map(({ type, data }) => [type, (data as { title: string }).title])).toEqual(Array.from({ length: 10 }, (_, n) => ['task:updated', `T${n}`]));
  });

  it('gives the cursor after its own commit, whatever else is committed with it', async () => {
    const replies = await Promise.all(['A', 'B', 'C'].map((name) => service.call(SessionRpc.createProject, { body: { name, workingDir: '/w' }, meta: meta() })));

    const events = await service.events();
    for (const { body, cursor } of replies) expect(events.find((event) => event.cursor === cursor)?.data).toEqual(body);
  });

  it('does nothing more for an agent whose session has ended', async () => {
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });

    await expect(service.call(SessionRpc.createTask, { body: { projectId: project.id, title: 'T' }, meta: meta(agent(id)) }))
      .rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
