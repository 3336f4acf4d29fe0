import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RouteTable } from '../http/route-table.js';
import type { Asked } from '../testing/scripted-session-service.js';
import { TestGateway, type Answer } from '../testing/test-gateway.js';
import type { AgentScope } from './agent-access.guard.js';

/** Every route there is, and what of it is open to an agent's token. A new route has to be decided here. */
const DECIDED: Record<string, AgentScope | 'closed' | 'public' | 'its-feed' | 'its-ticket'> = {
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  'GET /openapi.json': 'public',
  'GET /metrics': 'closed',

  'POST /api/projects': 'closed',
  'GET /api/projects': 'closed',
  'GET /api/projects/:id': 'project',
  'PATCH /api/projects/:id': 'closed',
  'DELETE /api/projects/:id': 'closed',

  'POST /api/tasks': 'its-project',
  'GET /api/tasks': 'its-project',
  'GET /api/tasks/:id': 'its-project',
  'GET /api/tasks/:id/children': 'its-project',
  'PATCH /api/tasks/:id': 'its-project',
  'DELETE /api/tasks/:id': 'closed',

  'POST /api/team-members': 'closed',
  'GET /api/team-members': 'its-project',
  'GET /api/team-members/:id': 'its-project',
  'PATCH /api/team-members/:id': 'closed',
  'DELETE /api/team-members/:id': 'closed',
  'POST /api/team-members/:id/archive': 'closed',
  'POST /api/team-members/:id/unarchive': 'closed',
  'GET /api/team-members/:id/memory': 'its-project',
  'POST /api/team-members/:id/memory': 'its-own',
  'PUT /api/team-members/:id/memory': 'closed',

  'GET /api/ordering/:entityType/:projectId': 'project',
  'PUT /api/ordering/:entityType/:projectId': 'closed',
  'POST /api/ordering/:entityType/:projectId/move': 'closed',

  'POST /api/sessions/spawn': 'its-project',
  'GET /api/sessions': 'its-project',
  'GET /api/sessions/:id': 'its-project',
  'PATCH /api/sessions/:id': 'closed',
  'DELETE /api/sessions/:id': 'closed',
  'POST /api/sessions/:id/stop': 'closed',
  'POST /api/sessions/:id/pause': 'closed',
  'POST /api/sessions/:id/resume': 'closed',
  'POST /api/sessions/:id/kill': 'closed',
  'POST /api/sessions/:id/interrupt': 'closed',
  'POST /api/sessions/:id/input': 'closed',
  'POST /api/sessions/:id/continue': 'closed',
  'POST /api/sessions/:id/approvals/:approvalId': 'closed',
  'GET /api/sessions/:id/events': 'session',
  'GET /api/sessions/:id/timeline': 'its-own',
  'POST /api/sessions/:id/timeline': 'session',
  'GET /api/sessions/:id/manifest': 'session',
  'GET /api/sessions/:id/manifest/input': 'session',
  'GET /api/sessions/:id/transitions': 'session',
  'GET /api/sessions/:id/approvals': 'session',

  'POST /api/mail': 'its-own',
  'GET /api/mail': 'its-own',
  'GET /api/mail/inbox/:sessionId': 'session',
  'GET /api/mail/wait/:sessionId': 'session',
  'GET /api/mail/thread/:threadId': 'its-own',
  'GET /api/mail/:id': 'its-own',
  'POST /api/mail/:id/read': 'its-own',
  'DELETE /api/mail/:id': 'its-own',

  'GET /api/events': 'closed',
  'GET /api/events/stream': 'its-feed',
  'GET /api/notifications': 'closed',
  'GET /api/notifications/:id': 'closed',
  'POST /api/notifications/:id/read': 'closed',
  'POST /api/notifications/:id/unread': 'closed',
  'POST /api/notifications/read': 'closed',
  'POST /api/webhooks': 'closed',
  'GET /api/webhooks': 'closed',
  'GET /api/webhooks/:id': 'closed',
  'PATCH /api/webhooks/:id': 'closed',
  'DELETE /api/webhooks/:id': 'closed',
  'GET /api/webhooks/:id/secret': 'closed',
  'POST /api/webhooks/:id/rotate-secret': 'closed',
  'POST /api/webhooks/:id/test': 'closed',
  'GET /api/webhooks/:id/deliveries': 'closed',
  'GET /api/webhooks/:id/deliveries/:deliveryId': 'closed',
  'POST /api/webhooks/:id/deliveries/:deliveryId/retry': 'closed',
  'POST /api/tokens': 'closed',
  'GET /api/tokens': 'closed',
  'GET /api/tokens/:id': 'closed',
  'DELETE /api/tokens/:id': 'closed',
  'POST /api/tokens/:id/rotate': 'closed',
  'POST /api/tickets': 'its-ticket',
  'GET /api/runners': 'closed',
  'POST /api/runners/:id/drain': 'closed',
  'POST /api/runners/:id/undrain': 'closed',
  'GET /api/providers': 'closed',
  'GET /api/system/damages': 'closed',
  'GET /api/audit': 'closed',
};
/** Something each of them takes, where it takes a body. */
const BODIES: Record<string, (whose: Whose) => object> = {
  'POST /api/tasks': ({ projectId }) => ({ projectId, title: 't' }),
  'PATCH /api/tasks/:id': () => ({ status: 'completed' }),
  'POST /api/team-members/:id/memory': () => ({ text: 'm' }),
  'POST /api/sessions/spawn': ({ projectId }) => ({ projectId, initialDirective: 'go' }),
  'POST /api/sessions/:id/timeline': () => ({ kind: 'progress', message: 'm' }),
  'POST /api/mail': ({ sessionId }) => ({ fromSessionId: sessionId, toSessionId: 'sess_3', body: 'hi' }),
};
/** Lists, which are cut down to its project. */
const LISTS = ['GET /api/tasks', 'GET /api/team-members', 'GET /api/sessions', 'GET /api/mail'];

