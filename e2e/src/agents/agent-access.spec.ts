import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope, Mail, Project, SessionView, Task, TeamMember } from '@orbitmesh/domain';
import { eventually, McpAgent, openApiOperations, type OpenApiOperation } from '@orbitmesh/testing';
import WebSocket from 'ws';
import { read } from '../repository/checkout.js';
import { Api } from '../support/api.js';
import { Scenario } from '../support/scenario.js';

/** Writes its token and its environment down for us, and waits: whatever it may do, we do in its stead. */
const GIVES_TOKEN = "const { writeFileSync } = require('fs'); const { env } = process; writeFileSync('env-' + env.ORBITMESH_SESSION_ID, JSON.stringify(env)); writeFileSync('token-' + env.ORBITMESH_SESSION_ID, env.ORBITMESH_TOKEN); setInterval(() => {}, 1000)";
const PROVIDERS = { open: { driver: 'process', command: [process.execPath, '-e', GIVES_TOKEN] } };

/** Ids by what they are of. */
interface Ids { project: string; task: string; member: string; session: string; mail: string }
interface Request { method: string; name: string; path: (ids: Ids) => string; body?: (ids: Ids, own: string) => object }
/** What an id in a path is of: by its name, `id` by the resource it stands in. */
const IN_PATH: Readonly<Record<string, keyof Ids>> = { projectId: 'project', sessionId: 'session', threadId: 'mail', projects: 'project', tasks: 'task', 'team-members': 'member', sessions: 'session', mail: 'mail' };
const pathOf = ({ path }: OpenApiOperation) => (ids: Ids): string => path.replace(/\{(\w+)\}/g, (_whole, name: string) => (name === 'entityType' ? 'task' : ids[IN_PATH[name === 'id' ? path.split('/')[2] : name]] ?? 'x_1'));
/** Every route that names something in its path, whatever an agent may there, and every field of a query or a body that an agent may use. */
const REQUESTS: readonly Request[] = [
  ...openApiOperations().filter(({ path }) => path.includes('{')).map((one): Request => ({
    method: one.method, name: one.path, path: pathOf(one), ...(one.body && { body: () => ({ '/api/tasks/{id}': { title: 'x' }, '/api/sessions/{id}/timeline': { kind: 'progress', message: 'x' }, '/api/team-members/{id}/memory': { text: 'x' } }[one.path] ?? {}) }),
  })),
  ...(['/api/tasks?projectId=project', '/api/tasks?parentId=task', '/api/team-members?projectId=project', '/api/sessions?projectId=project', '/api/sessions?taskId=task', '/api/sessions?parentSessionId=session',
    '/api/mail?projectId=project', '/api/mail?threadId=mail', '/api/mail?fromSessionId=session', '/api/mail?toSessionId=session'] as const).map((query): Request => ({
    method: 'GET', name: query, path: (ids) => query.replace(/=(\w+)$/, (_whole, kind: keyof Ids) => `=${ids[kind]}`),
  })),
  ...([
    ['/api/tasks', (ids) => ({ projectId: ids.project, title: 'x' })], ['/api/tasks', (ids, own) => ({ projectId: own, title: 'x', parentId: ids.task })], ['/api/tasks', (ids, own) => ({ projectId: own, title: 'x', dependencies: [ids.task] })],
    ['/api/tasks', (ids, own) => ({ projectId: own, title: 'x', teamMemberId: ids.member })], ['/api/sessions/spawn', (ids) => ({ projectId: ids.project, initialDirective: 'x' })], ['/api/sessions/spawn', (ids, own) => ({ projectId: own, taskIds: [ids.task] })],
    ['/api/sessions/spawn', (ids, own) => ({ projectId: own, initialDirective: 'x', teamMemberId: ids.member })], ['/api/sessions/spawn', (ids, own) => ({ projectId: own, initialDirective: 'x', parentSessionId: ids.session })],
    ['/api/mail', (ids) => ({ toSessionId: ids.session, body: 'x' })], ['/api/mail', (ids) => ({ fromSessionId: ids.session, to: { kind: 'children' }, body: 'x' })], ['/api/mail', (ids) => ({ replyToMailId: ids.mail, body: 'x' })],
    ['/api/mail', (ids) => ({ to: { kind: 'project', id: ids.project }, body: 'x' })], ['/api/mail', (ids) => ({ to: { kind: 'team_member', id: ids.member }, body: 'x' })],
  ] as [string, (ids: Ids, own: string) => object][]).map(([path, body]): Request => ({ method: 'POST', name: `${path} ${JSON.stringify(body({ project: 'project', task: 'task', member: 'member', session: 'session', mail: 'mail' }, 'own'))}`, path: () => path, body })),
];
/** Not refused: cut down to what is the agent's own, which is nothing here. */
const LISTS_OWN = ['/api/mail?threadId=mail'];

