import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { eventually, inFull } from '@orbitmesh/testing';
import { CLIENTS_MAX, STRANGERS_MAX } from '../limits.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';

/** Here both ends share a process, and with whatever else runs a machine. */
const PATIENCE = { headMs: 240_000, requestMs: 240_000, checkMs: 2_000, keepAliveMs: 30_000, stalledMs: 240_000 };

let gateway: TestGateway;
const strangers: Socket[] = [];
beforeAll(async () => { gateway = await TestGateway.start({ patience: PATIENCE }); });
afterAll(async () => {
  for (const socket of strangers) socket.destroy();
  Listener.terminateAll();
  await gateway.stop();
});

/** Says nothing, and stays as long as it is let. */
async function stranger(): Promise<void> {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.on('error', () => undefined);
  strangers.push(socket);
  await once(socket, 'connect');
}

inFull(`${CLIENTS_MAX} clients that come all at once follow the feed, among more strangers than there is room for`, async () => {
  for (let n = 0; n < STRANGERS_MAX; n += 64) await Promise.all(Array.from({ length: 64 }, stranger));
  const flood = (async () => { for (let n = 0; n < 500; n += 1) await stranger(); })();
  const listeners = await Promise.all(Array.from({ length: CLIENTS_MAX }, () => Listener.subscribed(gateway)));
  await flood;
  gateway.service.commit([{ type: 'output' }]);
  await eventually(() => listeners.every(({ seqs }) => seqs.length === 1), { what: 'the event, at each of them', timeoutMs: 60_000 });

  expect(listeners.filter(({ closed }) => closed !== null)).toEqual([]);
  expect(strangers.filter(({ destroyed, readyState }) => destroyed || readyState !== 'open').length).toBeGreaterThan(0);
  expect((await gateway.send('GET', '/api/projects')).status).toBe(200);
  expect((await gateway.send('GET', '/metrics')).text).toContain(`orbitmesh_live_clients{service="api-gateway"} ${CLIENTS_MAX}\n`);
}, 300_000);
