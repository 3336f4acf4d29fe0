import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { TestGateway } from '../testing/test-gateway.js';
import { Traffic } from './traffic.js';

let gateway: TestGateway;
beforeAll(async () => { gateway = await TestGateway.start(); });
afterAll(() => gateway.stop());

it('counts a client that hangs up before its answer as gone, or it would count against the bound for ever', async () => {
  let answer = (): void => undefined;
  gateway.service.answers.set(SessionRpc.listProjects.name, () => new Promise((resolve) => { answer = () => resolve({ items: [], nextCursor: null }); }));
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(`GET /api/projects HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\n\r\n`);
  await eventually(() => gateway.service.requestsOf(SessionRpc.listProjects).length === 1, { what: 'the request' });

  socket.destroy();

  await expect(gateway.app.get(Traffic).idle(5_000)).resolves.toBe(true);
  answer();
});
