import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Project } from '@orbitmesh/domain';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { Feed, pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS, inFaultRun } from './how-often.js';

/** Longer than a lease. */
const NATS_AWAY_MS = 40_000;

inFaultRun(`NATS away for ${NATS_AWAY_MS / 1000} s`, () => {
  let nats: TestNats;
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    nats = await startNats();
    scenario = await Scenario.start({ natsUrl: nats.url });
    project = await scenario.project();
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    await nats.stop();
  }, 30_000);

  it('loses no session: the agent works on, commands are 503 at once, the socket stays and catches up', async () => {
    const { id } = await scenario.spawn(project.id, { custom: { demo: { numbered: 50, delayMs: Math.ceil(NATS_AWAY_MS / 25) } } });
    await scenario.running(id);
    const feed = await Feed.open(scenario.stack);
    const gone = performance.now();
    await nats.kill();
    const refused = await eventually(async () => {
      const since = performance.now();
      const answer = await scenario.api.request('POST', '/api/tasks', { body: { projectId: project.id, title: 'Refused' } });
      return answer.status === 503 ? { ...answer, ms: performance.now() - since } : null;
    }, { what: 'a 503' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.ms).toBeLessThan(1_000);
    await eventually(() => feed.frames.some((frame) => frame.type === 'degraded'), { what: 'degraded' });
    await eventually(() => performance.now() - gone >= NATS_AWAY_MS, { what: 'the end of the outage', timeoutMs: NATS_AWAY_MS + 5_000 });
    await nats.restart();
    await feed.until((event) => event.sessionId === id && event.type === 'notify:session_completed', 'the end', FAULT_TEST_MS / 2);
    expect(await scenario.session(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
    expect(feed.closed).toBe(false);
    expect(feed.events.map((event) => event.seq)).toEqual(feed.events.map((_event, n) => feed.events[0].seq + n));
    const text = (await pageAll((path) => scenario.api.get(path))).filter((event) => event.sessionId === id && event.type === 'output')
      .map((event) => (event.data as { content: string }).content).join('');
    expect([...text.matchAll(/numbered (\d+)\/50/g)].map((match) => Number(match[1]))).toEqual(Array.from({ length: 50 }, (_none, n) => n + 1));
    await feed.close();
  }, FAULT_TEST_MS);
});