interface Whose { sessionId: string; projectId: string; id: string }
const OWN: Whose = { sessionId: 'sess_1', projectId: 'proj_1', id: 'any_1' };
const OTHERS: Whose = { sessionId: 'sess_2', projectId: 'proj_2', id: 'any_2' };
const TOKEN = 'oma_sess_1_1_mac';
const AGENT = { kind: 'agent', sessionId: OWN.sessionId };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
  gateway.service.agents.set(TOKEN, { sessionId: OWN.sessionId, projectId: OWN.projectId, taskIds: [] });
});
afterAll(() => gateway.stop());
beforeEach(() => { gateway.service.asked.length = 0; });

async function send(route: string, whose: Whose, query = ''): Promise<{ answer: Answer; asked: Asked[] }> {
  const [method, pattern] = route.split(' ');
  const id = pattern.startsWith('/api/sessions') ? whose.sessionId : pattern.startsWith('/api/projects') ? whose.projectId : whose.id;
  const named: Record<string, string> = { ...whose, id, entityType: 'task', approvalId: 'appr_1', threadId: 'mail_1' };
  const path = pattern.replace(/:(\w+)/g, (_all, name: string) => named[name]);
  const answer = await gateway.send(method, path + query, { token: TOKEN, body: BODIES[route]?.(whose) });
  return { answer, asked: gateway.service.asked.filter(({ name }) => name !== 'token.verify' && name !== 'events.head' && name !== 'events.page') };
}

const refused = ({ answer, asked }: { answer: Answer; asked: Asked[] }) => {
  expect([answer.status, answer.body['code']]).toEqual([403, 'FORBIDDEN']);
  expect(asked).toEqual([]);
};
/** Its owner was told on whose behalf. */
const passedOn = ({ answer, asked }: { answer: Answer; asked: Asked[] }) => {
  expect(answer.status).toBeLessThan(300);
  expect(asked.length).toBeGreaterThan(0);
  for (const { req } of asked) expect((req['meta'] as { actor?: object } | undefined)?.actor ?? req['reader']).toEqual(AGENT);
};
const routesOf = (...decisions: string[]) => Object.keys(DECIDED).filter((route) => decisions.includes(DECIDED[route]));

it('is decided for every route there is, and for no other', () => {
  const routes = gateway.app.get(RouteTable).all().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path}`);

  expect(Object.keys(DECIDED).sort()).toEqual(routes.sort());
});

describe("an agent's token", () => {
  it.each(routesOf('closed'))('%s: is refused', async (route) => {
    refused(await send(route, OWN));
    refused(await send(route, OTHERS));
  });

  it.each(routesOf('public'))('%s: makes no difference', async (route) => {
    expect((await send(route, OWN)).answer.status).toBe(200);
  });

  it.each(routesOf('session', 'project'))('%s: is taken where the path names its own, and refused where it names another', async (route) => {
    passedOn(await send(route, OWN));
    gateway.service.asked.length = 0;
    refused(await send(route, OTHERS));
  });

  it.each(routesOf('its-project', 'its-own'))('%s: is passed on as what it is, for session-service to decide', async (route) => {
    passedOn(await send(route, OWN));
    gateway.service.asked.length = 0;
    passedOn(await send(route, OTHERS));
  });

  it.each(routesOf('its-feed'))('%s: is taken; what it shows is cut down event by event', async (route) => {
    expect((await gateway.send('HEAD', route.split(' ')[1], { token: TOKEN })).status).toBe(200);
  });

  it.each(routesOf('its-ticket'))('%s: is taken; what is got for it is worth no more than itself', async (route) => {
    expect((await send(route, OWN)).answer.status).toBe(201);
  });

  it.each(LISTS)('%s: is the list of its project, and of no other', async (route) => {
    const { asked } = await send(route, OWN);
    expect(asked[0].req).toMatchObject({ projectId: OWN.projectId, reader: AGENT });
    passedOn(await send(route, OWN, `?projectId=${OWN.projectId}`));
    gateway.service.asked.length = 0;
    refused(await send(route, OWN, `?projectId=${OTHERS.projectId}`));
  });

  it('is not told of to session-service by who is none', async () => {
    await gateway.send('GET', '/api/tasks/task_1');
    await gateway.send('GET', '/api/tasks');

    expect(gateway.service.asked.filter(({ name }) => name.startsWith('task.')).map(({ req }) => req)).toEqual([{ id: 'task_1' }, {}]);
  });

  it('is worth nothing once its session has ended', async () => {
    expect((await gateway.send('GET', '/api/sessions/sess_9', { token: 'oma_sess_9_1_mac' })).status).toBe(401);
  });
});
