import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Project, SessionView } from '@orbitmesh/domain';
import { Chance, eventually, faultSeed } from '@orbitmesh/testing';
import { countedLines, pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS, inFaultRun } from './how-often.js';

const RUNNER = 'provider-runner/slot-0';
const KILLS_EACH = 4;
const LINES = 40;
/** Lines of the agent, this far apart: it is at work for four seconds, in which the kill falls. */
const LINE_MS = 100;

const SEED = faultSeed();

inFaultRun(`kill -9 (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  it.each(['session-service', 'api-gateway', RUNNER, 'notifier', 'nats'])(
    'of %s, at random moments of running sessions, loses and doubles nothing', async (service) => {
      for (let n = 0; n < KILLS_EACH; n++) await killOnce(service);
    }, FAULT_TEST_MS);

  async function killOnce(service: string): Promise<void> {
    const before = await pageAll(get);
    const spawned = await Promise.all([1, 2, 3].map(() => scenario.api.insist<SessionView>('POST', '/api/sessions/spawn', {
      projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: LINES, delayMs: LINE_MS } },
    })));
    const moment = chance.between(0, LINES * LINE_MS);
    const since = performance.now();
    await eventually(() => performance.now() - since >= moment, { what: 'the moment' });
    await scenario.stack.kill(service);
    // A write in the middle of it, and one that was acknowledged before: both are there afterwards.
    const task = await scenario.api.insist<{ id: string }>('POST', '/api/tasks', { projectId: project.id, title: `Written while ${service} was away` });
    await scenario.stack.waitReady();
    for (const { id } of spawned) {
      const ended = await scenario.ended(id, 90_000).catch((error: Error) => { throw new Error(`${service} killed after ${moment} ms: ${error.message}`); });
      if (ended.outcome!.code !== 'completed') throw new Error(`${service} killed after ${moment} ms: ${id} came to ${JSON.stringify(ended.outcome)}`);
    }
    const all = await pageAll(get);
    expect(all.slice(0, before.length)).toEqual(before);
    expect(all.map((event) => event.seq)).toEqual(all.map((_event, index) => index + 1));
    for (const { id } of spawned) expect({ service, moment, lines: countedLines(all, id) }).toEqual({ service, moment, lines: Array.from({ length: LINES }, (_none, index) => index + 1) });
    for (const { id } of spawned) expect(all.filter((event) => event.sessionId === id && /^notify:session_(completed|failed|stopped)$/.test(event.type))).toHaveLength(1);
    expect(await scenario.api.get(`/api/tasks/${task.id}`)).toMatchObject({ id: task.id });
  }

  const get = (path: string): Promise<unknown> => scenario.api.get(path);
});
