import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { ATTEMPT_MS_MAX } from '../limits.js';
import { FakeClock } from '../testing/fake-clock.js';
import { Receiver } from '../testing/receiver.js';
import { HttpSender } from './http-sender.js';

let receiver: Receiver;
let clock: FakeClock;
let stop: AbortController;
const servers: Server[] = [];
beforeEach(async () => {
  [receiver, clock, stop] = [await Receiver.start(), new FakeClock(), new AbortController()];
});
afterEach(async () => {
  await receiver.stop();
  for (const server of servers.splice(0)) server.close();
});

const send = (url = receiver.url) => new HttpSender(clock).send({ url, headers: { 'content-type': 'application/json', 'webhook-id': 'dlv_1' }, body: '{"text":"ü"}' }, stop.signal);

/** A server that speaks no HTTP, or only half of it. */
async function rawServer(say: string): Promise<{ url: string; closed: () => boolean }> {
  let closed = false;
  const server = createServer((socket) => {
    socket.on('close', () => { closed = true; });
    socket.on('error', () => undefined);
    socket.once('data', () => { if (say === '') socket.destroy(); else socket.write(say); });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, closed: () => closed };
}

describe('a request', () => {
  it('is one POST of exactly these bytes and headers', async () => {
    expect(await send(`${receiver.url}?token=a%20b`)).toEqual({ status: 204, error: null, retryAfterMs: null });

    expect(receiver.received).toEqual([expect.objectContaining({ path: '/hook?token=a%20b', body: '{"text":"ü"}' })]);
    expect(receiver.received[0].headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '13', 'webhook-id': 'dlv_1' });
    await eventually(() => clock.pending.length === 0, { what: 'no timer' });
  });

  it.each([200, 201, 202, 299])('that is answered %i was taken', async (status) => {
    receiver.answer = () => status;
    expect(await send()).toEqual({ status, error: null, retryAfterMs: null });
  });

  it.each([301, 302, 307, 308])('that is answered %i is not sent on', async (status) => {
    receiver.answer = () => ({ status, headers: { location: `${receiver.url}/elsewhere` } });

    expect(await send()).toMatchObject({ status, error: expect.stringContaining('redirects are not followed') });
    expect(receiver.received.length).toBe(1);
  });

  it.each<[string, number | null]>([['120', 120_000], ['Thu, 01 Jan 2026 12:01:00 GMT', 60_000], ['Thu, 01 Jan 2026 11:00:00 GMT', 0], ['soon', null], ['-5', null]])(
    'that is answered 503 with Retry-After: %s', async (header, retryAfterMs) => {
      receiver.answer = () => ({ status: 503, headers: { 'retry-after': header } });
      expect(await send()).toEqual({ status: 503, error: 'It answered 503.', retryAfterMs });
    });
});

describe('an endpoint that', () => {
  it('hangs is left after the time it has', async () => {
    receiver.answer = () => null;
    const sent = send();
    await eventually(() => receiver.received.length === 1);

    clock.advance(ATTEMPT_MS_MAX - 1);
    await eventually(() => clock.pending[0] === 1);
    clock.advance(1);

    expect(await sent).toEqual({ status: null, error: 'There was no answer within 10 s.', retryAfterMs: null });
    await eventually(() => receiver.received[0].answer.destroyed);
  });

  it('is not there, or ends the connection, or speaks no HTTP has not taken it', async () => {
    const gone = await Receiver.start();
    const { url } = gone;
    await gone.stop();

    expect(await send(url)).toEqual({ status: null, error: 'There was no answer: ECONNREFUSED.', retryAfterMs: null });
    expect(await send((await rawServer('')).url)).toEqual({ status: null, error: 'There was no answer: ECONNRESET.', retryAfterMs: null });
    expect(await send((await rawServer('SSH-2.0-OpenSSH_9.9\r\n')).url)).toMatchObject({ status: null, error: expect.stringMatching(/^There was no answer: HPE_/) });
    expect(await send('https://127.0.0.1:1/')).toMatchObject({ status: null, error: 'There was no answer: ECONNREFUSED.' });
  });

  it('answers without end has its say cut', async () => {
    const endless = await rawServer(`HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n${'x'.repeat(200_000)}`);

    expect(await send(endless.url)).toMatchObject({ status: 200, error: null });
    await eventually(() => endless.closed());
  });

  it('begins an answer and does not end it does not hold its connection for ever', async () => {
    const slow = await rawServer('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx');
    expect(await send(slow.url)).toMatchObject({ status: 200 });

    clock.advance(ATTEMPT_MS_MAX);

    await eventually(() => slow.closed());
  });
});

describe('a request that we stop', () => {
  it('is known to be nothing: neither taken nor failed', async () => {
    receiver.answer = () => null;
    const sent = send();
    await eventually(() => receiver.received.length === 1);

    stop.abort();

    expect(await sent).toBeNull();
    expect(await send()).toBeNull();
    expect(receiver.received.length).toBe(1);
  });
});
