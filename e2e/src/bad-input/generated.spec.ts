import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { badInputFailures, badRequestsOf, LONG, oneIn, type BadRequest, type OpenApiDocument } from '@orbitmesh/testing';
import { World } from './world.js';

/** The gateway's own spec has as many again, of every route. */
const REQUESTS_MIN = LONG ? 1_800 : 150;
const CANARY = 'canary-51c09f3e7a';

let world: World;
let requests: BadRequest[];
beforeAll(async () => {
  world = await World.start();
  const { api, stack } = world.scenario;
  const ids: [RegExp, string][] = [
    [/^\/api\/projects/, world.project.id], [/^\/api\/tasks/, world.task.id], [/^\/api\/team-members/, world.member.id], [/^\/api\/sessions/, world.session.id], [/^\/api\/mail/, world.mail.id],
  ];
  const named: Record<string, string> = { entityType: 'task', projectId: world.project.id, sessionId: world.session.id, threadId: world.mail.threadId, approvalId: 'appr_1' };
  requests = oneIn(12, badRequestsOf(await api.get<OpenApiDocument & Record<string, unknown>>('/openapi.json'), {
    token: stack.token, canary: CANARY,
    idOf: (path, name) => named[name] ?? ids.find(([pattern]) => pattern.test(path))?.[1] ?? 'id_1',
    bodies: {
      'POST /api/mail': { fromSessionId: world.session.id, to: { kind: 'project' }, body: CANARY },
      'POST /api/tasks': { projectId: world.project.id, title: CANARY },
      'POST /api/ordering/{entityType}/{projectId}/move': { id: world.task.id, before: world.chain[0].id },
      'POST /api/sessions/{id}/approvals/{approvalId}': { decision: 'allow' },
    },
  }));
}, 120_000);
afterAll(() => world.stop(), 30_000);

it(`more than ${REQUESTS_MIN} bad requests over all routes: each is one problem that points to the field, and nothing has changed`, async () => {
  const before = await world.state();

  expect(requests.length).toBeGreaterThan(REQUESTS_MIN);
  expect(await badInputFailures(world.scenario.stack.url, requests, CANARY)).toEqual([]);
  expect(await world.state()).toEqual(before);
}, 600_000);

it('what they brought along is in no log', async () => {
  const logs = await world.logs();

  expect(logs).not.toContain(CANARY);
  expect(logs).not.toContain(world.scenario.stack.token);
});
