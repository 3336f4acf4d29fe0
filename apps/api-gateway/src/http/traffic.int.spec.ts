import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { PIPELINED_MAX, REQUESTS_IN_FLIGHT_MAX } from '../limits.js';
import { TestGateway } from '../testing/test-gateway.js';
import type { Shares } from './shares.js';
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

it('refuses whoever has its share of places, as by bodies that it does not send, and neither others nor the owner', async () => {
  const { body: { id, token } } = await gateway.send('POST', '/api/tokens', { body: { name: 'Mallory', scopes: ['read'] } });
  const { body: { token: other } } = await gateway.send('POST', '/api/tokens', { body: { name: 'Ann' } });
  const { shares } = gateway.app.get(Traffic) as unknown as { shares: Shares };
  const mallory = { actor: { kind: 'user', tokenId: String(id) }, tokenId: `user:${String(id)}` } as const;
  let places = 0;
  while (shares.take(mallory)) places += 1;
  const answers = await Promise.all([token, other, gateway.token].map((by) => gateway.send('GET', '/api/tasks', { token: String(by) })));
  for (let n = 0; n < places; n += 1) shares.leave(mallory);

  expect(places).toBe(REQUESTS_IN_FLIGHT_MAX / 2);
  expect(answers.map(({ status }) => status)).toEqual([429, 200, 200]);
});

describe('requests that are sent on one connection before the first is answered', () => {
  const pipelined = (count: number): Promise<string> => {
    const socket = connect(gateway.port, '127.0.0.1');
    const one = (more = ''): string => `GET /api/tasks HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\n${more}\r\n`;
    socket.write(one().repeat(count - 1) + one('Connection: close\r\n'));
    let text = '';
    socket.on('data', (chunk: Buffer) => { text += chunk.toString(); }).on('error', () => undefined);
    return once(socket, 'close').then(() => text);
  };
  const asked = (): number => gateway.service.requestsOf(SessionRpc.listTasks).length;

  it('are answered in turn, up to a bound', async () => {
    expect((await pipelined(PIPELINED_MAX)).match(/HTTP\/1\.1 200/g)).toHaveLength(PIPELINED_MAX);
  });

  it('are not begun before the one that came first is answered, so that a read sees the write before it', async () => {
    const answers: (() => void)[] = [];
    gateway.service.answers.set(SessionRpc.listTasks.name, () => new Promise((resolve) => { answers.push(() => resolve({ items: [], nextCursor: null })); }));
    const before = asked();
    const both = pipelined(2);
    await eventually(() => answers.length === 1, { what: 'the first' });
    // Whatever came with it is there by the time that another has been answered.
    await gateway.send('GET', '/health/live');

    expect(asked() - before).toBe(1);
    answers[0]();
    await eventually(() => answers.length === 2, { what: 'the second' });
    answers[1]();
    gateway.service.answers.delete(SessionRpc.listTasks.name);
    expect((await both).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  it('are begun at once where they have a body, which somebody has to read', async () => {
    let answer = (): void => undefined;
    gateway.service.answers.set(SessionRpc.listTasks.name, () => new Promise((resolve) => { answer = () => resolve({ items: [], nextCursor: null }); }));
    const body = JSON.stringify({ name: 'x'.repeat(200_000), workingDir: '/' });
    const socket = connect(gateway.port, '127.0.0.1');
    const head = (method: string, path: string): string => `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\n`;
    let text = '';
    socket.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    const begun = asked();
    socket.write(`${head('GET', '/api/tasks')}\r\n`);
    await eventually(() => asked() > begun, { what: 'the first' });
    socket.write(`${head('POST', '/api/projects')}Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await eventually(() => socket.bytesWritten > body.length && socket.writableLength === 0, { what: 'the body on its way' });
    // All of it is read while the first is not answered: a client that leaves now is heard.
    socket.destroy();

    await expect(gateway.app.get(Traffic).idle(5_000)).resolves.toBe(true);
    expect(text).toBe('');
    answer();
    gateway.service.answers.delete(SessionRpc.listTasks.name);
  });

  it('are not begun past it, and their connection is cut', async () => {
    const before = asked();
    await pipelined(500);
    // Whatever was begun is there by the time that another has been answered.
    await gateway.send('GET', '/api/tasks');

    expect(asked() - before).toBeLessThanOrEqual(PIPELINED_MAX + 1);
    await expect(gateway.app.get(Traffic).idle(5_000)).resolves.toBe(true);
  });
});
