import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer } from '../support/api.js';
import { World } from './world.js';

/** What has the right shape, and is refused for what it would do. */
interface Case { what: string; method: string; path: string; body?: object; headers?: Record<string, string>; status: number; code: string }

const nobody = (prefix: string): string => `${prefix}_00000000000000000000000000`;

let world: World;
beforeAll(async () => { world = await World.start(); }, 120_000);
afterAll(() => world.stop(), 30_000);

/** Every operation that names something, of something that is not there. */
function missing(): Case[] {
  const [project, task, member, session, mail, notification, webhook] = ['proj', 'task', 'tm', 'sess', 'mail', 'ntf', 'whk'].map(nobody);
  const of = (path: string, code: string, operations: Record<string, object | undefined>): Case[] =>
    Object.entries(operations).map(([operation, body]) => {
      const [method, rest = ''] = operation.split(' ');
      return { what: `${method} ${path}${rest}`, method, path: path + rest, body, status: 404, code };
    });
  return [
    ...of(`/api/projects/${project}`, 'PROJECT_NOT_FOUND', { GET: undefined, PATCH: { name: 'n' }, DELETE: undefined }),
    ...of(`/api/tasks/${task}`, 'TASK_NOT_FOUND', { GET: undefined, 'GET /children': undefined, PATCH: { title: 't' }, DELETE: undefined }),
    ...of(`/api/team-members/${member}`, 'TEAM_MEMBER_NOT_FOUND', {
      GET: undefined, PATCH: { name: 'n' }, DELETE: undefined, 'POST /archive': undefined, 'POST /unarchive': undefined, 'GET /memory': undefined, 'POST /memory': { text: 'm' }, 'PUT /memory': { memory: [] },
    }),
    ...of(`/api/ordering/task/${project}`, 'PROJECT_NOT_FOUND', { GET: undefined, PUT: { ids: [] }, 'POST /move': { id: world.task.id, before: world.chain[0].id } }),
    ...of(`/api/sessions/${session}`, 'SESSION_NOT_FOUND', {
      GET: undefined, PATCH: { name: 'n' }, DELETE: undefined, 'POST /stop': undefined, 'POST /pause': undefined, 'POST /resume': undefined, 'POST /kill': undefined, 'POST /interrupt': undefined,
      'POST /input': { text: 'i' }, 'POST /continue': { initialDirective: 'go' }, 'GET /events': undefined, 'GET /timeline': undefined, 'POST /timeline': { kind: 'progress', message: 'm' },
      'GET /manifest': undefined, 'GET /manifest/input': undefined, 'GET /transitions': undefined, 'GET /approvals': undefined, 'POST /approvals/appr_1': { decision: 'allow' },
    }),
    ...of(`/api/sessions/${world.session.id}`, 'APPROVAL_NOT_FOUND', { 'POST /approvals/appr_1': { decision: 'allow' } }),
    ...of(`/api/mail/${mail}`, 'MAIL_NOT_FOUND', { GET: undefined, 'POST /read': undefined, DELETE: undefined }),
    ...['inbox', 'wait'].flatMap((list) => of(`/api/mail/${list}/${session}`, 'SESSION_NOT_FOUND', { GET: undefined })),
    ...of(`/api/notifications/${notification}`, 'NOTIFICATION_NOT_FOUND', { GET: undefined, 'POST /read': undefined, 'POST /unread': undefined }),
    ...of(`/api/webhooks/${webhook}`, 'WEBHOOK_NOT_FOUND', {
      GET: undefined, PATCH: { name: 'n' }, DELETE: undefined, 'GET /secret': undefined, 'POST /rotate-secret': undefined, 'POST /test': undefined, 'GET /deliveries': undefined,
    }),
  ];
}

/** Documents changed by somebody who saw another revision of them. */
function stale(): Case[] {
  const { project, task, member, session, mail } = world;
  const changes: [string, string, object?][] = [
    ['PATCH', `/api/projects/${project.id}`, { name: 'n' }], ['DELETE', `/api/projects/${project.id}`], ['PATCH', `/api/tasks/${task.id}`, { title: 't' }], ['DELETE', `/api/tasks/${task.id}`],
    ['PATCH', `/api/team-members/${member.id}`, { name: 'n' }], ['DELETE', `/api/team-members/${member.id}`], ['POST', `/api/team-members/${member.id}/archive`],
    ['POST', `/api/team-members/${member.id}/memory`, { text: 'm' }], ['PUT', `/api/team-members/${member.id}/memory`, { memory: [] }],
    ['PUT', `/api/ordering/task/${project.id}`, { ids: [] }], ['POST', `/api/ordering/task/${project.id}/move`, { id: task.id, after: world.chain[0].id }],
    ['PATCH', `/api/sessions/${session.id}`, { name: 'n' }], ['DELETE', `/api/sessions/${session.id}`], ['POST', `/api/mail/${mail.id}/read`], ['DELETE', `/api/mail/${mail.id}`],
  ];
  return changes.flatMap(([method, path, body]) => ['"9999"', '"none-of-ours"'].map((tag): Case => (
    { what: `${method} ${path} of revision ${tag}`, method, path, body, headers: { 'if-match': tag }, status: 412, code: 'REVISION_MISMATCH' })));
}

