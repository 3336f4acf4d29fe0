import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Approval, Manifest, Project, Task, Transition } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { Feed } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

describe('a session, from spawn to its end', () => {
  let scenario: Scenario;
  let project: Project;
  let task: Task;

  beforeAll(async () => {
    scenario = await Scenario.start({ env: { OM_TEST_SECRET: 'hush-hush' } });
    project = await scenario.project();
    task = await scenario.task(project.id);
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  const report = (sessionId: string): Promise<string> => readFile(join(scenario.repository, `orbitmesh-report-${sessionId}.md`), 'utf8');

  it('is created, starts, runs, stops and is completed because its agent said so', async () => {
    const answer = await scenario.api.request('POST', '/api/sessions/spawn', { body: { projectId: project.id, taskIds: [task.id], permissionMode: 'allow' } });
    expect(answer.status).toBe(201);
    const id = answer.body.id as string;
    expect(answer.headers.get('location')).toBe(`/api/sessions/${id}`);
    expect(answer.body).toMatchObject({ state: 'created', status: 'spawning', providerType: 'demo' });
    const ended = await scenario.ended(id);
    expect(ended).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'completed', reported: true } });
    const { items } = await scenario.api.get<{ items: Transition[] }>(`/api/sessions/${id}/transitions`);
    expect(items.map(({ from, to }) => `${from}→${to}`)).toEqual(['created→starting', 'starting→running', 'running→stopping', 'stopping→stopped']);
    expect(await report(id)).toContain(id);
    expect(await scenario.api.get(`/api/tasks/${task.id}`)).toMatchObject({ taskSessionStatuses: { [id]: 'completed' }, sessionIds: [id] });
    expect(ended.metrics.tokensOut).toBeGreaterThan(0);
  }, 90_000);

  it('leaves files that a person can read, for their owner only', async () => {
    const { id } = await scenario.spawn(project.id);
    await scenario.ended(id);
    const directory = join(scenario.stack.home, 'session-service', 'sessions', id);
    const json = async (name: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(join(directory, name), 'utf8')) as Record<string, unknown>;
    await eventually(async () => (await json('session.json')).state === 'stopped', { what: 'the end in session.json' });
    expect(await json('manifest.json')).toMatchObject({ sessionId: id, manifestVersion: '1.0' });
    expect((await readFile(join(directory, 'session.json'), 'utf8')).split('\n').length).toBeGreaterThan(10);
    const events = await eventually(async () => {
      const lines = (await readFile(join(directory, 'events.ndjson'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as { sessionSeq: number; type: string });
      return lines.some((event) => event.type === 'notify:session_completed') ? lines : null;
    }, { what: 'the end in events.ndjson' });
    expect(events.map((event) => event.sessionSeq)).toEqual(events.map((_event, n) => n + 1));
    for (const name of ['session.json', 'manifest.json', 'events.ndjson']) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  }, 90_000);

  it('gives the agent its prompt, environment, secrets, MCP servers and custom settings', async () => {
    const echo = join(scenario.repository, 'mcp-server.mjs');
    await writeFile(echo, MCP_SERVER);
    const { id } = await scenario.spawn(project.id, {
      systemPrompt: 'Answer in the voice of a lighthouse keeper.', environment: { COLOUR: 'teal' }, secrets: { API_HINT: 'env:OM_TEST_SECRET' },
      mcpServers: [{ name: 'echo', command: process.execPath, args: [echo], env: {} }], custom: { flavour: 'plain' },
    });
    await scenario.ended(id);
    const text = await report(id);
    expect(text).toContain('systemPrompt: in my first prompt: Answer in the voice of a lighthouse keeper.');
    expect(text).toContain('environment COLOUR: teal');
    expect(text).toContain('secret API_HINT: set');
    expect(text).toContain('mcpServer echo:');
    expect(text).not.toContain('mcpServer echo: missing');
    expect(text).toContain('custom flavour: "plain"');
    const manifest = await scenario.api.get<Manifest>(`/api/sessions/${id}/manifest`);
    expect(manifest.secrets).toEqual({ API_HINT: 'env:OM_TEST_SECRET' });
    for (const name of ['session.json', 'manifest.json', 'events.ndjson']) {
      expect(await readFile(join(scenario.stack.home, 'session-service', 'sessions', id, name), 'utf8')).not.toContain('hush-hush');
    }
  }, 90_000);

  it('asks for its permission, waits, and goes on with the answer', async () => {
    const { id } = await scenario.spawn(project.id, { permissionMode: 'ask' });
    const waiting = await scenario.until(id, (session) => session.needsInput?.active === true, 'a question');
    expect(waiting).toMatchObject({ status: 'working', activity: 'waiting_approval', needsInput: { source: 'approval' } });
    const { items: [approval] } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
    expect(approval).toMatchObject({ state: 'open', sessionId: id });
    await scenario.api.post(`/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true }, needsInput: null });
    const again = await scenario.api.request('POST', `/api/sessions/${id}/approvals/${approval.id}`, { body: { decision: 'deny' } });
    expect(again).toMatchObject({ status: 409 });
  }, 90_000);

  it('has written nothing when its permission was denied', async () => {
    const { id } = await scenario.spawn(project.id, { permissionMode: 'deny' });
    expect((await scenario.ended(id)).status).toBe('failed');
    await expect(report(id)).rejects.toThrow('ENOENT');
  }, 90_000);

  it('ends failed, never completed, when it is stopped or killed', async () => {
    const busy = { custom: { demo: { steps: 600, delayMs: 100 } } };
    const [stopped, killed] = await Promise.all([scenario.spawn(project.id, busy), scenario.spawn(project.id, busy)]);
    await Promise.all([scenario.running(stopped.id), scenario.running(killed.id)]);
    expect(await scenario.api.request('POST', `/api/sessions/${stopped.id}/stop`, { body: {} })).toMatchObject({ status: 202 });
    expect(await scenario.api.request('POST', `/api/sessions/${killed.id}/kill`, { body: {} })).toMatchObject({ status: 202 });
    expect(await scenario.ended(stopped.id)).toMatchObject({ state: 'stopped', status: 'failed', outcome: { code: 'stopped_by_user', reported: false } });
    expect(await scenario.ended(killed.id)).toMatchObject({ state: 'stopped', status: 'failed', outcome: { code: 'killed', reported: false } });
    expect(await scenario.api.request('POST', `/api/sessions/${stopped.id}/stop`, { body: {} })).toMatchObject({ status: 200 });
    const resumed = await scenario.api.request('POST', `/api/sessions/${stopped.id}/resume`, { body: {} });
    expect(resumed).toMatchObject({ status: 409, body: { code: 'INVALID_TRANSITION' } });
  }, 90_000);

  it('pauses and goes on', async () => {
    const { id } = await scenario.spawn(project.id, { custom: { demo: { steps: 30, delayMs: 100 } } });
    await scenario.running(id);
    await scenario.api.post(`/api/sessions/${id}/pause`);
    await scenario.until(id, (session) => session.state === 'paused', 'paused');
    await scenario.api.post(`/api/sessions/${id}/resume`);
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed' } });
  }, 90_000);

  it('says completed in the last frame that speaks of its state, and is told once in the inbox', async () => {
    const feed = await Feed.open(scenario.stack, { filter: { projectId: project.id } });
    const { id } = await scenario.spawn(project.id, { custom: { demo: { noPermission: true } } });
    await feed.until((event) => event.sessionId === id && event.type === 'notify:session_completed', 'its notification');
    const updates = feed.events.filter((event) => event.type === 'session:updated' && event.sessionId === id);
    expect(updates.at(-1)?.data).toMatchObject({ status: 'completed', state: 'stopped' });
    await feed.close();
    const inbox = await eventually(async () => {
      const { items } = await scenario.api.get<{ items: { sessionId?: string; type: string }[] }>(`/api/notifications?sessionId=${id}`);
      const ends = items.filter((item) => item.type === 'notify:session_completed');
      return ends.length > 0 ? ends : null;
    }, { what: 'the inbox' });
    expect(inbox).toHaveLength(1);
  }, 90_000);
});

/** The least that speaks MCP over stdio: initialize, tools/list, and one tool that echoes. */
const MCP_SERVER = `
import { createInterface } from 'node:readline';
const answer = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1' } });
  if (method === 'tools/list') answer(id, { tools: [{ name: 'echo', description: 'says it back', inputSchema: { type: 'object' } }] });
  if (method === 'tools/call') answer(id, { content: [{ type: 'text', text: JSON.stringify(params.arguments) }] });
});
`;