/** A column of docs/permissions.md, by route. */
function cellsOf(column: string): ReadonlyMap<string, string> {
  const rows = read('docs/permissions.md').split('\n').filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '));
  const at = rows[0].indexOf(column);
  return new Map(rows.flatMap((row) => (row[0].startsWith('`') ? [[row[0].replaceAll('`', ''), row[at]]] : [])));
}

describe("an agent's token", () => {
  let home: string;
  let scenario: Scenario;
  let api: Api;
  let project: Project;
  let tasks: Task[];
  let boss: TeamMember;
  /** Whose token it is; another of the same project, which may start nobody; a child of the first. */
  let self: SessionView;
  let sibling: SessionView;
  let child: SessionView;
  let siblingApi: Api;
  let letter: Mail;
  let secret: Mail;
  let other: { project: Project; task: Task; member: TeamMember; session: SessionView; mail: Mail };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify(PROVIDERS), { mode: 0o600 });
    scenario = await Scenario.start({ home });
    const people = scenario.api;
    project = await scenario.project();
    tasks = [await scenario.task(project.id), await scenario.task(project.id)];
    boss = await people.post<TeamMember>('/api/team-members', { name: 'Boss', projectId: project.id, capabilities: ['spawn'] });
    const worker = await people.post<TeamMember>('/api/team-members', { name: 'Worker', capabilities: ['code'] });
    self = await scenario.spawn(project.id, { providerType: 'open', taskIds: [tasks[0].id], teamMemberId: boss.id });
    sibling = await scenario.spawn(project.id, { providerType: 'open', teamMemberId: worker.id });
    const elsewhere = await scenario.project({ name: 'Other', workingDir: await scenario.anotherRepository() });
    const foreign = await scenario.spawn(elsewhere.id, { providerType: 'open' });
    other = {
      project: elsewhere, task: await scenario.task(elsewhere.id), member: await people.post<TeamMember>('/api/team-members', { name: 'Else', projectId: elsewhere.id }),
      session: foreign, mail: await people.post<Mail>('/api/mail', { toSessionId: foreign.id, body: 'Abroad' }),
    };
    api = await apiOf(self);
    siblingApi = await apiOf(sibling);
    child = await api.post<SessionView>('/api/sessions/spawn', { projectId: project.id, providerType: 'open', initialDirective: 'Help', teamMemberId: worker.id });
    letter = await people.post<Mail>('/api/mail', { toSessionId: self.id, body: 'For you' });
    secret = await people.post<Mail>('/api/mail', { toSessionId: sibling.id, body: 'Not for you' });
  }, 120_000);
  afterAll(async () => {
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 30_000);

  async function apiOf({ id }: SessionView): Promise<Api> {
    const token = await eventually(() => readFile(join(scenario.repository, `token-${id}`), 'utf8'), { what: 'a token', timeoutMs: 60_000 });
    return new Api(scenario.stack.url, token);
  }
  const outcome = async (method: string, path: string, body?: object): Promise<string> => {
    const answer = await api.request(method, path, { body });
    return `${method} ${path.replace(/_[0-9A-Z]{26}/g, '')} ${answer.status}${answer.status < 400 ? '' : ` ${String(answer.body['code'])}`}`;
  };
  /** `method path → status [code]`, asked one after another. */
  const expectAll = async (cases: [string, string, object | undefined, string][]): Promise<void> => {
    const said: string[] = [];
    for (const [method, path, body] of cases) said.push(await outcome(method, path, body));
    expect(said).toEqual(cases.map(([method, path, , result]) => `${method} ${path.replace(/_[0-9A-Z]{26}/g, '')} ${result}`));
  };
  const get = (path: string, result = '200'): [string, string, undefined, string] => ['GET', path, undefined, result];

  it('shows what is its project\'s, and of another not even that it is there', async () => {
    await expectAll([
      get(`/api/projects/${project.id}`), get(`/api/projects/${other.project.id}`, '403 FORBIDDEN'), get('/api/projects', '403 FORBIDDEN'),
      get(`/api/tasks/${tasks[1].id}`), get(`/api/tasks/${tasks[1].id}/children`), get(`/api/tasks/${other.task.id}`, '404 TASK_NOT_FOUND'), get(`/api/tasks/${other.task.id}/children`, '404 TASK_NOT_FOUND'),
      get(`/api/tasks?projectId=${other.project.id}`, '403 FORBIDDEN'), get(`/api/tasks?parentId=${other.task.id}`, '404 TASK_NOT_FOUND'),
      get(`/api/team-members/${boss.id}`), get(`/api/team-members/${other.member.id}`, '404 TEAM_MEMBER_NOT_FOUND'), get(`/api/team-members/${other.member.id}/memory`, '404 TEAM_MEMBER_NOT_FOUND'),
      get(`/api/sessions/${self.id}`), get(`/api/sessions/${sibling.id}`), get(`/api/sessions/${other.session.id}`, '404 SESSION_NOT_FOUND'), get(`/api/sessions?taskId=${other.task.id}`, '404 TASK_NOT_FOUND'), get(`/api/sessions?parentSessionId=${other.session.id}`, '404 SESSION_NOT_FOUND'),
      get(`/api/ordering/task/${project.id}`), get(`/api/ordering/session/${other.project.id}`, '403 FORBIDDEN'),
    ]);
    const ids = async (path: string) => (await api.get<{ items: { id: string }[] }>(path)).items.map(({ id }) => id).sort();
    expect(await ids('/api/tasks')).toEqual(tasks.map(({ id }) => id).sort());
    expect(await ids('/api/sessions')).toEqual([self.id, sibling.id, child.id].sort());
    expect(await ids('/api/team-members')).not.toContain(other.member.id);
  });

  it('shows what its own session did, and of its children how far they are', async () => {
    await expectAll([
      ...['events', 'timeline', 'manifest', 'manifest/input', 'transitions', 'approvals'].map((of) => get(`/api/sessions/${self.id}/${of}`)),
      get(`/api/sessions/${child.id}/timeline`), get(`/api/sessions/${child.id}/events`, '403 FORBIDDEN'), get(`/api/sessions/${child.id}/manifest`, '403 FORBIDDEN'),
      get(`/api/sessions/${sibling.id}/timeline`, '403 FORBIDDEN'), get(`/api/sessions/${sibling.id}/events`, '403 FORBIDDEN'),
      get('/api/events', '403 FORBIDDEN'), get('/api/notifications', '403 FORBIDDEN'), get('/api/webhooks', '403 FORBIDDEN'), get('/metrics', '403 FORBIDDEN'),
    ]);
  });

  it('changes tasks of its project, and deletes none', async () => {
    await expectAll([
      ['POST', '/api/tasks', { projectId: project.id, title: 'One more' }, '201'], ['PATCH', `/api/tasks/${tasks[1].id}`, { status: 'in_progress' }, '200'],
      ['POST', '/api/tasks', { projectId: other.project.id, title: 'Abroad' }, '404 PROJECT_NOT_FOUND'], ['PATCH', `/api/tasks/${other.task.id}`, { title: 'Mine' }, '404 TASK_NOT_FOUND'],
      ['DELETE', `/api/tasks/${tasks[1].id}`, undefined, '403 FORBIDDEN'], ['PUT', `/api/ordering/task/${project.id}`, { ids: [] }, '403 FORBIDDEN'], ['PATCH', `/api/projects/${project.id}`, { name: 'Mine' }, '403 FORBIDDEN'],
    ]);
  });

  it('acts as its own session alone', async () => {
    const report = { kind: 'progress', message: 'On it' };
    await expectAll([
      ['POST', `/api/sessions/${self.id}/timeline`, report, '201'], ['POST', `/api/sessions/${sibling.id}/timeline`, report, '403 FORBIDDEN'], ['POST', `/api/sessions/${child.id}/timeline`, report, '403 FORBIDDEN'],
      ['POST', `/api/team-members/${boss.id}/memory`, { text: 'Remember' }, '200'], ['POST', `/api/team-members/${other.member.id}/memory`, { text: 'Remember' }, '403 FORBIDDEN'], ['PATCH', `/api/team-members/${boss.id}`, { capabilities: [] }, '403 FORBIDDEN'],
      ...['stop', 'kill', 'pause', 'input', 'interrupt', 'continue'].map((action): [string, string, object, string] => ['POST', `/api/sessions/${child.id}/${action}`, {}, '403 FORBIDDEN']),
      ['POST', `/api/sessions/${self.id}/approvals/appr_1`, { decision: 'allow' }, '403 FORBIDDEN'], ['DELETE', `/api/sessions/${child.id}`, undefined, '403 FORBIDDEN'],
    ]);
  });

  it('starts sessions under its own, where its member has that capability', async () => {
    expect(child).toMatchObject({ parentSessionId: self.id, projectId: project.id });
    await expectAll([
      ['POST', '/api/sessions/spawn', { projectId: other.project.id, providerType: 'open', initialDirective: 'x' }, '404 PROJECT_NOT_FOUND'],
      ['POST', '/api/sessions/spawn', { projectId: project.id, providerType: 'open', initialDirective: 'x', parentSessionId: sibling.id }, '403 FORBIDDEN'],
    ]);
    expect(await siblingApi.request('POST', '/api/sessions/spawn', { body: { projectId: project.id, providerType: 'open', initialDirective: 'x' } })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });

  it('reads the mail it got or sent, and writes as itself', async () => {
    await expectAll([
      get(`/api/mail/inbox/${self.id}`), get(`/api/mail/inbox/${sibling.id}`, '403 FORBIDDEN'), get(`/api/mail/wait/${sibling.id}?timeout=0`, '403 FORBIDDEN'),
      get(`/api/mail/${letter.id}`), get(`/api/mail/${secret.id}`, '404 MAIL_NOT_FOUND'), ['POST', `/api/mail/${secret.id}/read`, undefined, '404 MAIL_NOT_FOUND'], ['DELETE', `/api/mail/${secret.id}`, undefined, '404 MAIL_NOT_FOUND'],
      ['POST', '/api/mail', { toSessionId: child.id, body: 'Hello' }, '201'], ['POST', '/api/mail', { to: { kind: 'children' }, body: 'Hello' }, '201'],
      ['POST', '/api/mail', { toSessionId: child.id, fromSessionId: sibling.id, body: 'Hello' }, '403 FORBIDDEN'], ['POST', '/api/mail', { replyToMailId: secret.id, body: 'Hello' }, '404 MAIL_NOT_FOUND'],
      ['POST', `/api/mail/${letter.id}/read`, undefined, '200'], ['DELETE', `/api/mail/${letter.id}`, undefined, '204'],
    ]);
    const { items } = await api.get<{ items: Mail[] }>('/api/mail');
    expect(items.length).toBeGreaterThan(0);
    expect(items.filter(({ fromSessionId, toSessionId }) => fromSessionId !== self.id && toSessionId !== self.id)).toEqual([]);
    expect((await api.get<{ items: Mail[] }>(`/api/mail/thread/${secret.threadId}`)).items).toEqual([]);
  });

  it('learns of nothing that is another project\'s whether it is there: the answer is that of what is not', async () => {
    const MISSING = '00000000000000000000000000';
    const there: Ids = { project: other.project.id, task: other.task.id, member: other.member.id, session: other.session.id, mail: other.mail.id };
    const missing = Object.fromEntries(Object.entries(there).map(([kind, id]) => [kind, `${id.split('_')[0]}_${MISSING}`])) as unknown as Ids;
    const cells = cellsOf('agent, of another\'s');
    const told: string[] = [];
    for (const { method, name, path, body } of REQUESTS) {
      const said = async (ids: Ids): Promise<string> => {
        const { status, body: { traceId: _one, ...answer } } = await api.request(method, path(ids), { body: body?.(ids, project.id) });
        return Object.entries(ids).reduce((text, [kind, id]) => text.replaceAll(id, kind), `${status} ${JSON.stringify(answer)}`);
      };
      const [real, none] = [await said(there), await said(missing)];
      const wanted = cells.get(`${method} ${name}`) ?? (LISTS_OWN.includes(name) ? 'its own' : '40[34]');
      if (real !== none || !new RegExp(`^${wanted === 'its own' ? 200 : wanted} `).test(real)) told.push(`${method} ${name}: ${wanted}\n  ${real}\n  ${none}`);
    }

    expect(told).toEqual([]);
    expect(REQUESTS.length).toBeGreaterThan(50);
  }, 60_000);

  it('follows its own session in the feed, and no other', async () => {
    const leave = new AbortController();
    const response = await fetch(`${scenario.stack.url}/api/events/stream`, { headers: { authorization: `Bearer ${api.token}` }, signal: leave.signal });
    for (const one of [siblingApi, api]) await one.post(`/api/sessions/${one === api ? self.id : sibling.id}/timeline`, { kind: 'milestone', message: 'Half way' });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('event: notify:progress')) break;
    }
    leave.abort();
    const seen = [...text.matchAll(/^data: (\{"seq".*|\{.*"sessionSeq".*)$/gm)].map(([, json]) => JSON.parse(json) as EventEnvelope);

    expect(seen.map(({ type }) => type)).toContain('timeline');
    expect(seen.filter(({ sessionId, taskId }) => sessionId !== self.id && taskId !== tasks[0].id)).toEqual([]);
  });

  it('is what the MCP server of its session acts by, and waits by', async () => {
    const mcp = await mcpOf(self);
    const data = async (name: string, args: object = {}) => (await mcp.call(name, args as Record<string, unknown>)).structuredContent as Record<string, never>;
    const ids = (page: Record<string, never>) => (page['items'] as { id: string }[]).map(({ id }) => id);

    expect(mcp.client.getInstructions()).toContain(`${self.id} in the project ${project.id}, for the task ${tasks[0].id}`);
    expect(await mcp.text('report_task', { kind: 'started', message: 'On it' })).toBe('Reported: task_started.');
    expect(ids(await data('list_tasks'))).toEqual([tasks[0].id]);
    const { task } = await data('create_task', { title: 'A part', parentId: tasks[0].id });
    expect(ids(await data('list_tasks', { of: 'project', parentId: tasks[0].id }))).toEqual([task['id']]);
    const { session: worker } = await data('spawn_session', { taskIds: [task['id']], name: 'Worker' });
    // Without a word about it, what an agent starts is of its own provider.
    expect(worker).toMatchObject({ parentSessionId: self.id, provider: 'open', status: 'spawning' });
    expect(ids(await data('list_sessions'))).toEqual(expect.arrayContaining([child.id, worker['id']]));
    expect(ids(await data('list_sessions', { of: 'siblings' }))).toEqual([]);

    for (const [name, args] of [
      ['get_task', { taskId: other.task.id }], ['get_session', { sessionId: other.session.id }], ['send_mail', { to: other.session.id, body: 'x' }], ['read_mail', { mailId: secret.id }],
      ['report_progress', { message: 'x', taskId: tasks[1].id }], ['update_task', { taskId: other.task.id, title: 'Mine' }], ['get_timeline', { sessionId: sibling.id }],
    ] as const) expect([name, await mcp.call(name, args)]).toEqual([name, expect.objectContaining({ isError: true, structuredContent: { error: expect.objectContaining({ remedy: expect.stringMatching(/./) }) } })]);
    await mcp.close();
  }, 60_000);

  it('lets its MCP server wait for mail, which is not given out to a wait that was called off', async () => {
    const [from, to] = [await mcpOf(self), await mcpOf(sibling)];
    const unread = async () => ((await to.call('list_mail')).structuredContent as { items: { id: string; state: string; subject: string }[] }).items;
    for (const { id } of await unread()) await to.call('read_mail', { mailId: id });
    const stop = new AbortController();
    const off = to.call('wait_for_mail', { timeoutSeconds: 60 }, { signal: stop.signal }).catch(() => 'called off');
    // A call that is answered after it: the server has both.
    await to.call('get_session');
    stop.abort();
    expect(await off).toBe('called off');

    // Until the server has heard of that, a mail may still be given out to nobody.
    const queued = await eventually(async () => {
      const { sent } = (await from.call('send_mail', { to: sibling.id, subject: 'First', body: 'one' })).structuredContent as { sent: Mail };
      return (await unread()).find(({ id, state }) => id === sent.id && state === 'queued');
    }, { what: 'a mail that nobody got' });
    expect((await to.call('wait_for_mail')).structuredContent).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ id: queued.id, body: 'one', fromSessionId: self.id })]) });
    const answered = to.call('wait_for_mail', { timeoutSeconds: 30 });
    await from.call('send_mail', { to: sibling.id, subject: 'Second', body: 'two' });
    expect((await answered).structuredContent).toMatchObject({ items: [{ subject: 'Second' }] });
    await Promise.all([from.close(), to.close()]);
  }, 60_000);

  it('is worth nothing when its session has ended: its socket is closed with 4001, its stream ended, and it is asked for anew', async () => {
    const socket = new WebSocket(`${scenario.stack.url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${siblingApi.token}` } });
    const closed = once(socket, 'close') as Promise<[code: number]>;
    await once(socket, 'open');
    const stream = await fetch(`${scenario.stack.url}/api/events/stream`, { headers: { authorization: `Bearer ${siblingApi.token}` } });
    await scenario.api.post(`/api/sessions/${sibling.id}/kill`);
    const since = performance.now();

    expect((await closed)[0]).toBe(4001);
    expect(await stream.text()).toContain('UNAUTHENTICATED');
    // The feed tells it, not the look every 15 s.
    expect(performance.now() - since).toBeLessThan(10_000);
    expect((await siblingApi.request('GET', `/api/sessions/${sibling.id}`)).status).toBe(401);
  }, 60_000);

  /** The program that the runner gives to agents, in the environment of that agent, of which it is told no more than it is given by ours. */
  async function mcpOf({ id }: SessionView): Promise<McpAgent> {
    const all = JSON.parse(await readFile(join(scenario.repository, `env-${id}`), 'utf8')) as Record<string, string>;
    const env = Object.fromEntries(Object.entries(all).filter(([name]) => /^ORBITMESH_(?!MANIFEST|AGENT)/.test(name)));
    return McpAgent.start({ command: join(all['PATH'].split(':')[0], 'orbitmesh'), args: ['mcp'], env, cwd: '/' });
  }
});
