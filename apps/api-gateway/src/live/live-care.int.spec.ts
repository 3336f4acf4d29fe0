import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import { CONTROL_FRAMES_MAX, INBOX_FRAMES_MAX, SLOW_CLOSE_MS_MAX, UNSENT_BYTES_HIGH, UNSENT_BYTES_MAX } from '../limits.js';
import type { ScriptedSessionService } from '../testing/scripted-session-service.js';
import { LOG_ID } from '../testing/scripted-session-service.js';
import { LiveClients } from './live-clients.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';

let gateway: TestGateway;
let service: ScriptedSessionService;
beforeEach(async () => {
  gateway = await TestGateway.start();
  service = gateway.service;
});
afterEach(async () => {
  Listener.terminateAll();
  await gateway.stop();
});

/** The gateway's own side of every socket. */
const clients = () => [...(gateway.app.get(LiveClients) as unknown as { clients: Set<{ socket: WebSocket; pingsMissed: number; tick(now: number): void }> }).clients];
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const many = (count: number, bytes = 10) => range(1, count).map(() => ({ sessionId: 's1', data: { content: 'x'.repeat(bytes) } }));

describe('a client that does not read', () => {
  it('is not pushed to, costs little, and sees everything once it reads', async () => {
    const slow = await Listener.subscribed(gateway);
    const quick = await Listener.subscribed(gateway);
    slow.ws.pause();
    const total = 600;
    for (let i = 0; i < total; i++) {
      service.commit(many(1, 20_000));
      if (i % 20 === 19) await quick.next('event', i + 1);
    }
    await quick.next('event', total);
    const unsent = clients().map((client) => client.socket.bufferedAmount);
    expect(Math.max(...unsent)).toBeGreaterThan(UNSENT_BYTES_HIGH);
    expect(Math.max(...unsent)).toBeLessThan(UNSENT_BYTES_MAX);
    slow.ws.resume();
    await slow.next('event', total);

    expect(slow.seqs).toEqual(range(1, total));
    expect(quick.seqs).toEqual(range(1, total));
  });
});

describe('a client that says more than there is to say', () => {
  it.each([
    ['frames', (ws: WebSocket) => ws.send('{"type":"ping"}'), INBOX_FRAMES_MAX], ['frames that are none', (ws: WebSocket) => ws.send(''), INBOX_FRAMES_MAX],
    ['pings', (ws: WebSocket) => ws.ping(), CONTROL_FRAMES_MAX], ['pongs', (ws: WebSocket) => ws.pong(), CONTROL_FRAMES_MAX],
  ])('at once is told so, and not heard any more: %s', async (_what, say, most) => {
    const listener = await Listener.connect(gateway);
    const raw = (listener.ws as unknown as { _socket: Socket })._socket;
    // As one packet, whose sender never closes.
    listener.ws.pause();
    raw.cork();
    for (let n = 0; n < 20 * most; n++) say(listener.ws);
    raw.uncork();
    const since = performance.now();
    await eventually(() => clients().length === 0);
    expect(performance.now() - since).toBeLessThan(SLOW_CLOSE_MS_MAX);
    listener.ws.resume();

    expect((await eventually(() => listener.closed)).code).toBe(1008);
  });
});

describe('a client that is looked after', () => {
  const later = (ms: number) => performance.now() + ms;

  it('is closed with 4008 when it has not read for a minute, and goes on by its cursor', async () => {
    const slow = await Listener.subscribed(gateway);
    slow.ws.pause();
    const quick = await Listener.subscribed(gateway);
    for (let i = 0; i < 800; i++) {
      service.commit(many(1, 20_000));
      if (i % 20 === 19) await quick.next('event', i + 1);
    }
    for (const client of clients()) client.tick(later(61_000));
    slow.ws.resume();

    expect((await eventually(() => slow.closed)).code).toBe(4008);
    expect(quick.closed).toBeNull();
    const again = await Listener.subscribed(gateway, {}, slow.events.at(-1)?.cursor);
    await again.next('event', 800 - slow.events.length);
    expect([...slow.seqs, ...again.seqs]).toEqual(range(1, 800));
  });

  it('hears a position at least every 15 s, past what its filter kept away', async () => {
    const listener = await Listener.subscribed(gateway, { sessionIds: ['nobody'] });
    service.commit(many(4));
    await (await Listener.subscribed(gateway, {}, `${LOG_ID}.0`)).next('event', 4);
    for (const client of clients()) client.tick(later(15_001));

    expect((await listener.next('position')).cursor).toBe(`${LOG_ID}.4`);
  });

  it('is cut off after two pings without an answer', async () => {
    const ws = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`, { headers: { authorization: `Bearer ${gateway.token}` }, autoPong: false });
    const alive = await Listener.connect(gateway);
    const gone = once(ws, 'close') as Promise<[number]>;
    await once(ws, 'ping', { signal: AbortSignal.timeout(1) }).catch(() => undefined);
    if (ws.readyState !== WebSocket.OPEN) await once(ws, 'open');
    for (const [index, ms] of [15_001, 30_002, 45_003].entries()) {
      for (const client of clients()) client.tick(later(ms));
      await eventually(() => clients().every((client) => client.pingsMissed === 0 || client.pingsMissed === index + 1 || index === 2));
      await alive.settled();
    }

    expect((await gone)[0]).toBe(1006);
    expect(alive.closed).toBeNull();
  });

  it.each(['status_change', 'session:updated', 'session:deleted'] as const)('is closed with 4001 as soon as the feed tells that its run is over: %s', async (type) => {
    for (const name of ['s1', 's2']) service.agents.set(`oma_${name}`, { sessionId: name, projectId: 'p1', taskIds: [] });
    const [agent, other] = [await Listener.subscribed(gateway, {}, undefined, 'oma_s1'), await Listener.subscribed(gateway, {}, undefined, 'oma_s2')];
    const admin = await Listener.subscribed(gateway);
    service.commit([{ type, sessionId: 's1' } as never]);
    await admin.next('event');
    await agent.settled();
    expect(agent.closed).toBeNull();
    service.agents.clear();
    service.commit([{ type, sessionId: 's1' } as never]);

    expect((await eventually(() => agent.closed)).code).toBe(4001);
    await other.settled();
    expect([other.closed, admin.closed]).toEqual([null, null]);
  });

  it('is closed with 4001 also when the feed does not tell, a little later', async () => {
    service.agents.set('oma_a', { sessionId: 's1', projectId: 'p1', taskIds: [] });
    const agent = await Listener.subscribed(gateway, {}, undefined, 'oma_a');
    service.agents.clear();
    (gateway.app.get(LiveClients) as unknown as { nextAgentRecheck: number }).nextAgentRecheck = 0;

    expect((await eventually(() => agent.closed)).code).toBe(4001);
  });

  it('is closed with 4001 when its token ended while it was on its way in', async () => {
    let asked = 0;
    service.answers.set('token.verify', () => {
      asked += 1;
      if (asked > 1) throw new AppError('UNAUTHENTICATED');
      return { actor: { kind: 'agent', sessionId: 's1' }, projectId: 'p1', taskIds: [] };
    });

    const agent = await Listener.connect(gateway, 'oma_a');

    expect((await eventually(() => agent.closed)).code).toBe(4001);
  });
});
