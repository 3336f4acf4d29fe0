import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { badInputFailures, badRequestsOf, oneIn, type BadRequest, type OpenApiDocument } from '@orbitmesh/testing';
import { TestGateway } from '../testing/test-gateway.js';
import { RouteTable } from './route-table.js';
import { Traffic } from './traffic.js';

/** What is asked of session-service without anybody having asked us. */
const OWN_QUESTIONS = ['events.head', 'events.page', 'token.verify', 'health', 'runner.list'];
const CANARY = 'canary-7f3a9c51e2';

let gateway: TestGateway;
let requests: BadRequest[];
let logDir: string;
let log: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  logDir = await mkdtemp(join(tmpdir(), 'om-log-'));
  log = await open(join(logDir, 'gateway.log'), 'w');
  gateway = await TestGateway.start({ logFd: log.fd });
  const document = (await gateway.send('GET', '/openapi.json')).body as unknown as OpenApiDocument;
  requests = badRequestsOf(document, {
    token: gateway.token, canary: CANARY,
    idOf: (_path, name) => (name === 'entityType' ? 'task' : 'id_1'),
    bodies: {
      'POST /api/mail': { toSessionId: 'sess_1', body: CANARY },
      'POST /api/ordering/{entityType}/{projectId}/move': { id: 'a', before: 'b' },
      'POST /api/sessions/{id}/approvals/{approvalId}': { decision: 'allow' },
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  await log.close();
  await rm(logDir, { recursive: true });
});
beforeEach(() => { gateway.service.asked.length = 0; });

const failuresOf = (some: readonly BadRequest[]) => badInputFailures(`http://127.0.0.1:${gateway.port}`, some, CANARY);

it('is tried on every route, in more than 300 ways', () => {
  const routes = gateway.app.get(RouteTable).all().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);

  expect([...new Set(requests.map(({ operation }) => operation))].sort()).toEqual(routes.sort());
  expect(requests.length).toBeGreaterThan(300);
});

it('is refused each time with one problem that points to the field, and asked of nobody', async () => {
  expect(await failuresOf(oneIn(9, requests))).toEqual([]);
  expect(gateway.service.asked.filter(({ name }) => !OWN_QUESTIONS.includes(name))).toEqual([]);
  expect(await gateway.app.get(Traffic).idle(5_000)).toBe(true);
}, 300_000);

it('of a caller is told to no log', async () => {
  await failuresOf(oneIn(3, requests.filter(({ status }) => status === 401 || status === 415)));
  const logged = await readFile(join(logDir, 'gateway.log'), 'utf8');

  expect(logged).not.toContain(CANARY);
  expect(logged).not.toContain(gateway.token);
});
