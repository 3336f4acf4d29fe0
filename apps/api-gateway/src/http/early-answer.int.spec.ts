import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { REFUSED_LINGER_MS } from '../limits.js';
import { TestGateway } from '../testing/test-gateway.js';
import { Traffic } from './traffic.js';

const BODY_BYTES = 10 * 1024 * 1024;

let gateway: TestGateway;
let socket: Socket;
beforeAll(async () => { gateway = await TestGateway.start(); });
afterAll(() => gateway.stop());
afterEach(() => { socket.destroy(); });

interface Caller { said: string; ended: boolean; error: Error | undefined }

/** Sends the head of a request, and the first bytes of its body. */
function begin(token: string, more: string): Caller {
  const caller: Caller = { said: '', ended: false, error: undefined };
  socket = connect(gateway.port, '127.0.0.1');
  socket.on('data', (chunk: Buffer) => { caller.said += chunk.toString(); });
  socket.on('end', () => { caller.ended = true; });
  socket.on('error', (error) => { caller.error = error; });
  socket.write(`POST /api/projects HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nConnection: close\r\n${more}\r\n\r\n`);
  return caller;
}
const answered = (caller: Caller, status: number) => eventually(() => caller.said.startsWith(`HTTP/1.1 ${status} `) && caller.said.endsWith('}'), { what: `an answer of ${status}` });

it.each([
  ['a token that is none', 'wrong', `Content-Length: ${BODY_BYTES}`, 401], ['a body that is too large', null, `Content-Length: ${BODY_BYTES}`, 413],
  ['a body that came compressed', null, `Content-Encoding: gzip\r\nContent-Length: ${BODY_BYTES}`, 415],
])('%s is answered at once, and the rest of the request read before the connection ends', async (_name, token, more, status) => {
  const caller = begin(token ?? gateway.token, more);
  socket.write(Buffer.alloc(1_000, 0x20));
  await answered(caller, status);
  socket.write(Buffer.alloc(BODY_BYTES - 1_000, 0x20));
  await once(socket, 'close');

  expect(caller).toMatchObject({ ended: true, error: undefined });
});

it('a body in chunks is read on, too, when it has become too large', async () => {
  const caller = begin(gateway.token, 'Transfer-Encoding: chunked');
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), Buffer.from('\r\n')]);
  for (let n = 0; n < 5; n++) socket.write(chunk);
  await answered(caller, 413);
  for (let n = 0; n < 100; n++) socket.write(chunk);
  socket.write('0\r\n\r\n');
  await once(socket, 'close');

  expect(caller).toMatchObject({ ended: true, error: undefined });
});

it('whoever never sends the rest takes no place of a request, and is cut off', async () => {
  const caller = begin('wrong', `Content-Length: ${BODY_BYTES}`);
  await answered(caller, 401);
  const isIdle = await gateway.app.get(Traffic).idle(0);
  const since = performance.now();
  await once(socket, 'close');

  expect(isIdle).toBe(true);
  expect(performance.now() - since).toBeLessThan(REFUSED_LINGER_MS + 2_000);
  expect((await gateway.send('GET', '/metrics')).text).toContain('orbitmesh_http_requests_in_flight{service="api-gateway"} 1\n');
});
