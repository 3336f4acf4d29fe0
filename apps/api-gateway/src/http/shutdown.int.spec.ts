import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { TestGateway } from '../testing/test-gateway.js';

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

it('does not wait for connections on which nothing is asked', async () => {
  const idle = connect(gateway.port, '127.0.0.1');
  await once(idle, 'connect');
  const since = performance.now();

  await gateway.app.close();

  expect(performance.now() - since).toBeLessThan(2_000);
  idle.destroy();
});
