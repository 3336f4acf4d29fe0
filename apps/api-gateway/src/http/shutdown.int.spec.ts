import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { CLOSE_GRACE_MS, DRAIN_MS_MAX } from '../limits.js';
import { TestGateway } from '../testing/test-gateway.js';
import { Traffic } from './traffic.js';

const { STOP_SERVICE_MS } = await import(new URL('../../../../tools/lib/limits.mjs', import.meta.url).href) as { STOP_SERVICE_MS: number };

let gateway: TestGateway;
beforeEach(async () => { gateway = await TestGateway.start(); });
afterEach(() => gateway.stop());

it('answers what is in flight before it ends, and takes nothing new', async () => {
  let answer = (): void => undefined;
  gateway.service.answers.set(SessionRpc.listProjects.name, () => new Promise((resolve) => { answer = () => resolve({ items: [], nextCursor: null }); }));
  const waiting = gateway.send('GET', '/api/projects');
  await eventually(() => gateway.service.requestsOf(SessionRpc.listProjects).length === 1, { what: 'the request' });

  const closed = gateway.app.close();
  await eventually(() => gateway.send('GET', '/health/live').then(() => false, (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED'), { what: 'a closed door' });
  answer();

  expect(await waiting).toMatchObject({ status: 200, body: { items: [] } });
  await closed;
});

it('answers what waits behind it on its connection, too', async () => {
  let answer = (): void => undefined;
  gateway.service.answers.set(SessionRpc.listProjects.name, () => new Promise((resolve) => { answer = () => resolve({ items: [], nextCursor: null }); }));
  const socket = connect(gateway.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  for (const path of ['/api/projects', '/api/tasks']) socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\nauthorization: Bearer ${gateway.token}\r\n\r\n`);
  await eventually(() => gateway.service.requestsOf(SessionRpc.listProjects).length === 1, { what: 'the request' });

  const closed = gateway.app.close();
  await eventually(() => gateway.send('GET', '/health/live').then(() => false, (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED'), { what: 'a closed door' });
  answer();

  await Promise.all([closed, once(socket, 'close')]);
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

it('does not wait for connections on which nothing is asked', async () => {
  const idle = connect(gateway.port, '127.0.0.1');
  await once(idle, 'connect');
  const since = performance.now();

  await gateway.app.close();

  expect(performance.now() - since).toBeLessThan(2_000);
  idle.destroy();
});

it('cuts off who never asks to the end, in the time that the launcher gives', async () => {
  const half = connect(gateway.port, '127.0.0.1');
  half.write(`POST /api/projects HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\nauthorization: Bearer ${gateway.token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`);
  await eventually(() => gateway.app.get(Traffic).idle(0).then((idle) => !idle), { what: 'the request' });

  await Promise.all([gateway.app.close(), once(half, 'close')]);

  // Clients of the feed come first.
  expect(CLOSE_GRACE_MS + DRAIN_MS_MAX).toBeLessThan(STOP_SERVICE_MS);
});
