import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, McpAgent } from '@orbitmesh/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anything, answerAll } from '../testing/any-answer.js';
import { ScriptedApi } from '../testing/scripted-api.js';
import { REMEDIES } from './failure.js';
import { TOOLS } from './mcp-server.js';

const CLI_MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SELF = 'sess_1';
const TIMELINE = `/api/sessions/${SELF}/timeline`;

const start = (env: Record<string, string>): Promise<McpAgent> => McpAgent.start({ command: process.execPath, args: [CLI_MAIN, 'mcp'], env, cwd: '/' });

/** Each tool once: what a model says, and what the API hears of it. */
const CALLS: [tool: string, args: Record<string, unknown>, asked: string, body?: object][] = [
  ['report_progress', { message: 'm' }, `POST ${TIMELINE}`, { kind: 'progress', message: 'm' }],
  ['report_blocked', { message: 'm', taskId: 'task_1' }, `POST ${TIMELINE}`, { kind: 'blocked', message: 'm', taskId: 'task_1' }],
  ['report_needs_input', { message: 'm' }, `POST ${TIMELINE}`, { kind: 'needs_input', message: 'm' }],
  ['report_completed', { message: 'm' }, `POST ${TIMELINE}`, { kind: 'completed', message: 'm' }],
  ['report_failed', { message: 'm' }, `POST ${TIMELINE}`, { kind: 'failed', message: 'm' }],
  ['report_task', { kind: 'completed', message: 'm', status: 'in_review' }, `POST ${TIMELINE}`, { kind: 'task_completed', message: 'm', taskId: 'task_1', taskStatus: 'in_review' }],
  ['list_tasks', {}, 'GET /api/tasks/task_1'],
  ['list_tasks', { of: 'project', ready: true, limit: 5 }, 'GET /api/tasks?projectId=proj_1&ready=true&limit=5'],
  ['get_task', { taskId: 'task_2' }, 'GET /api/tasks/task_2'],
  ['create_task', { title: 't', parentId: 'task_1', acceptanceCriteria: ['c'] }, 'POST /api/tasks', { projectId: 'proj_1', title: 't', parentId: 'task_1', acceptanceCriteria: ['c'] }],
  ['update_task', { taskId: 'task_2', status: 'blocked' }, 'PATCH /api/tasks/task_2', { status: 'blocked' }],
  ['spawn_session', { directive: 'd', taskIds: ['task_2'], memberId: 'tm_1', provider: 'p' }, 'POST /api/sessions/spawn',
    { projectId: 'proj_1', parentSessionId: SELF, initialDirective: 'd', taskIds: ['task_2'], teamMemberId: 'tm_1', providerType: 'p' }],
  ['list_sessions', {}, `GET /api/sessions?projectId=proj_1&parentSessionId=${SELF}&limit=50`],
  ['list_sessions', { of: 'siblings', status: 'working' }, 'GET /api/sessions?projectId=proj_1&parentSessionId=sess_0&status=working&limit=50'],
  ['get_session', {}, `GET /api/sessions/${SELF}`],
  ['get_timeline', { sessionId: 'sess_2' }, 'GET /api/sessions/sess_2/timeline?limit=50'],
  ['list_team_members', {}, 'GET /api/team-members?projectId=proj_1&limit=50'],
  ['send_mail', { to: 'sess_2', body: 'b', type: 'query' }, 'POST /api/mail', { toSessionId: 'sess_2', body: 'b', type: 'query' }],
  ['send_mail', { to: 'parent', body: 'b' }, 'POST /api/mail', { toSessionId: 'sess_0', body: 'b' }],
  ['send_mail', { to: 'siblings', body: 'b' }, 'POST /api/mail', { to: { kind: 'siblings' }, body: 'b' }],
  ['send_mail', { to: 'children', body: 'b' }, 'POST /api/mail', { to: { kind: 'children' }, body: 'b' }],
  ['send_mail', { to: 'project', body: 'b' }, 'POST /api/mail', { to: { kind: 'project', id: 'proj_1' }, body: 'b' }],
  ['send_mail', { to: 'member:tm_1', body: 'b' }, 'POST /api/mail', { to: { kind: 'team_member', id: 'tm_1' }, body: 'b' }],
  ['send_mail', { replyToMailId: 'mail_1', body: 'b' }, 'POST /api/mail', { replyToMailId: 'mail_1', body: 'b' }],
  ['list_mail', {}, `GET /api/mail/inbox/${SELF}?unread=true&limit=50`],
  ['list_mail', { of: 'sent' }, `GET /api/mail?fromSessionId=${SELF}&limit=50`],
  ['read_mail', { mailId: 'mail_1' }, 'POST /api/mail/mail_1/read'],
  ['wait_for_mail', { timeoutSeconds: 0 }, `GET /api/mail/wait/${SELF}?timeout=0`],
];

