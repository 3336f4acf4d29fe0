import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cable, eventually } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import type { Shares } from '../http/shares.js';
import { CLIENTS_MAX, SLOW_CLOSE_MS_MAX, STREAM_MS_MAX, UNSENT_BYTES_HIGH, UNSENT_BYTES_MAX } from '../limits.js';
import { LOG_ID, type ScriptedSessionService } from '../testing/scripted-session-service.js';
import { StreamReader, type StreamOptions } from '../testing/stream-reader.js';
import { TestGateway } from '../testing/test-gateway.js';
import { cursorOf, EventTail } from './event-tail.js';
import { LiveClients } from './live-clients.js';

let gateway: TestGateway;
let service: ScriptedSessionService;
const open: { close(): void }[] = [];
beforeEach(async () => {
  gateway = await TestGateway.start();
  service = gateway.service;
  ahead = 0;
});
afterEach(async () => {
  for (const client of open.splice(0)) client.close();
  await gateway.stop();
});

async function opened(options: StreamOptions = {}): Promise<StreamReader> {
  const reader = await StreamReader.opened(gateway, options);
  open.push(reader);
  return reader;
}
interface Client { response: { writableLength: number; socket: Socket }; tick(now: number): void; reader: { subscription: { page: { frame: Buffer }[] } } }
const live = () => gateway.app.get(LiveClients) as unknown as { clients: Set<Client>; shares: Shares };
const clients = () => [...live().clients];
let ahead = 0;
/** Time passes for the clients: so much more than the last time. */
const later = (ms: number) => {
  ahead += ms;
  for (const client of clients()) client.tick(performance.now() + ahead);
};
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const many = (count: number, bytes = 10) => range(1, count).map(() => ({ sessionId: 's1', data: { content: 'x'.repeat(bytes) } }));
const at = (seq: number) => `${LOG_ID}.${seq}`;

