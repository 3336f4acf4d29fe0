import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import type { WebSocket } from 'ws';
import { HOLDING_MS_MAX, SLOW_CLOSE_MS_MAX, UNSENT_BYTES_HIGH, UNSENT_BYTES_MAX } from '../limits.js';
import { TestGateway } from '../testing/test-gateway.js';
import { cursorOf, EventTail } from './event-tail.js';
import { LiveClients } from './live-clients.js';

const EVENT_BYTES = 100_000;
const EVENTS = 500;
/** What the two kernel buffers of a loopback connection may hold; far less than the 50 MB that are committed. */
const KERNEL_BYTES_MAX = 16 * 1024 * 1024;

let gateway: TestGateway;
let socket: Socket;
beforeEach(async () => { gateway = await TestGateway.start(); });
afterEach(async () => {
  socket.destroy();
  await gateway.stop();
});

interface Client { socket: WebSocket & { _socket: Socket }; tick(now: number): void; reader: { subscription: { page: { frame: Buffer }[] } } }
const clients = () => [...(gateway.app.get(LiveClients) as unknown as { clients: Set<Client> }).clients];

/** A subscriber that is no WebSocket library: nothing reads for it once it is paused, not even close frames. */
async function subscribeAndStopReading(after?: string): Promise<Client> {
  socket = connect(gateway.port, '127.0.0.1');
  let said = '';
  socket.on('data', (chunk: Buffer) => { said += chunk.toString('latin1'); });
  socket.on('error', () => undefined); // Cut off by the server, as it should be.
  socket.write(`GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  await eventually(() => (said.includes('\r\n\r\n') ? true : null));
  const frame = Buffer.from(JSON.stringify({ type: 'subscribe', after }));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | frame.length, 0, 0, 0, 0]), frame]));
  socket.once('data', () => socket.pause());
  return eventually(() => clients()[0]);
}

/** Resolves when the gateway's tail has seen them all. */
async function commit(events: number): Promise<void> {
  for (let i = 0; i < events; i++) {
    gateway.service.commit([{ sessionId: 's1', data: { content: 'x'.repeat(EVENT_BYTES) } }]);
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  const tail = gateway.app.get(EventTail);
  await eventually(() => (tail.position && cursorOf(tail.position) === gateway.service.head ? true : null), { what: 'the head' });
}

const isBehind = (client: Client) => eventually(() => (client.socket.bufferedAmount > UNSENT_BYTES_HIGH ? true : null), { what: 'a client that is behind' });
const held = (client: Client) => client.reader.subscription.page.reduce((bytes, event) => bytes + event.frame.length, 0);

it('a client that does not read is sent no more than the kernel takes, and holds no more than its marks', async () => {
  const client = await subscribeAndStopReading();
  await commit(EVENTS);
  await isBehind(client);
  const written = client.socket._socket.bytesWritten;
  client.tick(performance.now());

  expect(written).toBeLessThan(KERNEL_BYTES_MAX);
  expect(client.socket._socket.bytesWritten).toBe(written);
  expect(client.socket.bufferedAmount).toBeLessThan(UNSENT_BYTES_MAX);
  expect(held(client)).toBeLessThan(UNSENT_BYTES_MAX);
  expect(clients()).toHaveLength(1);
});

it('a client that does not read what it asked for keeps little of it from being forgotten', async () => {
  await commit(2);
  const after = gateway.service.head;
  await commit(140);
  const client = await subscribeAndStopReading(after);
  await isBehind(client);
  expect(held(client)).toBeLessThan(UNSENT_BYTES_MAX);
  expect(client.socket.bufferedAmount).toBeLessThan(UNSENT_BYTES_MAX);
  client.tick(performance.now() + HOLDING_MS_MAX);
  expect(held(client)).toBe(0);
});

it('a client that does not read is gone soon after its minute, also when it never hears the 4008', async () => {
  const client = await subscribeAndStopReading();
  await commit(EVENTS);
  await isBehind(client);
  const before = performance.now();
  client.tick(before + 61_000);
  expect(client.socket.readyState).toBe(client.socket.CLOSING);

  await eventually(() => (clients().length === 0 ? true : null), { timeoutMs: SLOW_CLOSE_MS_MAX + 5_000 });
  expect(performance.now() - before).toBeGreaterThan(SLOW_CLOSE_MS_MAX * 0.9);
}, 20_000);
