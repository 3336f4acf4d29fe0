import { readdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { badInputFailures, badRequestsOf, Chance, faultSeed, hostileFrame, hostileFramesProblem, hostileProblem, hostileRequest, LONG, oneIn, operationsOf, type BadRequest, type OpenApiDocument } from '@orbitmesh/testing';
import { World } from './world.js';

/** The gateway's own spec has as many again, of every route. */
const REQUESTS_MIN = LONG ? 1_800 : 150;
const CANARY = 'canary-51c09f3e7a';
/** The gateway's own spec has many more, of both. */
const HOSTILE_REQUESTS = LONG ? 12_000 : 150;
const HOSTILE_SOCKETS = LONG ? 500 : 10;
const AT_ONCE = 4;

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

it(`and after ${HOSTILE_REQUESTS} hostile requests and ${HOSTILE_SOCKETS} sockets full of hostile frames everything still runs as it did, and no file was made elsewhere`, async () => {
  const { scenario: { stack, repository, api }, project, task, member, session, mail } = world;
  const port = Number(new URL(stack.url).port);
  const chance = new Chance(faultSeed());
  const mark = `hostile-${chance.seed}`;
  const operations = operationsOf(await api.get<OpenApiDocument & Record<string, unknown>>('/openapi.json'));
  const options = {
    token: stack.token, host: `127.0.0.1:${port}`, mark, never: ['POST /api/sessions/spawn', 'POST /api/sessions/{id}/continue'],
    ids: { projectId: project.id, sessionId: session.id, taskId: task.id, teamMemberId: member.id, threadId: mail.threadId, toSessionId: session.id, id: chance.pick([project, task, member, session, mail]).id },
  };
  const before = await stack.file();
  const problems: string[] = [];
  const request = async (): Promise<void> => {
    const one = hostileRequest(chance.fork(), operations, options);
    const problem = await hostileProblem(port, one);
    if (problem !== null) problems.push(`${one.of}: ${problem}\n${JSON.stringify(one.bytes.toString('latin1').slice(0, 2_000))}`);
  };
  const socket = async (): Promise<void> => {
    const frames = Array.from({ length: 8 }, () => hostileFrame(chance, mark));
    const problem = await hostileFramesProblem(port, stack.token, frames);
    if (problem !== null) problems.push(`${problem}\n${JSON.stringify(frames.map(({ bytes }) => bytes.toString('latin1').slice(0, 300)))}`);
  };
  const left = [...Array.from({ length: HOSTILE_REQUESTS }, () => request), ...Array.from({ length: HOSTILE_SOCKETS }, () => socket)];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (problems.length < 20) { const next = left.pop(); if (!next) return; await next(); } }));

  expect({ seed: chance.seed, problems }).toEqual({ seed: chance.seed, problems: [] });
  expect((await stack.file()).services).toEqual(before.services);
  const places = [tmpdir(), '/tmp', '/', '/dev/shm', homedir(), process.cwd(), dirname(stack.home), stack.home, repository];
  expect((await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat().filter((name) => name.includes(mark))).toEqual([]);
  expect((await api.request('GET', '/health/ready')).status).toBe(200);
}, 1_800_000);