describe('an event stream', () => {
  it('begins with where it stands, and then has every event once, each as its envelope on one line', async () => {
    service.commit(many(3));
    await (await opened({ query: `?after=${at(0)}` })).upTo(3);
    const reader = await opened();
    for (const size of [1, 2, 3]) service.commit([...many(size - 1), { type: 'error', sessionId: 's1', data: { message: 'a\nb\r\u2028', code: 'x' } }]);
    await reader.upTo(9);

    expect(reader.incoming.statusCode).toBe(200);
    expect(reader.incoming.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    expect(reader.incoming.headers['content-encoding']).toBeUndefined();
    expect(reader.frames[0]).toEqual({ id: at(3), event: 'stream.opened', data: { resume: 'ok', cursor: at(3) } });
    expect(reader.seqs).toEqual(range(4, 9));
    expect(reader.frames.slice(1).map(({ id, event }) => [id, event])).toEqual([4, 5, 6, 7, 8, 9].map((seq) => [at(seq), [4, 6, 9].includes(seq) ? 'error' : 'output']));
    expect(reader.frames[1].data).toMatchObject({ seq: 4, cursor: at(4), data: { message: 'a\nb\r\u2028' } });
  });

  it('goes on exactly where it broke off, out of memory and out of the log, whatever else its address says', async () => {
    const first = await opened();
    service.commit(many(5));
    await first.upTo(5);
    first.close();
    for (let i = 0; i < 12; i++) service.commit(many(50));
    const second = await opened({ lastEventId: first.lastId, query: `?after=${at(1)}` });
    await second.upTo(605);
    service.commit(many(5));
    await second.upTo(610);

    expect(second.frames[0].data).toEqual({ resume: 'ok', cursor: at(5) });
    expect([...first.seqs, ...second.seqs]).toEqual(range(1, 610));
  });

  it('is picked up from before its first event too, and from past what its filter kept away', async () => {
    const quiet = await opened({ query: '?sessionIds=nobody' });
    quiet.close();
    service.commit(many(2));
    const again = await opened({ lastEventId: quiet.lastId });
    await again.upTo(2);
    const filtered = await opened({ query: `?sessionIds=nobody&after=${at(0)}` });
    await eventually(() => { later(3_001); return filtered.lastId === at(2); }, { what: 'a position' });

    expect(again.seqs).toEqual([1, 2]);
    expect(filtered.of('position').at(-1)).toEqual({ id: at(2), event: 'position', data: { cursor: at(2) } });
  });

  it.each([['of another log', 'other-1.3'], ['from the future', at(999)]])('says gap for a cursor %s, and goes on from the head', async (_name, cursor) => {
    service.commit(many(9));
    await (await opened({ query: `?after=${at(0)}` })).upTo(9);
    const reader = await opened({ lastEventId: cursor });
    service.commit(many(1));
    await reader.upTo(10);

    expect(reader.frames[0]).toEqual({ id: at(9), event: 'stream.opened', data: { resume: 'gap', cursor: at(9) } });
    expect(reader.seqs).toEqual([10]);
  });

  it('says so once more when the log becomes another one', async () => {
    service.commit(many(4));
    const reader = await opened();
    service.replaceLog('in_test-2', many(2));

    expect(await reader.next('stream.opened', 2)).toEqual({ id: 'in_test-2.2', event: 'stream.opened', data: { resume: 'gap', cursor: 'in_test-2.2' } });
  });

  it('shows what matches its query, live and from the log', async () => {
    const expected: [string, number[]][] = [
      ['', range(1, 6)], ['sessionIds=s1', [1, 4]], ['sessionIds=s1,s3', [1, 4, 5, 6]], ['sessionIds=s1&sessionIds=s3', [1, 4, 5, 6]], ['projectId=p2', [5, 6]],
      ['taskIds=t1', [3, 4, 6]], ['taskIds=t1&sessionIds=s1', [4]], ['types=output', [1]], ['types=status_change,notify:*', [2, 5, 6]],
      ['types=&sessionIds=&projectId=', range(1, 6)], ['sessionIds=s9', []],
    ];
    const all = (after: string) => Promise.all(expected.map(([query]) => opened({ query: `?${query}${after}` })));
    const following = await all('');
    service.commit([
      { type: 'output', projectId: 'p1', sessionId: 's1' }, { type: 'status_change', projectId: 'p1', sessionId: 's2' }, { type: 'task:created', projectId: 'p1', taskId: 't1' },
      { type: 'task:session_added', projectId: 'p1', taskId: 't1', sessionId: 's1' }, { type: 'notify:session_completed', projectId: 'p2', sessionId: 's3' },
      { type: 'notify:task_session_failed', projectId: 'p2', sessionId: 's3', taskId: 't1' },
    ]);
    const paged = await all(`&after=${at(0)}`);
    for (const readers of [following, paged]) {
      for (const reader of readers) await eventually(() => { later(3_001); return reader.lastId === at(6); }, { what: 'the end' });
      expect(readers.map(({ seqs }, nth) => [expected[nth][0], seqs])).toEqual(expected);
    }
  });

  it('is not begun for what it does not take', async () => {
    const { incoming } = await StreamReader.connect(gateway, { lastEventId: 'nonsense' });

    expect([incoming.statusCode, incoming.headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(clients()).toEqual([]);
  });

  it('takes an empty Last-Event-ID for none', async () => {
    expect((await opened({ lastEventId: '' })).frames[0].data).toEqual({ resume: 'ok', cursor: at(0) });
  });

  it('gives a HEAD its head alone', async () => {
    expect(await gateway.send('HEAD', '/api/events/stream')).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'text/event-stream' } });
    expect(clients()).toEqual([]);
  });

  it('shows an agent nothing but its own session and tasks, whatever it asks for', async () => {
    service.agents.set('oma_a', { sessionId: 's1', projectId: 'p1', taskIds: ['t1'] });
    const agent = await opened({ token: 'oma_a' });
    const greedy = await opened({ token: 'oma_a', query: '?projectId=p2' });
    service.commit([{ sessionId: 's1', projectId: 'p1' }, { sessionId: 's2', projectId: 'p1' }, { type: 'mail:received', sessionId: 's1' }, { taskId: 't1', sessionId: 's3', projectId: 'p2' }, { taskId: 't2', projectId: 'p2' }]);
    for (const reader of [agent, greedy]) await eventually(() => { later(3_001); return reader.lastId === at(5); }, { what: 'the end' });

    expect(agent.seqs).toEqual([1, 3, 4]);
    expect(greedy.seqs).toEqual([4]);
  });
});