/** Tasks that would be their own ancestor, or wait for themselves, or belong to two projects. */
function tasks(): Case[] {
  const { project, other, chain: [first, second, third], member } = world;
  const make = (what: string, body: object, status: number, code: string): Case => ({ what, method: 'POST', path: '/api/tasks', body: { projectId: project.id, title: 't', ...body }, status, code });
  const change = (what: string, id: string, body: object, status = 422, code = 'TASK_REFERENCE_INVALID'): Case => ({ what, method: 'PATCH', path: `/api/tasks/${id}`, body, status, code });
  return [
    change('a task that waits for itself', first.id, { dependencies: [first.id] }), change('two tasks that wait for each other', first.id, { dependencies: [second.id] }),
    change('three tasks in a circle', first.id, { dependencies: [third.id] }), change('a task that is its own parent', first.id, { parentId: first.id }),
    change('a task under its child', first.id, { parentId: second.id }), change('a task under its grandchild', first.id, { parentId: third.id }),
    change('a dependency that is not there', first.id, { dependencies: [nobody('task')] }, 404, 'TASK_NOT_FOUND'), change('a parent that is not there', first.id, { parentId: nobody('task') }, 404, 'TASK_NOT_FOUND'),
    change('a dependency of another project', first.id, { dependencies: [other.task.id] }), change('a parent of another project', first.id, { parentId: other.task.id }),
    change('a member that is not there', first.id, { teamMemberId: nobody('tm') }, 404, 'TEAM_MEMBER_NOT_FOUND'), change('a member of another project', first.id, { teamMemberId: other.member.id }, 404, 'TEAM_MEMBER_NOT_FOUND'),
    make('a new task of no project', { projectId: nobody('proj') }, 404, 'PROJECT_NOT_FOUND'), make('a new task under another project', { parentId: other.task.id }, 422, 'TASK_REFERENCE_INVALID'),
    make('a new task that waits for another project', { dependencies: [other.task.id] }, 422, 'TASK_REFERENCE_INVALID'), make('a new task for a member of another project', { teamMemberId: other.member.id }, 404, 'TEAM_MEMBER_NOT_FOUND'),
    { what: 'a project that is not empty', method: 'DELETE', path: `/api/projects/${project.id}`, status: 422, code: 'PROJECT_NOT_EMPTY' },
    { what: 'a member of no project', method: 'POST', path: '/api/team-members', body: { name: 'n', projectId: nobody('proj') }, status: 404, code: 'PROJECT_NOT_FOUND' },
    { what: 'a session of a member of another project', method: 'POST', path: '/api/sessions/spawn', body: { projectId: project.id, initialDirective: 'd', teamMemberId: other.member.id }, status: 404, code: 'TEAM_MEMBER_NOT_FOUND' },
    { what: 'a session of a task of another project', method: 'POST', path: '/api/sessions/spawn', body: { projectId: project.id, taskIds: [other.task.id], teamMemberId: member.id }, status: 404, code: 'TASK_NOT_FOUND' },
    { what: 'a session under one that is not there', method: 'POST', path: '/api/sessions/spawn', body: { projectId: project.id, initialDirective: 'd', parentSessionId: nobody('sess') }, status: 404, code: 'SESSION_NOT_FOUND' },
  ];
}

function orderings(): Case[] {
  const { project, other, task, session } = world;
  const put = (what: string, entity: string, ids: string[], status: number, code: string): Case => ({ what, method: 'PUT', path: `/api/ordering/${entity}/${project.id}`, body: { ids }, status, code });
  const move = (what: string, body: object, status: number, code: string): Case => ({ what, method: 'POST', path: `/api/ordering/task/${project.id}/move`, body, status, code });
  return [
    put('an ordering with a task that is not there', 'task', [task.id, nobody('task')], 404, 'TASK_NOT_FOUND'), put('an ordering with a task of another project', 'task', [task.id, other.task.id], 404, 'TASK_NOT_FOUND'),
    put('an ordering of tasks with a session', 'task', [session.id], 404, 'TASK_NOT_FOUND'), put('an ordering of sessions with a task', 'session', [task.id], 404, 'SESSION_NOT_FOUND'),
    put('an ordering of 5,001', 'task', Array.from({ length: 5_001 }, (_, n) => `task_${n}`), 422, 'ORDERING_TOO_LONG'),
    move('a move of what is not there', { id: nobody('task'), before: task.id }, 404, 'TASK_NOT_FOUND'), move('a move before what is not there', { id: task.id, before: nobody('task') }, 404, 'TASK_NOT_FOUND'),
    move('a move before itself', { id: task.id, before: task.id }, 400, 'VALIDATION_FAILED'), move('a move of another project', { id: other.task.id, before: task.id }, 404, 'TASK_NOT_FOUND'),
  ];
}

