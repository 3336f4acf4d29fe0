import { createHash } from 'node:crypto';
import { readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type SpawnSessionBody } from '@orbitmesh/contracts';
import { DEMO, ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

describe('spawn', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start({ roots: ['/srv/shared'] });
    projectId = (await service.project('/work/repo')).id;
  });
  afterEach(() => service.remove());

  const refused = async (body: Partial<SpawnSessionBody>, code: ErrorCode, more: Partial<CommandMeta> = {}): Promise<void> => {
    const before = await traceOf(service);
    await expect(service.spawn({ projectId, ...body }, more)).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };

  it('leaves no trace when what it names is not there', async () => {
    const other = await service.project('/work/other');
    const foreign = await service.task(other.id);
    const stranger = await service.spawn({ projectId: other.id });

    await refused({ projectId: 'proj_missing' }, 'PROJECT_NOT_FOUND');
    await refused({ projectId: '../escape' }, 'PROJECT_NOT_FOUND');
    await refused({ taskIds: ['task_missing'] }, 'TASK_NOT_FOUND');
    await refused({ taskIds: [foreign.id] }, 'TASK_NOT_FOUND');
    await refused({ teamMemberId: 'tm_missing' }, 'TEAM_MEMBER_NOT_FOUND');
    await refused({ parentSessionId: 'sess_missing' }, 'SESSION_NOT_FOUND');
    await refused({ parentSessionId: stranger.id }, 'SESSION_NOT_FOUND');
    await refused({ providerType: 'nobody' }, 'PROVIDER_NOT_FOUND');
  });

  it('leaves no trace when it is not well-formed', async () => {
    const task = await service.task(projectId);

    await refused({ taskIds: [], initialDirective: ' ' }, 'VALIDATION_FAILED');
    await refused({ taskIds: [task.id, task.id] }, 'VALIDATION_FAILED');
    await refused({ taskIds: Array.from({ length: 21 }, () => task.id) }, 'VALIDATION_FAILED');
    await refused({ environment: { GITHUB_TOKEN: 'x' } }, 'SECRET_BY_VALUE');
    await refused({ mcpServers: [{ name: 'm', command: '/m', args: [], env: { API_KEY: 'x' } }] }, 'SECRET_BY_VALUE');
    await refused({ secrets: { A: 'the secret itself' } }, 'SECRET_BY_VALUE');
    await refused({ environment: { ORBITMESH_TOKEN_FILE: 'x' } }, 'VALIDATION_FAILED');
    await refused({ systemPrompt: 'x'.repeat(600_000) }, 'MANIFEST_TOO_LARGE');
  });

  it('takes no reference to a file of our own, by any way of writing it', async () => {
    const own = join(service.home, 'api-gateway/admin.token');
    for (const path of [own, service.home, `${service.home}/x/../api-gateway//admin.token`, `/tmp/..${own}`]) {
      await refused({ secrets: { FINE: 'env:X', OWN: `file:${path}` } }, 'VALIDATION_FAILED');
    }
    await expect(service.spawn({ projectId, secrets: { OWN: `file:${own}` } })).rejects.toMatchObject({ details: { errors: [{ pointer: '/secrets/OWN' }] } });
    expect((await service.spawn({ projectId, secrets: { A: `file:${service.home}-beside/key`, B: 'env:X' } })).state).toBe('created');
  });

  it('takes every MCP server under a name of its own, and none under ours', async () => {
    const named = (...names: string[]) => ({ mcpServers: names.map((name) => ({ name, command: '/m', args: [], env: {} })) });
    await refused(named('a', 'b', 'a'), 'VALIDATION_FAILED');
    for (const taken of ['orbitmesh', 'orbitmesh__evil', 'OrbitMesh-x']) await refused(named('a', taken), 'VALIDATION_FAILED');
    await expect(service.spawn({ projectId, ...named('a', 'b', 'a') })).rejects.toMatchObject({ details: { errors: [{ pointer: '/mcpServers/2/name' }] } });
    expect((await service.spawn({ projectId, ...named('a', 'b') })).state).toBe('created');
  });

  it('takes a working directory only inside the project or a root, and never inside our home', async () => {
    await refused({ workingDir: 'relative' }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: '/work' }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: '/work/repository' }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: '/work/repo/../../etc' }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: '/work/repo/\0' }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: `/work/repo/${'x'.repeat(5_000)}` }, 'WORKING_DIR_INVALID');

    expect((await service.spawn({ projectId, workingDir: '/work/repo/./a//b/' })).workingDir).toBe('/work/repo/a/b');
    expect((await service.spawn({ projectId, workingDir: '/srv/shared/x' })).workingDir).toBe('/srv/shared/x');
  });

  it('keeps our home out, under any name, even when a root lies around it', async () => {
    for (const above of ['/', dirname(service.home)]) await expect(service.project(above)).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
    await refused({ workingDir: join(service.home, 'session-service') }, 'WORKING_DIR_INVALID');
    await expect(service.project(join(service.home, 'x'))).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });

    const { home, clock } = service;
    const link = `${home}-link`;
    await symlink(home, link);
    await service.stop();
    service = await TestService.start({ home: link, clock, roots: ['/'] });
    await refused({ workingDir: home }, 'WORKING_DIR_INVALID');
    for (const above of [dirname(home), '/']) await refused({ workingDir: above }, 'WORKING_DIR_INVALID');
    await refused({ workingDir: join(link, 'x') }, 'WORKING_DIR_INVALID');

    await service.stop();
    await unlink(link);
    service = await TestService.start({ home, clock });
  });

  it('believes a runner about the directory, and goes on when there is none', async () => {
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { directories: (path) => path !== '/work/repo/missing', claims: false }).join();
    await refused({ workingDir: '/work/repo/missing' }, 'WORKING_DIR_INVALID');

    runner.leave();
    service.bus.forget('slot-0');

    expect((await service.spawn({ projectId, workingDir: '/work/repo/missing' })).state).toBe('created');
  });

  it('checks again what may have changed while the runner looked', async () => {
    const task = await service.task(projectId);
    let looked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      void new ScriptedRunner(service.bus, service.clock, 'slot-0', {
        directories: () => { resolve(); return true; },
      }).join();
    });
    const gate = new Promise<void>((resolve) => { looked = resolve; });
    const request = service.bus.request.bind(service.bus);
    service.bus.request = async (rpc, req, options) => {
      const answer = await request(rpc, req, options);
      if (rpc.name === 'resolveDirectory') await gate;
      return answer;
    };

    const spawning = service.spawn({ projectId, taskIds: [task.id] });
    await asked;
    await service.call(SessionRpc.deleteTask, { id: task.id, meta: meta() });
    looked();

    await expect(spawning).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect((await service.call(SessionRpc.listSessions, {})).items).toEqual([]);
  });

  it('knows a provider as soon as it is configured, and keeps the last good file', async () => {
    const file = join(service.home, 'providers.json');
    await refused({ providerType: 'acme' }, 'PROVIDER_NOT_FOUND');

    await writeFile(file, JSON.stringify({ acme: { driver: 'acp', command: ['/bin/acme'] } }));
    expect((await service.spawn({ projectId, providerType: 'acme' })).providerType).toBe('acme');

    await writeFile(file, '{ "acme": ');
    expect((await service.spawn({ projectId, providerType: 'acme' })).providerType).toBe('acme');
    const { items } = await service.call(SessionRpc.listProviders, {});
    expect(items.map(({ name, installed, runnerIds }) => ({ name, installed, runnerIds }))).toEqual([
      { name: 'demo', installed: false, runnerIds: [] }, { name: 'acme', installed: false, runnerIds: [] },
    ]);
  });

  it('tells the version of a provider that any of its runners was told', async () => {
    for (const [slot, version] of [['slot-0', null], ['slot-1', '2.0.1'], ['slot-2', null]] as const) {
      await new ScriptedRunner(service.bus, service.clock, slot, { providers: [{ ...DEMO, version }] }).join();
    }

    expect((await service.call(SessionRpc.listProviders, {})).items).toMatchObject([{ name: 'demo', version: '2.0.1', runnerIds: ['slot-0', 'slot-1', 'slot-2'] }]);
  });

  it('commits session, manifest, task link and events together, readable and hashed', async () => {
    const task = await service.task(projectId, 'Fix it', { acceptanceCriteria: ['works'] });
    const cursor = service.store.head().cursor;
    const body = {
      projectId, taskIds: [task.id], initialDirective: undefined, systemPrompt: 'Be brief', environment: { B: '2', A: '1' }, secrets: { TOKEN: 'env:X' },
      mcpServers: [{ name: 'm', command: '/bin/m', args: ['a'], env: { C: '3' } }], custom: { z: [1], a: 'b' }, model: 'm1', permissionMode: 'allow' as const,
    };

    const session = await service.spawn(body);

    await service.store.flush();
    const printed = await readFile(join(service.home, 'session-service/sessions', session.id, 'manifest.json'), 'utf8');
    expect(createHash('sha256').update(printed).digest('hex')).toBe(session.manifestHash);
    const manifest = JSON.parse(printed) as Record<string, unknown>;
    expect(manifest).toMatchObject({
      systemPrompt: expect.stringContaining('Be brief'), environment: { A: '1', B: '2' }, secrets: { TOKEN: 'env:X' }, workingDir: '/work/repo',
      provider: { type: 'demo', model: 'm1', permissionMode: 'allow', custom: { a: 'b', z: [1] }, mcpServers: body.mcpServers },
    });
    expect(await service.call(SessionRpc.getManifest, { id: session.id })).toEqual(manifest);
    expect(await service.call(SessionRpc.getManifestInput, { id: session.id })).toMatchObject({ sessionId: session.id, tasks: [{ id: task.id, sessionIds: [] }] });
    expect((await service.call(SessionRpc.getTask, { id: task.id })).taskSessionStatuses).toEqual({ [session.id]: 'queued' });
    const events = await service.events(cursor);
    expect(events.slice(0, 4).map(({ type, commitEnd }) => [type, commitEnd])).toEqual([
      ['session:created', false], ['session:spawn', false], ['task:session_added', false], ['task:updated', true],
    ]);
    const ndjson = await readFile(join(service.home, 'session-service/sessions', session.id, 'events.ndjson'), 'utf8');
    expect(ndjson.trim().split('\n').slice(0, 3).map((line) => (JSON.parse(line) as { sessionSeq: number }).sessionSeq)).toEqual([1, 2, 3]);
  });

  it('lets an agent spawn only children of its own, in its own project, with no more rights than it has', async () => {
    const { id } = await service.spawn({ projectId });
    const other = await service.project('/work/other');
    const sibling = await service.spawn({ projectId });

    await refused({ parentSessionId: sibling.id }, 'FORBIDDEN', agent(id));
    await refused({ projectId: other.id }, 'PROJECT_NOT_FOUND', agent(id));
    await refused({ mcpServers: [{ name: 'm', command: '/m', args: [], env: {} }] }, 'FORBIDDEN', agent(id));
    await refused({ permissionMode: 'allow' }, 'FORBIDDEN', agent(id));

    const denied = await service.spawn({ projectId, permissionMode: 'deny' });
    await refused({ permissionMode: 'ask' }, 'FORBIDDEN', agent(denied.id));
    expect(await service.spawn({ projectId }, agent(denied.id))).toMatchObject({ parentSessionId: denied.id, permissionMode: 'deny' });

    expect(await service.spawn({ projectId }, agent(id))).toMatchObject({ parentSessionId: id, rootSessionId: id, permissionMode: 'ask' });
  });
});