describe('a stream that is looked after', () => {
  it('shows that it is alive', async () => {
    const reader = await opened();
    later(10_001);

    await eventually(() => reader.comments > 0);
  });

  it('says degraded while session-service is silent, and loses nothing', async () => {
    const reader = await opened();
    service.silence();
    expect((await reader.next('degraded')).id).toBeUndefined();
    service.commit(many(3), { heard: false });
    service.beacon();
    await reader.upTo(3);
    await reader.next('position');

    expect(reader.seqs).toEqual([1, 2, 3]);
  });

  it('is no request in flight, and counts as a client until it goes', async () => {
    const reader = await opened();
    const metrics = (await gateway.send('GET', '/metrics')).text;
    expect(metrics).toContain('orbitmesh_http_requests_in_flight{service="api-gateway"} 1\n');
    expect(metrics).toContain('orbitmesh_http_requests_held{service="api-gateway"} 1\n');
    expect(metrics).toContain('orbitmesh_live_clients{service="api-gateway"} 1\n');
    reader.close();

    await eventually(() => clients().length === 0);
    await eventually(async () => (await gateway.send('GET', '/metrics')).text.includes('orbitmesh_http_requests_held{service="api-gateway"} 0\n'));
  });

  it('has its place among all clients, sockets and streams together', async () => {
    await opened();
    const { shares } = live();
    const owner = { actor: { kind: 'admin' }, tokenId: 'admin' } as const;
    for (let n = 0; n < CLIENTS_MAX - 2; n += 1) shares.take(owner);
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`, { headers: { authorization: `Bearer ${gateway.token}` } });
    await once(socket, 'open');
    const refused = await gateway.send('GET', '/api/events/stream');
    for (let n = 0; n < CLIENTS_MAX - 2; n += 1) shares.leave(owner);
    socket.terminate();

    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'UNAVAILABLE' } });
  });

  it('ends after a while, without an error, and goes on where it was', async () => {
    const first = await opened();
    service.commit(many(3));
    await first.upTo(3);
    later(STREAM_MS_MAX);
    await eventually(() => first.ended);
    service.commit(many(3));
    const second = await opened({ lastEventId: first.lastId });
    await second.upTo(6);

    expect([...first.seqs, ...second.seqs]).toEqual(range(1, 6));
    expect(first.of('stream.error')).toEqual([]);
    expect(first.retry).toBe(1_000);
  });

  it('half-open, its other end gone without a word, gives its place back in the same time', async () => {
    const cable = await Cable.to(gateway.port);
    try {
      await opened({ port: cable.port });
      const here = await opened();
      cable.silence();
      later(STREAM_MS_MAX * 0.7);
      expect(clients()).toHaveLength(2);
      later(STREAM_MS_MAX * 0.3);
      await eventually(() => here.ended && clients().length === 0, { what: 'their places' });
    } finally {
      await cable.stop();
    }
  });

  it('ends when its token does', async () => {
    service.agents.set('oma_a', { sessionId: 's1', projectId: 'p1', taskIds: [] });
    const agent = await opened({ token: 'oma_a' });
    const admin = await opened();
    service.agents.clear();
    service.commit([{ type: 'session:updated', sessionId: 's1' } as never]);

    expect((await agent.next('stream.error')).data).toMatchObject({ code: 'UNAUTHENTICATED' });
    await eventually(() => agent.ended);
    expect(admin.ended).toBe(false);
  });

  it('ends when the gateway does, and says when to come back', async () => {
    const reader = await opened();
    const since = performance.now();
    await gateway.app.close();

    await eventually(() => reader.ended);
    expect(reader.frames.at(-1)).toMatchObject({ id: undefined, event: 'stream.error', data: { code: 'UNAVAILABLE' } });
    expect(reader.retry).toBe(1_000);
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});

describe('a stream that is not read', () => {
  const EVENT_BYTES = 100_000;
  /** What the two kernel buffers of a loopback connection may hold; far less than the 50 MB that are committed. */
  const KERNEL_BYTES_MAX = 16 * 1024 * 1024;

  /** Not node:http: nothing reads for it once it is paused. */
  async function openAndStopReading(query = ''): Promise<Client> {
    const socket = connect(gateway.port, '127.0.0.1');
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined); // Cut off by the server, as it should be.
    socket.write(`GET /api/events/stream${query} HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    return eventually(() => clients()[0]);
  }
  async function commit(events: number, bytes = EVENT_BYTES): Promise<void> {
    for (let i = 0; i < events; i++) {
      service.commit(many(1, bytes));
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    const tail = gateway.app.get(EventTail);
    await eventually(() => (tail.position && cursorOf(tail.position) === service.head ? true : null), { what: 'the head' });
  }
  const isBehind = (client: Client) => eventually(() => client.response.writableLength > UNSENT_BYTES_HIGH, { what: 'a client that is behind' });

  it('is sent no more than the kernel takes, and holds no more than its marks', async () => {
    const client = await openAndStopReading();
    await commit(500);
    await isBehind(client);
    const written = client.response.socket.bytesWritten;
    client.tick(performance.now());

    expect(written).toBeLessThan(KERNEL_BYTES_MAX);
    expect(client.response.socket.bytesWritten).toBe(written);
    expect(client.response.writableLength).toBeLessThan(UNSENT_BYTES_MAX);
    expect(client.reader.subscription.page.reduce((bytes, event) => bytes + event.frame.length, 0)).toBeLessThan(UNSENT_BYTES_MAX);
  });

  it('sees everything once it reads', async () => {
    const reader = await opened();
    reader.incoming.pause();
    await commit(700, 20_000);
    await isBehind(clients()[0]);
    reader.incoming.resume();
    await reader.upTo(700);

    expect(reader.seqs).toEqual(range(1, 700));
  });

  it('ends after its minute, and is cut off where that is not heard', async () => {
    const client = await openAndStopReading();
    await commit(500);
    await isBehind(client);
    const before = performance.now();
    client.tick(before + 61_000);

    await eventually(() => clients().length === 0, { timeoutMs: SLOW_CLOSE_MS_MAX + 5_000 });
    expect(performance.now() - before).toBeGreaterThan(SLOW_CLOSE_MS_MAX * 0.9);
  }, 20_000);
});