describe('orbitmesh mcp', () => {
  let api: ScriptedApi;
  let agent: McpAgent;
  let env: Record<string, string>;

  beforeAll(async () => {
    api = await ScriptedApi.start();
    env = { ORBITMESH_SESSION_ID: SELF, ORBITMESH_PROJECT_ID: 'proj_1', ORBITMESH_TASK_IDS: 'task_1', ORBITMESH_TOKEN: 'oma_secret', ORBITMESH_API_URL: api.url };
    agent = await start(env);
  });
  beforeEach(() => {
    api.forget();
    answerAll(api);
    api.on(`GET /api/sessions/${SELF}`, [200, { ...anything(SELF), parentSessionId: 'sess_0' }]);
  });
  afterAll(async () => {
    await agent.close();
    await api.stop();
  });

  it('tells a model who it is, and has every tool tested here', async () => {
    const { tools } = await agent.client.listTools();

    expect(agent.client.getInstructions()).toMatch(/sess_1.*proj_1.*task_1[^]*report_completed once/);
    expect(tools.map(({ name }) => name)).toEqual([...new Set(CALLS.map(([name]) => name))]);
    for (const { inputSchema, description = '', annotations } of tools) {
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(description.length).toBeGreaterThan(20);
      expect(annotations).toMatchObject({ openWorldHint: false });
    }
  });

  it.each(CALLS.map(([name, args, asked, body = null]) => ({ name, args, asked, body })))('$name $args asks as the session', async ({ name, args, asked, body }) => {
    const result = await agent.call(name, args);

    expect(result).not.toHaveProperty('isError');
    expect(result.structuredContent).toEqual(expect.any(Object));
    expect(result.content).toEqual([{ type: 'text', text: expect.stringMatching(/./) }]);
    const { method, path, body: sent } = api.sent.at(-1)!;
    expect(`${method} ${path}`).toBe(asked);
    if (body) expect(sent).toEqual(body);
    expect(new Set(api.sent.map(({ token }) => token))).toEqual(new Set(['Bearer oma_secret']));
  });

  it('has a remedy by tools that there are', () => {
    const names = TOOLS.map(({ name }) => name);
    const said = Object.values(REMEDIES).flatMap((remedy) => remedy.match(/\b[a-z]+_[a-z_]+\b/g) ?? []);
    expect(said.length).toBeGreaterThan(5);
    expect(names).toEqual(expect.arrayContaining(said));
  });

  it('tells a refusal as a result, with what is wrong and what to do', async () => {
    api.on(`POST ${TIMELINE}`, [403, { code: 'FORBIDDEN', detail: 'It is not yours.', traceId: 'tr', errors: [{ pointer: '/taskId', detail: 'is not one of its tasks' }] }]);

    const result = await agent.call('report_progress', { message: 'm' });

    expect(result).toMatchObject({ isError: true, structuredContent: { error: { code: 'FORBIDDEN', status: 403, message: 'It is not yours.', traceId: 'tr' } } });
    expect(result.content).toEqual([{ type: 'text', text: expect.stringMatching(/^FORBIDDEN: It is not yours\.\n\/taskId: is not one of its tasks\n.*report_needs_input/) }]);
    await eventually(() => agent.stderr.includes('report_progress: FORBIDDEN (trace tr)'), { what: 'a line on stderr' });
    expect(agent.stderr).not.toContain('oma_secret');
  });

  it.each([
    ['report_progress', { massage: 'm' }, /massage/], ['get_task', { taskId: '../x' }, /taskId/], ['send_mail', { to: 'nobody:1', body: 'b' }, /nobody:1 is nobody/], ['list_sessions', { of: 'cousins' }, /of/], ['fly', {}, /fly/],
  ])('%s %j is refused before anybody is asked', async (name, args, why) => {
    expect(await agent.call(name, args)).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(why) }] });
    expect(api.sent).toEqual([]);
  });

  it('does once what is called again after nobody knew what became of it', async () => {
    api.on('POST /api/mail', [503, { code: 'TIMEOUT', detail: 'Not in time.' }, { 'retry-after': '60' }], [201, anything('mail_9')]);
    const mail = { to: 'sess_2', body: 'only once' };

    expect(await agent.call('send_mail', mail)).toMatchObject({ isError: true, structuredContent: { error: { code: 'TIMEOUT' } } });
    expect(await agent.text('send_mail', mail)).toBe('Sent: mail_9.');
    const keys = api.sent.map(({ key }) => key);
    expect(new Set(keys).size).toBe(1);
    await agent.call('send_mail', mail);
    await agent.call('send_mail', { ...mail, body: 'another' });
    expect(new Set(api.sent.map(({ key }) => key)).size).toBe(3);
  });

  it('waits on while there is no mail, says so to whom it matters, and gives each mail out once', async () => {
    const page = (...ids: string[]): [number, object] => [200, { items: ids.map(anything), nextCursor: ids.at(-1) ?? null }];
    api.on('GET /api/mail/wait*', page(), page('mail_7'), page('mail_8'));
    const progress: (string | undefined)[] = [];

    expect(await agent.call('wait_for_mail', {}, { onprogress: ({ message }) => progress.push(message) })).toMatchObject({ structuredContent: { items: [{ id: 'mail_7', body: 'hello' }] } });
    expect(progress).toEqual(['No mail yet.']);
    expect(await agent.call('wait_for_mail')).toMatchObject({ structuredContent: { items: [{ id: 'mail_8' }] } });
    expect(api.sent.at(-1)!.path).toBe(`/api/mail/wait/${SELF}?after=mail_7&timeout=10`);
  });

  it('calls a wait off at the server when the agent does, and goes on', async () => {
    const other = await start(env);
    api.on('GET /api/mail/wait*', 'hang');
    const stop = new AbortController();
    const waiting = other.call('wait_for_mail', { timeoutSeconds: 300 }, { signal: stop.signal });
    await api.received('GET');
    stop.abort('no more');

    await expect(waiting).rejects.toThrow('no more');
    await eventually(() => api.calledOff.length === 1, { what: 'the wait called off' });
    expect(await other.text('report_progress', { message: 'm' })).toBe('Reported: progress.');
    await other.close();
  });

  it('survives what is no MCP', async () => {
    const child = spawn(process.execPath, [CLI_MAIN, 'mcp'], { env, stdio: 'pipe' });
    const heard = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => { heard.out += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { heard.err += chunk.toString(); });
    child.stdin.write('hello\n{"jsonrpc":"2.0"}\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    await eventually(() => heard.out.includes('"id":1'), { what: 'an answer' });
    child.stdin.end();
    const [code] = await once(child, 'exit');

    expect({ code, out: heard.out }).toEqual({ code: 0, out: '{"result":{},"jsonrpc":"2.0","id":1}\n' });
    expect(heard.err).toMatch(/in what came from the agent/);
    expect(heard.err).not.toContain('hello');
  });

  it('ends at once with its stdin, also while it waits', async () => {
    const other = await start(env);
    api.on('GET /api/mail/wait*', 'hang');
    const waiting = other.call('wait_for_mail', { timeoutSeconds: 300 }).catch(() => 'over');
    await api.received('GET');
    const { pid } = other;
    const since = performance.now();
    await other.close();

    expect(await waiting).toBe('over');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    // The SDK's client waits 2 s for it before it sends a signal.
    expect(performance.now() - since).toBeLessThan(1_500);
  });
});

describe('orbitmesh mcp, outside of a session', () => {
  const run = async (env: Record<string, string>): Promise<{ code: number; err: string; out: string }> => {
    const child = spawn(process.execPath, [CLI_MAIN, 'mcp'], { env, stdio: 'pipe' });
    let [err, out] = ['', ''];
    child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString(); });
    child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString(); });
    const [code] = await once(child, 'close') as [number];
    return { code, err, out };
  };

  it('says what is missing, and takes no other token', async () => {
    const home = await mkdtemp(join(tmpdir(), 'om-mcp-'));
    expect(await run({ ORBITMESH_HOME: home })).toMatchObject({ code: 2, out: '', err: expect.stringContaining('ORBITMESH_SESSION_ID') });
    expect(await run({ ORBITMESH_HOME: home, ORBITMESH_SESSION_ID: SELF, ORBITMESH_PROJECT_ID: 'proj_1' })).toMatchObject({ code: 6, out: '', err: expect.stringContaining('ORBITMESH_TOKEN') });
    await rm(home, { recursive: true });
  });
});
