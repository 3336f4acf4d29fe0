import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { NotifierRpc } from '@orbitmesh/contracts';
import {
  Chance, faultSeed, hostileFrame, hostileFramesProblem, hostileProblem, hostileRequest, LONG, operationsOf, type OpenApiDocument, type Operation,
} from '@orbitmesh/testing';
import { TestGateway } from '../testing/test-gateway.js';
import { Traffic } from './traffic.js';

const REQUESTS = LONG ? 40_000 : 300;
const SOCKETS = LONG ? 1_500 : 20;
const FRAMES_OF_SOCKET = 8;
const AT_ONCE = 8;

const seed = faultSeed();
const mark = `hostile-${seed}`;

let gateway: TestGateway;
let operations: Operation[];
let builtIn: string;
beforeAll(async () => {
  gateway = await TestGateway.start();
  // Without it the list of damages is, rightly, unavailable.
  gateway.service.bus.serve(NotifierRpc.health, () => ({ ok: true, service: 'notifier', pid: 1, details: {} }));
  await gateway.service.bus.flush();
  operations = operationsOf((await gateway.send('GET', '/openapi.json')).body as unknown as OpenApiDocument);
  builtIn = properties();
});
afterAll(() => gateway.stop());

/** What everything inherits from; a change here changes every object of the process. */
function properties(): string {
  const all = [Object, Array, Function, String, Number, Boolean, Promise, Map, Set, RegExp, Error, Buffer];
  return JSON.stringify(all.map((one) => [one.name, Reflect.ownKeys(one).map(String), Reflect.ownKeys(one.prototype as object).map(String)]));
}

async function problemsOf(count: number, attempt: (chance: Chance) => Promise<string | null>): Promise<string[]> {
  const chance = new Chance(seed);
  const problems: string[] = [];
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0 && problems.length < 20) {
      left -= 1;
      const problem = await attempt(chance.fork());
      if (problem !== null) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return problems;
}

it(`${REQUESTS} hostile requests are each answered, none with a fault`, async () => {
  const options = { token: gateway.token, host: `127.0.0.1:${gateway.port}`, mark };
  const problems = await problemsOf(REQUESTS, async (chance) => {
    const request = hostileRequest(chance, operations, options);
    const problem = await hostileProblem(gateway.port, request);
    return problem && `${request.of}: ${problem}\n${JSON.stringify(request.bytes.toString('latin1').slice(0, 2_000))}`;
  });

  expect({ seed, problems }).toEqual({ seed, problems: [] });
}, 1_800_000);

it(`${SOCKETS * FRAMES_OF_SOCKET} hostile frames close their socket, or are answered, none with a fault`, async () => {
  const problems = await problemsOf(SOCKETS, async (chance) => {
    const frames = Array.from({ length: FRAMES_OF_SOCKET }, () => hostileFrame(chance, mark));
    const problem = await hostileFramesProblem(gateway.port, gateway.token, frames);
    return problem && `${problem}\n${frames.map(({ bytes }) => bytes.toString('latin1').slice(0, 400)).join('\n')}`;
  });

  expect({ seed, problems }).toEqual({ seed, problems: [] });
}, 1_800_000);

it('and after all of them it is as it was: nothing is under way, nothing inherited has changed, no file was made', async () => {
  expect(await gateway.app.get(Traffic).idle(10_000)).toBe(true);
  expect(properties()).toBe(builtIn);
  expect(({} as { admin?: unknown }).admin).toBeUndefined();
  expect((await Promise.all([tmpdir(), '/tmp', '/', process.cwd(), gateway.home].map((dir) => readdir(dir)))).flat().filter((name) => name.includes(mark))).toEqual([]);
  expect((await gateway.send('GET', '/api/projects')).status).toBe(200);
});
