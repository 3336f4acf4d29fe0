import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { NotifierRpc, SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { TestGateway, type Send } from '../testing/test-gateway.js';

let gateway: TestGateway;
beforeAll(async () => { gateway = await TestGateway.start(); });
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.service.asked.length = 0;
  gateway.service.answers.clear();
});

const project = { name: 'p', workingDir: '/srv/p' };
const jsonHeaders = { 'content-type': 'application/json' };
const isProblem = (answer: { headers: Record<string, unknown>; body: Record<string, unknown>; status: number }) => {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.body).toMatchObject({ type: expect.any(String), title: expect.any(String), status: answer.status, detail: expect.any(String), traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
};

describe('REST', () => {
  it.each([
    ['POST', '/api/projects', project, 201, SessionRpc.createProject, { body: project }],
    ['GET', '/api/projects?limit=3&cursor=proj_01ARZ3NDEKTSV4RRFFQ69G5FAV', undefined, 200, SessionRpc.listProjects, { limit: 3, cursor: 'proj_01ARZ3NDEKTSV4RRFFQ69G5FAV' }],
    ['GET', '/api/sessions/sess_1/timeline?cursor=12', undefined, 200, SessionRpc.listTimeline, { id: 'sess_1', cursor: '12' }],
    ['GET', '/api/projects/proj_1', undefined, 200, SessionRpc.getProject, { id: 'proj_1' }],
    ['PATCH', '/api/projects/proj_1', { name: 'q' }, 200, SessionRpc.updateProject, { id: 'proj_1', body: { name: 'q' } }],
    ['DELETE', '/api/projects/proj_1', undefined, 204, SessionRpc.deleteProject, { id: 'proj_1' }],
    ['POST', '/api/tasks', { projectId: 'p1', title: 't' }, 201, SessionRpc.createTask, { body: { projectId: 'p1', title: 't' } }],
    ['GET', '/api/tasks?projectId=p1&status=todo&ready=true', undefined, 200, SessionRpc.listTasks, { projectId: 'p1', status: 'todo', ready: true }],
    ['GET', '/api/tasks/task_1/children?limit=1', undefined, 200, SessionRpc.listTasks, { parentId: 'task_1', limit: 1 }],
    ['PATCH', '/api/tasks/task_1', { parentId: null }, 200, SessionRpc.updateTask, { id: 'task_1', body: { parentId: null } }],
    ['DELETE', '/api/tasks/task_1', undefined, 204, SessionRpc.deleteTask, { id: 'task_1' }],
    ['POST', '/api/team-members', { name: 'Ann', projectId: null, capabilities: ['spawn'] }, 201, SessionRpc.createTeamMember, { body: { name: 'Ann', projectId: null, capabilities: ['spawn'] } }],
    ['GET', '/api/team-members?projectId=p1&scope=global&status=active', undefined, 200, SessionRpc.listTeamMembers, { projectId: 'p1', scope: 'global', status: 'active' }],
    ['GET', '/api/team-members/tm_1', undefined, 200, SessionRpc.getTeamMember, { id: 'tm_1' }],
    ['PATCH', '/api/team-members/tm_1', { model: null }, 200, SessionRpc.updateTeamMember, { id: 'tm_1', body: { model: null } }],
    ['DELETE', '/api/team-members/tm_1', undefined, 204, SessionRpc.deleteTeamMember, { id: 'tm_1' }],
    ['POST', '/api/team-members/tm_1/archive', undefined, 200, SessionRpc.archiveTeamMember, { id: 'tm_1', archived: true }],
    ['POST', '/api/team-members/tm_1/unarchive', undefined, 200, SessionRpc.archiveTeamMember, { id: 'tm_1', archived: false }],
    ['GET', '/api/team-members/tm_1/memory', undefined, 200, SessionRpc.getTeamMember, { id: 'tm_1' }],
    ['POST', '/api/team-members/tm_1/memory', { text: 'm' }, 200, SessionRpc.addMemory, { id: 'tm_1', text: 'm' }],
    ['PUT', '/api/team-members/tm_1/memory', { memory: [] }, 200, SessionRpc.updateTeamMember, { id: 'tm_1', body: { memory: [] } }],
    ['GET', '/api/ordering/task/p1', undefined, 200, SessionRpc.getOrdering, { entityType: 'task', projectId: 'p1' }],
    ['PUT', '/api/ordering/session/p1', { ids: ['s2', 's1'] }, 200, SessionRpc.replaceOrdering, { entityType: 'session', projectId: 'p1', ids: ['s2', 's1'] }],
    ['POST', '/api/ordering/task/p1/move', { id: 't1', before: 't2' }, 200, SessionRpc.moveInOrdering, { entityType: 'task', projectId: 'p1', body: { id: 't1', before: 't2' } }],
    ['POST', '/api/sessions/spawn', { projectId: 'p1', initialDirective: 'go' }, 201, SessionRpc.spawn, { body: { projectId: 'p1', initialDirective: 'go' } }],
    ['GET', '/api/sessions?state=running', undefined, 200, SessionRpc.listSessions, { state: 'running' }],
    ['GET', '/api/sessions/sess_1', undefined, 200, SessionRpc.getSession, { id: 'sess_1' }],
    ['PATCH', '/api/sessions/sess_1', { name: 'n' }, 200, SessionRpc.updateSession, { id: 'sess_1', body: { name: 'n' } }],
    ['DELETE', '/api/sessions/sess_1', undefined, 204, SessionRpc.deleteSession, { id: 'sess_1' }],
    ...(['stop', 'pause', 'resume', 'kill', 'interrupt'] as const).map((action) =>
      ['POST', `/api/sessions/sess_1/${action}`, { reason: 'r' }, 202, SessionRpc.actOnSession, { id: 'sess_1', action, reason: 'r' }] as const),
    ['POST', '/api/sessions/sess_1/input', { text: 'hi' }, 202, SessionRpc.inputToSession, { id: 'sess_1', text: 'hi' }],
    ['POST', '/api/sessions/sess_1/continue', { initialDirective: 'go on' }, 201, SessionRpc.continueSession, { id: 'sess_1', body: { initialDirective: 'go on' } }],
    ['GET', '/api/sessions/sess_1/events?after=4&limit=9', undefined, 200, SessionRpc.sessionEventPage, { id: 'sess_1', after: 4, limit: 9 }],
    ['GET', '/api/sessions/sess_1/timeline', undefined, 200, SessionRpc.listTimeline, { id: 'sess_1' }],
    ['POST', '/api/sessions/sess_1/timeline', { kind: 'progress', message: 'm' }, 201, SessionRpc.postTimeline, { id: 'sess_1', kind: 'progress', message: 'm' }],
    ['POST', '/api/sessions/sess_1/timeline', { kind: 'task_completed', message: 'm', taskId: 't1', taskStatus: 'in_review' }, 201, SessionRpc.postTimeline, { id: 'sess_1', kind: 'task_completed', message: 'm', taskId: 't1', taskStatus: 'in_review' }],
    ['GET', '/api/sessions/sess_1/manifest', undefined, 200, SessionRpc.getManifest, { id: 'sess_1' }],
    ['GET', '/api/sessions/sess_1/manifest/input', undefined, 200, SessionRpc.getManifestInput, { id: 'sess_1' }],
    ['GET', '/api/sessions/sess_1/transitions', undefined, 200, SessionRpc.listTransitions, { id: 'sess_1' }],
    ['GET', '/api/sessions/sess_1/approvals', undefined, 200, SessionRpc.listApprovals, { id: 'sess_1' }],
    ['POST', '/api/sessions/sess_1/approvals/appr_1', { decision: 'allow' }, 200, SessionRpc.answerApproval, { id: 'sess_1', approvalId: 'appr_1', decision: 'allow' }],
    ['POST', '/api/mail', { toSessionId: 's1', body: 'hi' }, 201, SessionRpc.sendMail, { body: { toSessionId: 's1', body: 'hi' } }],
    ['POST', '/api/mail', { to: { kind: 'children' }, fromSessionId: 's1', body: 'hi' }, 201, SessionRpc.sendMail, { body: { to: { kind: 'children' }, fromSessionId: 's1', body: 'hi' } }],
    ['GET', '/api/mail?projectId=p1&state=queued', undefined, 200, SessionRpc.listMail, { projectId: 'p1', state: 'queued' }],
    ['GET', '/api/mail/inbox/s1?unread=true', undefined, 200, SessionRpc.listInbox, { sessionId: 's1', unread: true }],
    ['GET', '/api/mail/thread/mail_1', undefined, 200, SessionRpc.listMail, { threadId: 'mail_1' }],
    ['GET', '/api/mail/mail_1', undefined, 200, SessionRpc.getMail, { id: 'mail_1' }],
    ['POST', '/api/mail/mail_1/read', undefined, 200, SessionRpc.readMail, { id: 'mail_1' }],
    ['DELETE', '/api/mail/mail_1', undefined, 204, SessionRpc.deleteMail, { id: 'mail_1' }],
    ['GET', '/api/events?limit=2', undefined, 200, SessionRpc.eventPage, { limit: 2 }],
    ['GET', '/api/notifications?unread=true', undefined, 200, NotifierRpc.list, { unread: true }],
    ['GET', '/api/notifications/ntf_1', undefined, 200, NotifierRpc.get, { id: 'ntf_1' }],
    ['POST', '/api/notifications/ntf_1/read', undefined, 200, NotifierRpc.markRead, { id: 'ntf_1' }],
    ['GET', '/api/runners', undefined, 200, SessionRpc.listRunners, {}],
    ['POST', '/api/runners/slot-0/drain', undefined, 200, SessionRpc.drainRunner, { id: 'slot-0', drained: true }],
    ['POST', '/api/runners/slot-0/undrain', undefined, 200, SessionRpc.drainRunner, { id: 'slot-0', drained: false }],
    ['GET', '/api/providers', undefined, 200, SessionRpc.listProviders, {}],
  ] as const)('%s %s', async (method, path, body, status, rpc, req) => {
    const answer = await gateway.send(method, path, { body });

    expect(answer.status).toBe(status);
    const asked = gateway.service.requestsOf(rpc).at(-1)?.req;
    expect(asked).toEqual(method === 'GET' ? req : { ...req, meta: { actor: { kind: 'admin' }, traceId: expect.any(String) } });
    if (method !== 'GET') expect(answer.headers['x-orbitmesh-cursor']).toBe(gateway.service.head);
    if (status === 204) expect(answer.text).toBe('');
  });

  it('says where a new resource is, and its revision', async () => {
    const answer = await gateway.send('POST', '/api/projects', { body: project });

    expect(answer.headers).toMatchObject({ location: '/api/projects/proj_1', etag: '"1"' });
    expect(answer.body).toEqual({ id: 'proj_1', ...project, revision: 1 });
  });

  it("says where a mail is, and gives a broadcast no place of its own", async () => {
    const one = await gateway.send('POST', '/api/mail', { body: { toSessionId: 's1', body: 'hi' } });
    gateway.service.answers.set(SessionRpc.sendMail.name, () => ({ status: 201, body: { broadcastId: 'bc_1', threadId: 'bc_1', type: 'directive', recipients: [], full: [] }, cursor: 'x.1' }));
    const all = await gateway.send('POST', '/api/mail', { body: { to: { kind: 'project', id: 'p1' }, body: 'hi' } });

    expect([one.status, one.headers.location]).toEqual([201, '/api/mail/mail_1']);
    expect([all.status, all.headers.location]).toEqual([201, undefined]);
  });

  it("gives a member's memory as a list", async () => {
    expect((await gateway.send('GET', '/api/team-members/tm_1/memory')).body).toEqual({ items: ['m'], nextCursor: null });
  });

  it('takes an action without a body', async () => {
    const [bare, empty] = await Promise.all([
      gateway.send('POST', '/api/sessions/sess_1/stop'), gateway.send('POST', '/api/sessions/sess_1/stop', { headers: jsonHeaders, raw: '' }),
    ]);

    expect([bare.status, empty.status]).toEqual([202, 202]);
  });

  it('passes on the status that the owner gave', async () => {
    gateway.service.answers.set(SessionRpc.actOnSession.name, () => ({ status: 200, body: { id: 'sess_1', revision: 3 }, cursor: 'x.1', replayed: true }));

    const answer = await gateway.send('POST', '/api/sessions/sess_1/kill');

    expect(answer).toMatchObject({ status: 200, headers: { etag: '"3"', 'x-orbitmesh-cursor': 'x.1', 'idempotent-replayed': 'true' } });
  });

  it('answers 304 to who has the revision already', async () => {
    expect(await gateway.send('GET', '/api/projects/proj_1')).toMatchObject({ status: 200, headers: { etag: '"7"' } });
    expect(await gateway.send('GET', '/api/projects/proj_1', { headers: { 'if-none-match': '"7"' } })).toMatchObject({ status: 304, text: '' });
  });

  it.each([['"5"', 5], ['W/"5"', 5], ['5', 5], ['*', undefined], ['"abc"', -1], ['"01"', -1], ['"0"', 0]])('reads If-Match: %s', async (header, revision) => {
    await gateway.send('PATCH', '/api/projects/proj_1', { body: { name: 'q' }, headers: { 'if-match': header } });

    expect((gateway.service.asked.at(-1)?.req['meta'] as { ifMatch?: number }).ifMatch).toBe(revision);
  });

  it('scopes an Idempotency-Key by token, method and path, and hashes the body as it came', async () => {
    const raw = '{ "name":"p",  "workingDir":"/srv/p" }';

    await gateway.send('POST', '/api/projects?', { raw, headers: { ...jsonHeaders, 'idempotency-key': 'k-1' } });

    const bodyHash = createHash('sha256').update(raw).digest('hex');
    expect(gateway.service.asked.at(-1)?.req['meta']).toMatchObject({ idempotency: { scope: 'admin POST /api/projects', key: 'k-1', bodyHash } });
  });

  it('carries the trace of its caller', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

    await gateway.send('POST', '/api/projects', { body: project, headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });

    expect(gateway.service.asked.at(-1)?.req['meta']).toMatchObject({ traceId });
  });
});

