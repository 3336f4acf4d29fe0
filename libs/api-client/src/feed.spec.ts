import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { EventFilterDto } from '@orbitmesh/contracts';
import { WebSocketServer, type WebSocket } from 'ws';
import { ApiClient } from './api-client.js';
import { UnreachableError } from './errors.js';
import type { FeedItem } from './feed.js';
import { ATTEMPTS_MAX, FRAME_BYTES_MAX, QUEUE_BYTES_HIGH, QUEUE_EVENTS_HIGH, SILENCE_MS_MAX } from './limits.js';

interface Subscribe { type: string; filter: object; after?: string }
type Script = (socket: WebSocket, subscribe: Subscribe, nth: number) => void;

let server: Server;
let sockets: WebSocketServer;
let script: Script;
let subscribes: Subscribe[];
let refusals: number;
let abort: AbortController;
let client: ApiClient;

beforeEach(async () => {
  subscribes = [];
  refusals = 0;
  abort = new AbortController();
  sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'orbitmesh.v1' });
  server = createServer();
  server.on('upgrade', (request, socket, head) => {
    if (request.headers.authorization !== 'Bearer t') {
      refusals += 1;
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n{"code":"UNAUTHENTICATED","detail":"No."}');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data: Buffer) => {
        subscribes.push(JSON.parse(data.toString()) as Subscribe);
        script(ws, subscribes[subscribes.length - 1], subscribes.length);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' });
});
afterEach(() => {
  jest.useRealTimers();
  abort.abort();
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  server.close();
});

const say = (socket: WebSocket, ...frames: object[]) => { for (const frame of frames) socket.send(JSON.stringify(frame)); };
const subscribed = (cursor: string, resume = 'ok') => ({ type: 'subscribed', resume, cursor });
const event = (seq: number, more: object = {}) => ({ type: 'event', event: { seq, cursor: `log.${seq}`, id: `e${seq}`, type: 'output', ...more } });

/** Reads until `count` events came; every item on the way. */
async function read(count: number, filter: Partial<EventFilterDto> = {}, after?: string): Promise<FeedItem[]> {
  const items: FeedItem[] = [];
  for await (const item of client.feed(filter, { after, signal: abort.signal })) {
    items.push(item);
    if (items.filter((one) => one.type === 'event').length === count) break;
  }
  return items;
}
const seqs = (items: FeedItem[]) => items.flatMap((item) => (item.type === 'event' ? [item.event.seq] : []));

describe('a feed', () => {
  it.each(['{"type":"event","ev', 'null', '<html>502</html>'])('that says %j is connected to again, from where it was', async (garbage) => {
    script = (socket, _subscribe, nth) => {
      say(socket, subscribed(nth === 1 ? 'log.4' : 'log.5'), event(4 + nth));
      if (nth === 1) socket.send(garbage);
    };

    expect(seqs(await read(2))).toEqual([5, 6]);
    expect(subscribes.map(({ after }) => after)).toEqual([undefined, 'log.5']);
  });

  it('gives what comes, in order, and asks for what it was told to', async () => {
    script = (socket) => say(socket, subscribed('log.4'), event(5), { type: 'position', cursor: 'log.5' }, event(6));

    const items = await read(2, { sessionIds: ['s'] }, 'log.4');

    expect(items.map((item) => item.type)).toEqual(['subscribed', 'event', 'position', 'event']);
    expect(subscribes).toEqual([{ type: 'subscribe', filter: { sessionIds: ['s'] }, after: 'log.4' }]);
  });

  it('drops what it has already given', async () => {
    script = (socket) => say(socket, subscribed('log.0'), event(1), event(2), event(1), event(2), event(3));

    expect(seqs(await read(3))).toEqual([1, 2, 3]);
  });

  it('closes a hole by subscribing again from the last cursor', async () => {
    script = (socket, _frame, nth) => (nth === 1
      ? say(socket, subscribed('log.0'), event(1), event(4), event(5))
      : say(socket, subscribed('log.1'), event(2), event(3), event(4), event(5)));

    expect(seqs(await read(5))).toEqual([1, 2, 3, 4, 5]);
    expect(subscribes.map((frame) => frame.after)).toEqual([undefined, 'log.1']);
  });

  it('closes a hole in one session by its own numbers', async () => {
    script = (socket, _frame, nth) => (nth === 1
      ? say(socket, subscribed('log.0'), event(10, { sessionSeq: 1 }), event(30, { sessionSeq: 3 }))
      : say(socket, subscribed('log.10'), event(20, { sessionSeq: 2 }), event(30, { sessionSeq: 3 })));

    expect(seqs(await read(3, { sessionIds: ['s'] }))).toEqual([10, 20, 30]);
  });

  it('believes a hole that is there again, and asks no more', async () => {
    script = (socket, _frame, nth) => (nth === 1 ? say(socket, subscribed('log.0'), event(1), event(4)) : say(socket, subscribed('log.1'), event(4), event(9), event(20)));

    expect(seqs(await read(4))).toEqual([1, 4, 9, 20]);
    expect(subscribes).toHaveLength(2);
  });

  it('takes any growing numbers with a filter that has holes by nature', async () => {
    script = (socket) => say(socket, subscribed('log.0'), event(3), event(9));

    expect(seqs(await read(2, { types: ['output'] }))).toEqual([3, 9]);
    expect(subscribes).toHaveLength(1);
  });

  it('comes back from the last cursor when the connection breaks, also one a position told', async () => {
    script = (socket, _frame, nth) => {
      if (nth === 1) say(socket, subscribed('log.0'), event(1), { type: 'position', cursor: 'log.8' });
      else say(socket, subscribed('log.8'), event(9));
      if (nth === 1) socket.close(1001, 'shutting down');
    };

    const items = await read(2, { types: ['output'] });

    expect(seqs(items)).toEqual([1, 9]);
    expect(subscribes[1].after).toBe('log.8');
    expect(items).toContainEqual({ type: 'disconnected', reason: 'shutting down' });
  });

  it('passes a gap on and starts counting anew', async () => {
    script = (socket) => say(socket, subscribed('other.70', 'gap'), event(71), event(72));

    const items = await read(2, {}, 'log.4');

    expect(items[0]).toEqual({ type: 'subscribed', resume: 'gap', cursor: 'other.70' });
    expect(seqs(items)).toEqual([71, 72]);
  });

  it('slows the socket, not the memory, when its reader is slow', async () => {
    const total = QUEUE_EVENTS_HIGH * 6;
    script = (socket) => {
      say(socket, subscribed('log.0'));
      for (let seq = 1; seq <= total; seq++) say(socket, event(seq, { data: 'x'.repeat(10_000) }));
    };
    const feed = client.feed({}, { signal: abort.signal });
    const queue = (feed as unknown as { queue: FeedItem[] }).queue;
    let longest = 0;
    let last = 0;
    for await (const item of feed) {
      if (item.type !== 'event') continue;
      expect(item.event.seq).toBe(last + 1);
      last = item.event.seq;
      longest = Math.max(longest, queue.length);
      if (last % 64 === 0) await new Promise((resolve) => { setImmediate(resolve); });
      if (last === total) break;
    }

    expect(longest).toBeLessThan(QUEUE_EVENTS_HIGH * 2);
  });

  it('slows the socket also when few events are many bytes', async () => {
    const total = 40;
    script = (socket) => {
      say(socket, subscribed('log.0'));
      for (let seq = 1; seq <= total; seq++) say(socket, event(seq, { data: 'x'.repeat(500_000) }));
    };
    const feed = client.feed({}, { signal: abort.signal });
    const held = feed as unknown as { queuedBytes: number; socket: { isPaused: boolean } };
    let events = 0;
    for await (const item of feed) {
      if (item.type !== 'event') continue;
      while (events === 0 && !held.socket.isPaused && held.queuedBytes < total * 400_000) await new Promise((resolve) => { setImmediate(resolve); });
      expect(held.queuedBytes).toBeLessThan(QUEUE_BYTES_HIGH + 2 * FRAME_BYTES_MAX);
      if (++events === total) break;
    }

    expect(held.queuedBytes).toBe(0);
  });

  it('does not take for silence that it does not listen itself', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    const total = QUEUE_EVENTS_HIGH * 2;
    script = (socket) => {
      say(socket, subscribed('log.0'));
      for (let seq = 1; seq <= total; seq++) say(socket, event(seq));
    };
    const feed = client.feed({}, { signal: abort.signal });
    const held = feed as unknown as { queue: FeedItem[]; socket: { isPaused: boolean } };
    const items = feed[Symbol.asyncIterator]();
    await items.next();
    while (!held.socket.isPaused || held.queue.length <= QUEUE_EVENTS_HIGH + 1) await new Promise((resolve) => { setImmediate(resolve); });

    jest.advanceTimersByTime(SILENCE_MS_MAX * 2);

    for (let seq = 1; seq <= total; seq++) expect((await items.next()).value).toMatchObject({ type: 'event', event: { seq } });
    expect(subscribes).toHaveLength(1);
  });

  it.each([[404, 1], [503, ATTEMPTS_MAX]])('does not wait for the rest of a refusal (%d) that breaks off', async (status, attempts) => {
    server.removeAllListeners('upgrade').on('upgrade', (_request, socket: Duplex) => {
      refusals += 1;
      socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 100\r\n\r\n{"code":`, () => socket.destroy());
    });

    await expect(read(1)).rejects.toMatchObject({ status, code: `HTTP_${status}` });
    expect(refusals).toBe(attempts);
  });

  it('ends with the refusal when its token is not taken', async () => {
    client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'wrong' });

    await expect(read(1)).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(refusals).toBe(1);
  });

  it('ends when its token ends', async () => {
    script = (socket) => socket.close(4001, 'over');

    await expect(read(1)).rejects.toMatchObject({ status: 401 });
  });

  it('ends with the error of its filter', async () => {
    script = (socket) => say(socket, { type: 'error', code: 'VALIDATION_FAILED', detail: 'Bad.' });

    await expect(read(1)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it.each(['TOO_MANY_REQUESTS', 'INTERNAL'])('comes back to where it was when its subscription meets %s', async (code) => {
    script = (socket, _frame, nth) => {
      if (nth === 1) say(socket, subscribed('log.4'), event(5));
      else if (nth < 4) say(socket, { type: 'error', code, detail: 'Not now.' });
      else say(socket, subscribed('log.5'), event(6));
      if (nth === 1) socket.close(1001, 'shutting down');
    };

    const items = await read(2);

    expect(seqs(items)).toEqual([5, 6]);
    expect(items.filter(({ type }) => type === 'disconnected')).toHaveLength(1);
    expect(subscribes.map(({ after }) => after)).toEqual([undefined, 'log.5', 'log.5', 'log.5']);
  });

  it('is unreachable when it was never reached', async () => {
    server.close();
    await once(server, 'close');

    await expect(read(1)).rejects.toBeInstanceOf(UnreachableError);
  });

  it('ends quietly when it is aborted', async () => {
    script = (socket) => {
      say(socket, subscribed('log.0'));
      abort.abort();
    };

    expect(await read(1)).toEqual([]);
  });
});