function talk(): Case[] {
  const { project, session, mail } = world;
  const send = (what: string, body: object, status: number, code: string): Case => ({ what, method: 'POST', path: '/api/mail', body: { body: 'b', ...body }, status, code });
  const at = (what: string, rest: string, body: object | undefined, status: number, code: string): Case => ({ what, method: 'POST', path: `/api/sessions/${session.id}/${rest}`, body, status, code });
  return [
    send('a mail to a session that has ended', { toSessionId: session.id }, 409, 'SESSION_ENDED'), send('a mail to nobody', { toSessionId: nobody('sess') }, 404, 'SESSION_NOT_FOUND'),
    send('a mail to a session by kind that is not there', { to: { kind: 'session', id: nobody('sess') } }, 404, 'SESSION_NOT_FOUND'), send('a mail to a member that is not there', { to: { kind: 'team_member', id: nobody('tm') } }, 404, 'TEAM_MEMBER_NOT_FOUND'),
    send('a mail to a project that is not there', { to: { kind: 'project', id: nobody('proj') } }, 404, 'PROJECT_NOT_FOUND'), send('an answer to a mail that is not there', { replyToMailId: nobody('mail') }, 404, 'MAIL_NOT_FOUND'),
    send("a mail to nobody's children", { to: { kind: 'children' } }, 400, 'VALIDATION_FAILED'), send("a mail to nobody's siblings", { to: { kind: 'siblings' } }, 400, 'VALIDATION_FAILED'),
    send("a mail to nobody's project", { to: { kind: 'project' } }, 400, 'VALIDATION_FAILED'), send('a mail from a session that is not there', { toSessionId: mail.toSessionId, fromSessionId: nobody('sess') }, 404, 'SESSION_NOT_FOUND'),
    at('a report of a session that has ended', 'timeline', { kind: 'progress', message: 'm' }, 409, 'SESSION_ENDED'), at('input to a session that has ended', 'input', { text: 'i' }, 409, 'SESSION_ENDED'),
    at('a pause of a session that has ended', 'pause', undefined, 409, 'INVALID_TRANSITION'), at('a resumption of one', 'resume', undefined, 409, 'INVALID_TRANSITION'),
    { what: 'a cursor of another log', method: 'GET', path: '/api/events?after=other-1.1', status: 410, code: 'CURSOR_GONE' }, { what: 'a cursor from the future', method: 'GET', path: `/api/sessions/${session.id}/events?after=999999`, status: 410, code: 'CURSOR_GONE' },
    { what: 'tasks of a project that is not there', method: 'GET', path: `/api/tasks?projectId=${nobody('proj')}`, status: 404, code: 'PROJECT_NOT_FOUND' }, { what: 'mail of a project that is not there', method: 'GET', path: `/api/mail?projectId=${nobody('proj')}`, status: 404, code: 'PROJECT_NOT_FOUND' },
    { what: 'mail of a session that is not there', method: 'GET', path: `/api/mail?toSessionId=${nobody('sess')}`, status: 404, code: 'SESSION_NOT_FOUND' }, { what: 'members of a project that is not there', method: 'GET', path: `/api/team-members?projectId=${nobody('proj')}`, status: 404, code: 'PROJECT_NOT_FOUND' },
    { what: 'sessions of a task that is not there', method: 'GET', path: `/api/sessions?projectId=${project.id}&taskId=${nobody('task')}`, status: 404, code: 'TASK_NOT_FOUND' },
  ];
}

it('each is refused with the code that says why, and nothing has changed', async () => {
  const before = await world.state();
  const failures: string[] = [];
  for (const { what, method, path, body, headers, status, code } of [...missing(), ...stale(), ...tasks(), ...orderings(), ...talk()]) {
    const answer = await world.scenario.api.request(method, path, { body, headers });
    const problem = problemOf(answer, status, code);
    if (problem !== null) failures.push(`${what}: ${problem}`);
  }

  expect(failures).toEqual([]);
  expect(await world.state()).toEqual(before);
}, 120_000);

it('a key that was used for another body is refused, and what it was used for stays as it is', async () => {
  const { api } = world.scenario;
  const send = (title: string): Promise<Answer> => api.request('POST', '/api/tasks', { body: { projectId: world.project.id, title }, headers: { 'idempotency-key': 'one' } });
  const made = await send('One');
  const before = await world.state();
  const refused = await send('Another');

  expect(made.status).toBe(201);
  expect(problemOf(refused, 422, 'IDEMPOTENCY_KEY_REUSED')).toBeNull();
  expect((await send('One')).body).toEqual(made.body);
  expect((await world.state())['head']).toBe(before['head']);
});

function problemOf({ status, headers, body }: Answer, expectedStatus: number, code: string): string | null {
  const said = `${status} ${JSON.stringify(body)}`;
  if (status !== expectedStatus || body['code'] !== code) return `not ${expectedStatus} ${code}: ${said}`;
  const isWhole = headers.get('content-type') === 'application/problem+json' && body['status'] === status && typeof body['detail'] === 'string' && typeof body['traceId'] === 'string';
  return isWhole ? null : `no whole problem: ${said}`;
}
