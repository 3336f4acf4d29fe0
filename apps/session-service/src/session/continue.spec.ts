import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode, Mail } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type ContinueSessionBody, type SendMailBody } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { DEMO, ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

const CONTINUES = [{ ...DEMO, capabilities: { ...DEMO.capabilities, continue: true } }];

describe('continuing a session', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start({ roots: ['/srv'] });
    runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { providers: CONTINUES, starts: false }).join();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const goOn = (id: string, body: Partial<ContinueSessionBody> = {}, more: Partial<CommandMeta> = {}) =>
    service.call(SessionRpc.continueSession, { id, body: { initialDirective: 'go on', ...body }, meta: meta(more) });
  const send = async (toSessionId: string, body: Partial<SendMailBody> = {}) => (await service.call(SessionRpc.sendMail, { body: { toSessionId, body: 'words', ...body }, meta: meta() })).body as Mail;
  const started = async (id: string, agentSessionId: string | null = 'conv-1') => {
    await eventually(() => service.session(id).run?.claimedAt);
    await runner.saw(id, { type: 'run_started', pid: 1, ...(agentSessionId !== null && { agentSessionId }) }, { type: 'turn_started' });
    return id;
  };
  const ended = async (id: string) => {
    await runner.saw(id, { type: 'run_ended', cause: 'crashed', left: 0 });
    return id;
  };
  const lived = async (body: object = {}, agentSessionId: string | null = 'conv-1') => ended(await started((await service.spawn({ projectId, ...body })).id, agentSessionId));
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    await service.settle();
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };
  const inbox = async (id: string) => (await service.call(SessionRpc.listInbox, { sessionId: id })).items.map((mail) => mail.id);

  it('makes none out of what another session was made of', async () => {
    const [old, other] = [await lived(), await lived()];
    await service.store.commit({ puts: [{ collection: 'manifest-inputs', id: old, doc: service.store.durable.get<object>('manifest-inputs', other)! }] });

    await refused(() => goOn(old), 'NOT_FOUND');
  });

  it('makes a new one as the old one was, in the conversation that its agent had', async () => {
    const tasks = [await service.task(projectId, 'a'), await service.task(projectId, 'b')].map(({ id }) => id);
    const ada = (await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada', projectId, permissionMode: 'deny', memory: ['tea'] }, meta: meta() })).body;
    const parent = await service.spawn({ projectId });
    const old = await lived({
      taskIds: tasks, teamMemberId: ada.id, parentSessionId: parent.id, workingDir: '/srv/x', name: 'Build', mode: 'interactive', model: 'm1', systemPrompt: 'Be brief',
      environment: { A: '1' }, secrets: { TOKEN: 'env:X' }, mcpServers: [{ name: 'm', command: '/bin/m', args: [], env: {} }], custom: { z: 1 },
    });
    await service.call(SessionRpc.archiveTeamMember, { id: ada.id, archived: true, meta: meta() });
    await service.call(SessionRpc.deleteTask, { id: tasks[1], meta: meta() });
    const before = service.session(old);
    const cursor = service.store.head().cursor;

    const { status, body } = await goOn(old, {}, { ifMatch: before.revision });

    expect(status).toBe(201);
    expect(body).toMatchObject({
      projectId, continues: old, taskIds: [tasks[0]], teamMemberId: ada.id, teamMember: { name: 'Ada', memory: ['tea'], status: 'active' }, parentSessionId: parent.id, rootSessionId: parent.id,
      providerType: 'demo', workingDir: '/srv/x', name: 'Build', mode: 'interactive', model: 'm1', permissionMode: 'deny', agentSessionId: 'conv-1', state: 'created', outcome: null,
    });
    expect(service.session(old)).toBe(before);
    const events = await service.events(cursor);
    const commit = events.slice(0, events.findIndex(({ commitEnd }) => commitEnd) + 1);
    expect(commit.map(({ type }) => type)).toEqual(['session:created', 'session:spawn', 'task:session_added', 'task:updated']);
    expect(commit[1].data).toMatchObject({ sessionId: body.id, continues: old });
    const input = await service.call(SessionRpc.getManifestInput, { id: body.id });
    expect(input).toMatchObject({ continues: { sessionId: old, name: 'Build' }, initialDirective: 'go on', systemPrompt: 'Be brief', environment: { A: '1' }, secrets: { TOKEN: 'env:X' }, mcpServers: [{ name: 'm' }], custom: { z: 1 } });
    const start = await eventually(() => runner.heard('start').find(({ sessionId }) => sessionId === body.id));
    expect(start).toMatchObject({ continueAgentSessionId: 'conv-1', manifest: { prompt: expect.stringContaining(`You go on with the work of your session "Build" (\`${old}\`)`) } });
    expect(runner.heard('start')[0]).not.toHaveProperty('continueAgentSessionId');
  });

  it('may say anew how it works, but not where and on what', async () => {
    const old = await lived({ name: 'Build', model: 'm1', environment: { A: '1' } });
    const { body } = await goOn(old, { name: 'Again', mode: 'interactive', model: 'm2', permissionMode: 'allow', systemPrompt: 'Be long', environment: {}, secrets: { B: 'env:B' }, custom: { y: 2 } });
    expect(body).toMatchObject({ name: 'Again', mode: 'interactive', model: 'm2', permissionMode: 'allow', projectId, workingDir: '/work/repo' });
    expect(await service.call(SessionRpc.getManifestInput, { id: body.id })).toMatchObject({ systemPrompt: 'Be long', environment: {}, secrets: { B: 'env:B' }, custom: { y: 2 } });
  });

  it('is refused where there is nothing to go on with, or no way to, without a trace', async () => {
    const old = await lived();
    const silent = await lived({}, null);
    const live = await started((await service.spawn({ projectId })).id, 'conv-2');
    await refused(() => goOn('sess_none'), 'SESSION_NOT_FOUND');
    await refused(() => goOn('../x'), 'SESSION_NOT_FOUND');
    await refused(() => goOn(old, {}, { ifMatch: 1 }), 'REVISION_MISMATCH');
    await refused(() => goOn(live), 'SESSION_NOT_TERMINAL');
    await refused(() => goOn(silent), 'NOT_SUPPORTED');
    await refused(() => goOn(old, {}, agent(live)), 'FORBIDDEN');
    await refused(() => goOn(old, { environment: { API_KEY: 'x' } }), 'SECRET_BY_VALUE');
    await refused(() => goOn(old, { secrets: { A: 'the secret itself' } }), 'SECRET_BY_VALUE');
    await refused(() => goOn(old, { systemPrompt: 'x'.repeat(600_000) }), 'MANIFEST_TOO_LARGE');
    runner.script.directories = () => false;
    await refused(() => goOn(old), 'WORKING_DIR_INVALID');
    runner.script.directories = () => true;
    runner.script.providers = [DEMO];
    await runner.beat();
    await expect(goOn(old)).rejects.toMatchObject({ code: 'NOT_SUPPORTED', details: { capability: 'continue', providerType: 'demo' } });
  });

  it('is refused where its provider is no longer configured', async () => {
    const file = join(service.home, 'providers.json');
    await writeFile(file, JSON.stringify({ acme: { driver: 'acp', command: ['/bin/acme'] } }));
    runner.script.providers = [...CONTINUES, { ...CONTINUES[0], name: 'acme' }];
    await runner.beat();
    const old = await lived({ providerType: 'acme' });
    await writeFile(file, '{}');
    await refused(() => goOn(old), 'PROVIDER_NOT_FOUND');
  });

  it('is for one at a time, whichever part of the conversation it goes on with', async () => {
    const first = await lived();
    const results = await Promise.allSettled([goOn(first), goOn(first)]);
    // Which of the two is first nobody says.
    expect(results.map((result) => (result.status === 'fulfilled' ? 201 : (result.reason as { code: string }).code)).sort()).toEqual([201, 'CONFLICT']);
    const second = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))[0].body.id;
    await ended(await started(second));
    const third = (await goOn(second)).body.id;
    await started(third);
    for (const id of [first, second]) await expect(goOn(id)).rejects.toMatchObject({ code: 'CONFLICT', details: { sessionId: id, continuedBy: third } });
    await ended(third);
    const fourth = (await goOn(first)).body.id;
    for (const id of [first, second, third]) await expect(goOn(id)).rejects.toMatchObject({ code: 'CONFLICT', details: { continuedBy: fourth } });
    await ended(await started(fourth, 'conv-2'));
    const other = (await goOn(fourth)).body.id;
    // That one left the conversation for one of its own; those who never did are free.
    await expect(goOn(fourth)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await goOn(third)).status).toBe(201);
    expect(other).not.toBe(fourth);
  });

  it('goes on with one that was cancelled before it began', async () => {
    const first = await lived();
    runner.script.claims = false;
    const second = (await goOn(first)).body.id;
    await service.call(SessionRpc.actOnSession, { id: second, action: 'kill', meta: meta() });
    expect((await goOn(second)).body).toMatchObject({ continues: second, agentSessionId: 'conv-1' });
  });

  it('takes over the mail that the old one never got, in the commit that makes it', async () => {
    const id = await started((await service.spawn({ projectId, mode: 'interactive' })).id);
    const [read, given, queued] = [await send(id), await send(id), await send(id, { body: 'Use B.' })];
    await service.call(SessionRpc.readMail, { id: read.id, meta: meta() });
    await service.call(SessionRpc.waitForMail, { sessionId: id, timeoutMs: 0, after: read.id });
    const later = await send(id);
    await ended(id);
    const kept = await send(id, { keepForContinuation: true });
    const cursor = service.store.head().cursor;

    const next = (await goOn(id)).body.id;

    const events = await service.events(cursor);
    const commit = events.slice(0, events.findIndex(({ commitEnd }) => commitEnd) + 1);
    expect(commit.filter(({ type }) => type === 'mail:received').map(({ sessionId, data }) => [sessionId, (data as Mail).id, (data as Mail).toSessionId])).toEqual([[next, later.id, next], [next, kept.id, next]]);
    expect(await inbox(id)).toEqual([read.id, given.id, queued.id]);
    expect(await inbox(next)).toEqual([later.id, kept.id]);
    await started(next);
    await runner.saw(next, { type: 'turn_ended', stopReason: 'end_turn' });
    await eventually(async () => (await service.call(SessionRpc.getMail, { id: kept.id })).state === 'delivered');
    expect(runner.heard('input').at(-1)).toMatchObject({ sessionId: next, text: expect.stringContaining('You have 2 mails.') });
  });

  it('is who mail to the old one goes to, when that is asked for', async () => {
    const old = await lived();
    const next = (await goOn(old)).body.id;
    await expect(send(old)).rejects.toMatchObject({ code: 'SESSION_ENDED', message: expect.stringContaining(`It is continued by ${next}: write to that.`), details: { sessionId: old, continuedBy: next } });
    expect(await send(old, { keepForContinuation: true })).toMatchObject({ toSessionId: next, state: 'queued' });
    await ended(await started(next));
    await expect(send(old)).rejects.toMatchObject({ code: 'SESSION_ENDED', message: expect.stringContaining('Set keepForContinuation'), details: { continuedBy: next } });
  });

  it('loses no mail that was kept for it, whichever part of the conversation it goes on with', async () => {
    const first = await lived();
    const second = (await goOn(first)).body.id;
    await ended(await started(second));
    const { id, toSessionId } = await send(first, { keepForContinuation: true });
    expect(toSessionId).toBe(second);
    const third = (await goOn(first)).body.id;
    expect(await inbox(third)).toEqual([id]);
    expect(await inbox(second)).toEqual([]);
  });
});
