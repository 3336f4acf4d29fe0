import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { RATE_BURST_SECONDS } from '../limits.js';
import { Listener } from '../testing/listener.js';
import { TestGateway, type Answer } from '../testing/test-gateway.js';

const AGENT = 'oma_sess_1_1_mac';
const OTHER_AGENT = 'oma_sess_2_1_mac';

/** Each is answered with one frame. */
const SAID = [{ type: 'subscribe', filter: {} }, { type: 'ping' }, 'no frame at all'];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start({ rates: { agentRate: 2, refusedRate: 2 } });
  gateway.service.agents.set(AGENT, { sessionId: 'sess_1', projectId: 'proj_1', taskIds: [] });
  gateway.service.agents.set(OTHER_AGENT, { sessionId: 'sess_2', projectId: 'proj_1', taskIds: [] });
});
afterAll(async () => {
  Listener.terminateAll();
  await gateway.stop();
});

/** How many of as many as empty a bucket several times over were answered with that status. */
async function asked(send: () => Promise<{ status: number }>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let n = 0; n < 2 * RATE_BURST_SECONDS * 3; n++) {
    const { status } = await send();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** The bucket gets its next drop while a slow machine asks: it is empty again soon. */
const limited = (send: () => Promise<Answer>): Promise<Answer> => eventually(async () => {
  const answer = await send();
  return answer.status === 429 ? answer : undefined;
}, { what: 'a 429' });

describe('an agent that asks too often', () => {
  it('is told to wait, and so is nobody else', async () => {
    const counts = await asked(() => gateway.send('GET', '/api/tasks', { token: AGENT }));
    const refused = await limited(() => gateway.send('GET', '/api/tasks', { token: AGENT }));

    expect(counts[200]).toBeGreaterThanOrEqual(2 * RATE_BURST_SECONDS);
    expect(counts[429]).toBeGreaterThan(0);
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, body: { code: 'TOO_MANY_REQUESTS' } });
    expect((await gateway.send('GET', '/api/tasks', { token: OTHER_AGENT })).status).toBe(200);
    expect((await gateway.send('GET', '/api/tasks')).status).toBe(200);
    expect((await gateway.send('GET', '/metrics')).text).toMatch(/^orbitmesh_rate_limited_total\{service="api-gateway",of="agent"\} \d+$/m);
  });

  it('is told so on its socket, too, which stays', async () => {
    const listener = await Listener.connect(gateway, OTHER_AGENT);
    for (let n = 0; n < 2 * RATE_BURST_SECONDS * 3; n++) {
      const heard = listener.frames.length;
      listener.say(SAID[n % SAID.length]);
      await eventually(() => listener.frames.length > heard);
    }

    expect(listener.of('error').map(({ code }) => code)).toEqual(expect.arrayContaining(['TOO_MANY_REQUESTS']));
    expect(listener.closed).toBeNull();
  });
});

describe('an address that is refused too often', () => {
  beforeEach(async () => { await asked(() => gateway.send('GET', '/api/tasks', { token: 'omu_guess' })); });

  it.each([
    ['a wrong token', { token: 'omu_another' }], ['no token', { token: null }], ['a foreign Host', { headers: { host: 'evil.example' } }], ['a foreign Origin', { headers: { origin: 'http://evil.example' } }],
  ])('is told to wait instead of why: %s', async (_what, how) => {
    expect(await limited(() => gateway.send('GET', '/api/tasks', how))).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, body: { code: 'TOO_MANY_REQUESTS' } });
  });

  it('still comes in with a valid token, by request and by socket, and is told how we are', async () => {
    const listener = await Listener.connect(gateway);

    expect((await gateway.send('GET', '/api/tasks')).status).toBe(200);
    expect((await gateway.send('GET', '/health/live', { token: null })).status).toBe(200);
    expect(listener.closed).toBeNull();
  });

  it('gets no socket either', async () => {
    await eventually(() => Listener.connect(gateway, 'omu_guess').then(() => false, (error: Error) => error.message.includes('429')), { what: 'a refusal with 429' });
  });
});
