/** Clients that never read: what each costs the gateway in memory until it is cut. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { each, footprint, LANES, pause, withWorld } from './world.mjs';

const EVENT_BYTES = 5_000;
/** Requests of one connection, sent at once. */
const PIPELINED = 2;

const KINDS = {
  nobody: () => null,
  webSocket: (world) => subscribed(world, {}),
  webSocketFromCursor: (world, after) => subscribed(world, { after }),
  eventStream: (world) => asked(world, '/api/events/stream'),
  eventStreamFromCursor: (world, after) => asked(world, `/api/events/stream?after=${after}`),
  answer: (world) => asked(world, '/api/tasks?limit=200'),
  answersPipelined: (world) => asked(world, '/api/tasks?limit=200', PIPELINED),
  // These read: what making so many answers at once takes.
  answerTaken: async (world) => (await asked(world, '/api/tasks?limit=200')).resume(),
  answersPipelinedTaken: async (world) => (await asked(world, '/api/tasks?limit=200', PIPELINED)).resume(),
};

/**
 * @param {{ clients: number, before: number, events: number, kinds?: string[] }} size `events`: made while they do not read; `before` they come, more
 * than the gateway keeps in memory for all: who comes with a cursor from there has to be given pages of its own
 */
export async function deaf({ clients, before, events, kinds = Object.keys(KINDS) }) {
  const results = {};
  for (const kind of kinds) results[kind] = await withWorld({ env: { ORBITMESH_LOG_LEVEL: 'warn' }, providers: {} }, (world) => costOf(world, kind, { clients, before, events }));
  return results;
}

async function costOf(world, kind, size) {
  const { clients, events } = size;
  const { id: projectId } = await world.project();
  // Beside so many answers one may be late; an event less changes nothing.
  const flood = (count) => each(count, LANES, () => world.call('POST', '/api/tasks', { projectId, title: 'x', description: 'x'.repeat(EVENT_BYTES - 700) }).catch(() => undefined));
  const gateway = (await world.services()).find(({ name }) => name === 'api-gateway').pid;
  const rss = async () => (await footprint(gateway)).rssMiB;
  const cursor = await position(world, projectId);
  await flood(size.before);
  await flood(events);
  const before = await rss();
  const sockets = await Promise.all(Array.from({ length: clients }, () => KINDS[kind](world, cursor)));
  let most = 0;
  const timer = setInterval(() => rss().then((now) => { most = Math.max(most, now); }, () => undefined), 100);
  await flood(events);
  await pause(2_000);
  clearInterval(timer);
  const unsent = await unsentBytes(world);
  for (const socket of sockets) socket?.destroy();
  return { before, most, mibEach: Math.round((most - before) / clients * 100) / 100, unsentKiBEach: Math.round(unsent / clients / 1024) };
}

/** Of those who follow the feed, in the gateway. */
async function unsentBytes(world) {
  const text = await fetch(`${world.stack.url}/metrics`, { headers: { authorization: `Bearer ${world.token}` } }).then((answer) => answer.text());
  return Number(/^orbitmesh_live_unsent_bytes(?:\{.*\})? (\S+)$/m.exec(text)?.[1] ?? NaN);
}

/** Where the feed stands. */
async function position(world, projectId) {
  const answer = await fetch(`${world.stack.url}/api/tasks`, { method: 'POST', headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' }, body: JSON.stringify({ projectId, title: 'x' }) });
  return answer.headers.get('x-orbitmesh-cursor');
}

async function opened(world, text) {
  const { hostname, port } = new URL(world.stack.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text(`Host: ${hostname}:${port}\r\nAuthorization: Bearer ${world.token}\r\n`));
  return socket;
}

async function subscribed(world, options) {
  const socket = await opened(world, (head) => `GET /ws HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
  await once(socket, 'data');
  const payload = Buffer.from(JSON.stringify({ type: 'subscribe', filter: {}, ...options }));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  return socket.pause();
}

async function asked(world, path, times = 1) {
  const socket = await opened(world, (head) => `GET ${path} HTTP/1.1\r\n${head}\r\n`.repeat(times));
  return socket.pause();
}
