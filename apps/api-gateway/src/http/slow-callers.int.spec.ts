import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { PUBLIC_REQUESTS_MAX } from '../limits.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';
import { Traffic } from './traffic.js';

/** Not so short that a busy machine alone is too slow. */
const PATIENCE = { headMs: 800, requestMs: 1_000, checkMs: 50, keepAliveMs: 400, stalledMs: 1_200 };
/** More than a socket's buffers take of an answer that nobody reads. */
const BIG = 'x'.repeat(900_000);

let gateway: TestGateway;
let sockets: Socket[];
beforeAll(async () => {
  sockets = [];
  gateway = await TestGateway.start({ patience: PATIENCE });
});
afterAll(() => gateway.stop());
afterEach(() => { for (const socket of sockets.splice(0)) socket.destroy(); });

interface Caller { socket: Socket; said: () => string; closed: Promise<unknown> }
function call(text: string, { reads = true, port = gateway.port } = {}): Caller {
  let said = '';
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  if (reads) socket.on('data', (chunk: Buffer) => { said += chunk.toString(); });
  else socket.pause();
  if (text !== '') socket.write(text);
  return { socket, said: () => said, closed: once(socket, 'close') };
}
const head = (start: string, ...more: string[]) => [`${start} HTTP/1.1`, `Host: 127.0.0.1:${gateway.port}`, `Authorization: Bearer ${gateway.token}`, ...more].join('\r\n');

describe('a caller that takes its time', () => {
  it.each([
    ['says nothing at all', () => ''], ['does not end the head', () => head('GET /api/projects', 'X-Slow: ')],
    ['does not send the body it announced', () => `${head('POST /api/projects', 'Content-Type: application/json', 'Content-Length: 100')}\r\n\r\n{`],
  ])('and %s is told 408, and cut off', async (_what, text) => {
    const { said, closed } = call(text());
    await closed;

    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
    expect(said()).toContain('"status":408');
  });

  it('drop by drop is cut off as soon', async () => {
    const { socket, said, closed } = call(head('GET /api/projects'));
    const drip = setInterval(() => socket.write('\r\nX-Drop: 1'), 20);
    await closed;
    clearInterval(drip);

    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('after an answer, without asking anything more, is cut off without a word', async () => {
    const { said, closed } = call(`${head('GET /health/live')}\r\n\r\n`);
    await closed;

    expect(said().match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('and never reads its answers is cut off, and gives their places back, also of those that waited behind another', async () => {
    gateway.service.answers.set(SessionRpc.listProjects.name, () => ({ items: [{ name: BIG }], nextCursor: null }));
    const asks = Array.from({ length: 8 }, () => `${head('GET /api/projects')}\r\n\r\n`).join('');
    const { closed } = call(asks, { reads: false });
    await eventually(() => gateway.service.requestsOf(SessionRpc.listProjects).length > 0, { what: 'the request' });

    expect(await gateway.app.get(Traffic).idle(5_000)).toBe(true);
    sockets[0].resume();
    await closed;
  });
});

describe('a caller that is waited for on purpose', () => {
  it('may hold a wait for mail for longer', async () => {
    let answer = (): void => undefined;
    gateway.service.answers.set(SessionRpc.waitForMail.name, () => new Promise((resolve) => { answer = () => resolve({ items: [], nextCursor: null }); }));
    const since = performance.now();
    const wait = gateway.send('GET', '/api/mail/wait/sess_1?timeout=1');
    await eventually(() => performance.now() - since > 2 * PATIENCE.stalledMs, { what: 'the time' });
    answer();

    expect((await wait).status).toBe(200);
  });

  it('may follow the feed for longer, by socket and by stream', async () => {
    const listener = await Listener.subscribed(gateway);
    const stream = call(`${head('GET /api/events/stream')}\r\n\r\n`);
    await eventually(() => stream.said().includes('stream.opened'), { what: 'the stream' });
    const since = performance.now();
    await eventually(() => performance.now() - since > 2 * PATIENCE.stalledMs, { what: 'the time' });

    expect([listener.closed, stream.socket.destroyed]).toEqual([null, false]);
    await listener.settled();
    Listener.terminateAll();
  });
});

it('strangers who ask for what everybody may, and never read it, take no place of who has a token', async () => {
  const patient = await TestGateway.start();
  try {
    const asks = `GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1:${patient.port}\r\n\r\n`.repeat(PUBLIC_REQUESTS_MAX / 8);
    const flood = Array.from({ length: 16 }, () => call(asks, { reads: false, port: patient.port }));
    const answers = await Promise.all(Array.from({ length: 20 }, () => patient.send('GET', '/api/tasks')));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    for (const { socket } of flood) socket.destroy();
    expect(await patient.app.get(Traffic).idle(5_000)).toBe(true);
  } finally {
    await patient.stop();
  }
});