describe('bad input', () => {
  const big = JSON.stringify({ ...project, description: 'x'.repeat(300_000) });
  type Refused = [string, string, string, Send, number, string, string?];
  const refused: Refused[] = [
    ['an unknown key', 'POST', '/api/projects', { body: { ...project, x: 1 } }, 400, 'VALIDATION_FAILED', '/x'],
    ['__proto__', 'POST', '/api/projects', { raw: '{"name":"p","workingDir":"/p","__proto__":{"a":1}}', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', '/__proto__'],
    ['constructor', 'POST', '/api/projects', { raw: '{"name":"p","workingDir":"/p","constructor":{"prototype":{}}}', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', '/constructor'],
    ['a key twice', 'POST', '/api/projects', { raw: '{"name":"p","name":"q","workingDir":"/p"}', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', ''],
    ['a NUL in a name', 'POST', '/api/projects', { raw: '{"name":"\\u0000","workingDir":"/p"}', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', '/name'],
    ['broken JSON', 'POST', '/api/projects', { raw: '{"name":', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', ''],
    ['no body', 'POST', '/api/projects', {}, 400, 'VALIDATION_FAILED', ''],
    ['a body of null', 'POST', '/api/sessions/sess_1/stop', { raw: 'null', headers: jsonHeaders }, 400, 'VALIDATION_FAILED', ''],
    ['text/plain', 'POST', '/api/projects', { raw: '{}', headers: { 'content-type': 'text/plain' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a form', 'POST', '/api/projects', { raw: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a body without a type', 'POST', '/api/projects', { raw: '{}' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a content type that is none', 'POST', '/api/projects', { raw: '{}', headers: { 'content-type': ';;' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a body past 256 KiB', 'POST', '/api/projects', { raw: big, headers: jsonHeaders }, 413, 'BODY_TOO_LARGE'],
    ['a chunked body past 256 KiB', 'POST', '/api/projects', { raw: big, headers: { ...jsonHeaders, 'transfer-encoding': 'chunked' } }, 413, 'BODY_TOO_LARGE'],
    ['a route that is not there', 'GET', '/api/nothing', {}, 404, 'NOT_FOUND'],
    ['a method that is not there', 'PUT', '/api/projects', { body: {} }, 405, 'METHOD_NOT_ALLOWED'],
    ['OPTIONS', 'OPTIONS', '/api/projects', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['an escape that is none', 'GET', '/api/projects/%zz', {}, 400, 'VALIDATION_FAILED'],
    ['an id ..', 'GET', '/api/projects/..', {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id %2e%2e', 'GET', '/api/projects/%2e%2e', {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id with /', 'GET', '/api/sessions/a%2Fb', {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id with NUL', 'GET', '/api/sessions/a%00b', {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id with a subject wildcard', 'GET', '/api/sessions/%3E', {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id of 65 characters', 'GET', `/api/sessions/${'x'.repeat(65)}`, {}, 400, 'VALIDATION_FAILED', '/id'],
    ['an id of 5,000 characters', 'GET', `/api/sessions/${'x'.repeat(5_000)}`, {}, 404, 'NOT_FOUND'],
    ['a bad approval id', 'POST', '/api/sessions/sess_1/approvals/a.b', { body: { decision: 'allow' } }, 400, 'VALIDATION_FAILED', '/approvalId'],
    ['an answer with both', 'POST', '/api/sessions/sess_1/approvals/a', { body: { decision: 'allow', optionId: 'o' } }, 400, 'VALIDATION_FAILED', ''],
    ['an answer with neither', 'POST', '/api/sessions/sess_1/approvals/a', { body: { reason: 'r' } }, 400, 'VALIDATION_FAILED', ''],
    ['an ordering of something else', 'GET', '/api/ordering/project/p1', {}, 400, 'VALIDATION_FAILED', '/entityType'],
    ['an ordering with an id twice', 'PUT', '/api/ordering/task/p1', { body: { ids: ['a', 'a'] } }, 400, 'VALIDATION_FAILED', '/ids'],
    ['a move to nowhere', 'POST', '/api/ordering/task/p1/move', { body: { id: 'a' } }, 400, 'VALIDATION_FAILED', ''],
    ['a move to two places', 'POST', '/api/ordering/task/p1/move', { body: { id: 'a', before: 'b', after: 'c' } }, 400, 'VALIDATION_FAILED', ''],
    ['a mail to nobody', 'POST', '/api/mail', { body: { body: 'hi' } }, 400, 'VALIDATION_FAILED', ''],
    ['a mail to two', 'POST', '/api/mail', { body: { body: 'hi', toSessionId: 's', replyToMailId: 'm' } }, 400, 'VALIDATION_FAILED', '/replyToMailId'],
    ...(['session', 'team_member'] as const).map((kind): Refused => [`a mail to a ${kind} without its id`, 'POST', '/api/mail', { body: { body: 'hi', to: { kind } } }, 400, 'VALIDATION_FAILED', '/to/id']),
    ...(['children', 'siblings'] as const).map((kind): Refused => [`a mail to ${kind} of an id`, 'POST', '/api/mail', { body: { body: 'hi', to: { kind, id: 's' } } }, 400, 'VALIDATION_FAILED', '/to/id']),
    ['a wait of 61 seconds', 'GET', '/api/mail/wait/s1?timeout=61', {}, 400, 'VALIDATION_FAILED', '/timeout'],
    ['a report only the system makes', 'POST', '/api/sessions/s/timeline', { body: { kind: 'started', message: 'm' } }, 400, 'VALIDATION_FAILED', '/kind'],
    ['limit 201', 'GET', '/api/projects?limit=201', {}, 400, 'VALIDATION_FAILED', '/limit'],
    ['limit NaN', 'GET', '/api/events?limit=NaN', {}, 400, 'VALIDATION_FAILED', '/limit'],
    ['limit twice', 'GET', '/api/events?limit=1&limit=2', {}, 400, 'VALIDATION_FAILED', '/limit'],
    ...['projects', 'tasks', 'team-members', 'sessions', 'mail', 'mail/inbox/s', 'notifications', 'tasks/t/children'].flatMap((list): Refused[] => [
      [`a cursor of ${list} that is none`, 'GET', `/api/${list}?cursor=zzz`, {}, 400, 'VALIDATION_FAILED', '/cursor'],
      [`a cursor of ${list} that is another list's`, 'GET', `/api/${list}?cursor=run_01ARZ3NDEKTSV4RRFFQ69G5FAV`, {}, 400, 'VALIDATION_FAILED', '/cursor'],
    ]),
    ['a cursor of a timeline that is none', 'GET', '/api/sessions/s/timeline?cursor=sess_01ARZ3NDEKTSV4RRFFQ69G5FAV', {}, 400, 'VALIDATION_FAILED', '/cursor'],
    ['a cursor of the stream that is none', 'GET', '/api/events/stream?after=nonsense', {}, 400, 'VALIDATION_FAILED', '/after'],
    ['a cursor of the stream twice', 'GET', '/api/events/stream?after=a.1&after=a.2', {}, 400, 'VALIDATION_FAILED', '/after'],
    ['a Last-Event-ID that is none', 'GET', '/api/events/stream', { headers: { 'last-event-id': 'nonsense' } }, 400, 'VALIDATION_FAILED', '/last-event-id'],
    ['a stream of an id that is none', 'GET', '/api/events/stream?sessionIds=a,*', {}, 400, 'VALIDATION_FAILED', '/sessionIds'],
    ['a stream of an id twice', 'GET', '/api/events/stream?taskIds=a,a', {}, 400, 'VALIDATION_FAILED', '/taskIds'],
    ['a stream of a type that is none', 'GET', '/api/events/stream?types=*', {}, 400, 'VALIDATION_FAILED', '/types'],
    ['a stream of 201 ids', 'GET', `/api/events/stream?sessionIds=${Array.from({ length: 201 }, (_, n) => n).join(',')}`, {}, 400, 'VALIDATION_FAILED', '/sessionIds'],
    ['a body that came compressed', 'POST', '/api/projects', { body: project, headers: { 'content-encoding': 'gzip' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['an unknown parameter', 'GET', '/api/sessions?foo=1', {}, 400, 'VALIDATION_FAILED', '/foo'],
    ['a parameter __proto__', 'GET', '/api/sessions?__proto__=1', {}, 400, 'VALIDATION_FAILED', '/__proto__'],
    ['a secret by value', 'POST', '/api/sessions/spawn', { body: { projectId: 'p', environment: { API_KEY: 'x' } } }, 400, 'SECRET_BY_VALUE', '/environment/API_KEY'],
    ['an empty key', 'POST', '/api/projects', { body: project, headers: { 'idempotency-key': '' } }, 400, 'VALIDATION_FAILED', '/idempotency-key'],
    ['a key of 256 characters', 'POST', '/api/projects', { body: project, headers: { 'idempotency-key': 'x'.repeat(256) } }, 400, 'VALIDATION_FAILED', '/idempotency-key'],
    ['a key with a space', 'POST', '/api/projects', { body: project, headers: { 'idempotency-key': 'a b' } }, 400, 'VALIDATION_FAILED', '/idempotency-key'],
    ['an If-Match that is none', 'PATCH', '/api/projects/p', { body: {}, headers: { 'if-match': '"1", "2"' } }, 400, 'VALIDATION_FAILED', '/if-match'],
  ];

  it.each(refused.map((row) => [row[0], row] as const))('%s: one problem, and nobody was asked', async (_name, [, method, path, send, status, code, pointer]) => {
    const answer = await gateway.send(method, path, send);

    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    isProblem(answer);
    if (pointer !== undefined) expect(answer.body['errors']).toContainEqual(expect.objectContaining({ pointer }));
    expect(gateway.service.asked.filter((one) => one.name !== SessionRpc.eventPage.name)).toEqual([]);
  });

  it('names the methods a resource takes', async () => {
    expect((await gateway.send('PUT', '/api/projects/p')).headers.allow).toBe('DELETE, GET, HEAD, PATCH');
  });

  it('refuses what is no HTTP with a problem too', async () => {
    const answer = await gateway.send('GET', '/api/projects', { headers: { 'x-much': 'x'.repeat(20_000) } });

    expect(answer.status).toBe(431);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});

describe('errors of other services', () => {
  const fails = (error: Error) => gateway.service.answers.set(SessionRpc.getSession.name, () => { throw error; });
  const get = () => gateway.send('GET', '/api/sessions/sess_1');

  it('come with their code and their details', async () => {
    fails(new AppError('INVALID_TRANSITION', 'No.', { from: 'stopped', to: 'paused', allowed: [], status: 'forged', code: 'forged' }));

    const answer = await get();

    isProblem(answer);
    expect(answer).toMatchObject({ status: 409, body: { code: 'INVALID_TRANSITION', status: 409, detail: 'No.', from: 'stopped', to: 'paused', allowed: [] } });
  });

  it.each([[true, 'not recorded; the runner was told to end it'], [false, 'could not be told']])('say whether the runner was told what a full disk did not take: %s', async (runnerTold, words) => {
    fails(new AppError('STORAGE_FULL', 'ENOSPC on /secret/path', { path: '/secret/path', runnerTold }));

    const answer = await get();

    expect(answer).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL', runnerTold, detail: expect.stringContaining(words) } });
    expect(answer.text).not.toContain('secret');
  });

  it('tell nothing of our insides when they are ours', async () => {
    fails(new AppError('STORAGE_WRITE', 'EIO on /secret/path', { path: '/secret/path' }));

    const answer = await get();

    isProblem(answer);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'STORAGE_WRITE' } });
    expect(answer.text).not.toContain('/secret/path');
  });

  it('become INTERNAL when nobody foresaw them', async () => {
    fails(new Error('boom /secret'));

    const answer = await get();

    expect(answer).toMatchObject({ status: 500, body: { code: 'INTERNAL' } });
    expect(answer.text).not.toContain('secret');
  });
});

describe('the gateway itself', () => {
  it('is live without a token, and ready when all it needs is there, which the notifier is not', async () => {
    expect(await gateway.send('GET', '/health/live', { token: null })).toMatchObject({ status: 200 });
    expect(await gateway.send('GET', '/health/ready', { token: null })).toMatchObject({ status: 200, body: { ready: true, checks: { gateway: true, sessionService: true, runners: 1, notifier: false } } });
  });

  it('says what readiness is missing', async () => {
    gateway.service.answers.set(SessionRpc.listRunners.name, () => ({ items: [{ id: 'slot-0', state: 'lost' }], nextCursor: null }));
    // What it found is kept for a moment.
    const answer = await eventually(async () => {
      const now = await gateway.send('GET', '/health/ready', { token: null });
      return now.status === 503 ? now : null;
    });

    isProblem(answer);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'UNAVAILABLE', checks: { sessionService: true, runners: 0 } } });
  });

  it('repeats what a service says is wrong with it, and nothing else that it knows', async () => {
    const problem = 'The disk is full.';
    const details = { storage: { ok: false, problem, lastError: 'ENOSPC: /secret/path' }, feed: { ok: true, problem: 'none' } };
    gateway.service.answers.set(SessionRpc.health.name, () => ({ ok: false, service: 'session-service', pid: 1, details }));
    const answer = await eventually(async () => {
      const now = await gateway.send('GET', '/health/ready', { token: null });
      return (now.body as { checks: { sessionService: boolean } }).checks.sessionService ? null : now;
    });

    expect(answer).toMatchObject({ status: 503, body: { checks: { sessionService: false }, problems: { sessionService: problem } } });
    expect(answer.text).not.toContain('/secret');
  });

  it('repeats what a service that serves has found in its home, and lists it to the admin', async () => {
    const storage = { ok: true, notice: '1 file was damaged.', quarantined: [{ file: 'tasks/t.json', reason: 'is empty', at: '2026-01-01T00:00:00.000Z', more: 1 }] };
    gateway.service.answers.set(SessionRpc.health.name, () => ({ ok: true, service: 'session-service', pid: 1, details: { storage, feed: { cursor: 'x.1' } } }));
    gateway.service.bus.serve(NotifierRpc.health, () => ({ ok: true, service: 'notifier', pid: 1, details: { store: { ok: true, quarantined: [] } } }));

    const answer = await eventually(async () => {
      const now = await gateway.send('GET', '/health/ready', { token: null });
      return now.status === 200 && (now.body as { problems?: object }).problems ? now : null;
    });
    expect(answer).toMatchObject({ status: 200, body: { ready: true, checks: { sessionService: true }, problems: { sessionService: '1 file was damaged.' } } });
    expect((await gateway.send('GET', '/api/system/damages')).body).toEqual({
      items: [{ service: 'session-service', file: 'session-service/tasks/t.json', reason: 'is empty', at: '2026-01-01T00:00:00.000Z' }], nextCursor: null,
    });
  });

  it('answers 503 with its code for a page whose file cannot be read', async () => {
    gateway.service.answers.set(SessionRpc.sessionEventPage.name, () => { throw new AppError('STORAGE_READ'); });

    const answer = await gateway.send('GET', '/api/sessions/sess_1/events');

    isProblem(answer);
    expect(answer).toMatchObject({ status: 503, body: { code: 'STORAGE_READ' } });
  });

  it('counts what it answers', async () => {
    const answer = await gateway.send('GET', '/metrics');

    expect(answer.headers['content-type']).toContain('text/plain');
    expect(answer.text).toMatch(/orbitmesh_http_requests_total\{service="api-gateway",method="POST",status="2xx"\} [1-9]/);
  });

  it('describes every route it has, and no other', async () => {
    const { body } = await gateway.send('GET', '/openapi.json', { token: null });
    const described = Object.entries(body['paths'] as object).flatMap(([path, methods]) => Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`));

    const { RouteTable } = await import('./route-table.js');
    const routed = gateway.app.get(RouteTable).all().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(described.sort()).toEqual(routed.sort());
    expect((body['components'] as { schemas: Record<string, unknown> }).schemas['SpawnSessionDto']).toMatchObject({ additionalProperties: false, required: ['projectId'] });
  });
});
