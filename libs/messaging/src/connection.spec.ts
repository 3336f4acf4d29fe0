import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Server } from '@nats-io/transport-node';
import type { AppError } from '@orbitmesh/domain';
import { defineRpc, defineTopic } from '@orbitmesh/contracts';
import { eventually, startNats, type NatsOptions, type TestNats } from '@orbitmesh/testing';
import { Bus, type BusStatus } from './bus.js';
import { connectionOptions, type BusOptions } from './connection.js';
import { RECONNECT_JITTER_MS, RECONNECT_WAIT_MS } from './limits.js';

// Real servers and processes on a machine that may be busy.
jest.setTimeout(30_000);

const Echo = defineRpc<{ text: string }, { text: string }>('session', 'echo', 5_000);
const Forbidden = defineRpc<{ text: string }, { text: string }>('session', 'forbidden', 5_000);
const Count = defineTopic<{ n: number }>('event', 'count');
const ACCOUNTS = `authorization { users: [
  { user: "free", password: "p%@:/w" },
  { user: "bound", password: "b", permissions: { publish: { deny: ["om.v1.in_a.req.session.forbidden", "om.v1.in_a.event.>"] }, subscribe: { deny: ["om.v1.in_a.req.session.echo"] } } }
] }`;

const servers: TestNats[] = [];
const opened: Bus[] = [];
let named = 0;
async function nats(options?: NatsOptions): Promise<TestNats> {
  const server = await startNats(options);
  servers.push(server);
  return server;
}
async function open(url: string, options: Partial<BusOptions> = {}): Promise<Bus> {
  const bus = await Bus.connect({ url, installationId: 'in_a', name: `test-${named++}`, ...options });
  opened.push(bus);
  return bus;
}
const errorOf = (promise: Promise<unknown>) => promise.then(() => { throw new Error('it was answered'); }, (error: AppError) => error);
const as = (server: TestNats, login: string) => server.url.replace('//', `//${login}@`);

afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.drain(200)));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('when NATS is killed', () => {
  it('requests fail at once, waiting ones too, publishes are counted; all of it works again after its restart', async () => {
    const server = await nats();
    const [asker, answerer] = [await open(server.url), await open(server.url)];
    const changes: BusStatus[] = [];
    asker.onStatus((status) => changes.push(status));
    let hold = true;
    answerer.serve(Echo, (req) => (hold ? new Promise(() => undefined) : req));
    const got: number[] = [];
    answerer.subscribe(Count, ({ n }) => { got.push(n); });
    await answerer.flush();
    const waiting = errorOf(asker.request(Echo, { text: '' }, { timeoutMs: 60_000 }));
    await eventually(() => answerer.health().handlersInFlight === 1);

    await server.kill();
    expect(await waiting).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'disconnected' } });
    expect(asker.connected).toBe(false);
    const before = performance.now();
    expect(await errorOf(asker.request(Echo, { text: '' }))).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(asker.publish(Count, { n: 1 })).toBe(false);

    hold = false;
    await server.restart();
    const up = performance.now();
    await eventually(async () => (await asker.request(Echo, { text: 'again' })).text === 'again');
    expect(performance.now() - up).toBeLessThan(1_500);
    expect(asker.publish(Count, { n: 2 })).toBe(true);
    await eventually(() => got.length > 0);
    expect(got).toEqual([2]);
    expect(changes).toEqual(['disconnected', 'connected']);
    expect(asker.health()).toMatchObject({ connected: true, reconnects: 1, publishesDropped: 1 });
  });

  it('a wall clock that was set back an hour does not keep anybody from connecting again', async () => {
    const server = await nats();
    const bus = await open(server.url);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() - 3_600_000);
    try {
      await server.restart();
      await eventually(() => bus.connected && bus.health().reconnects === 1, { timeoutMs: 5_000 });
    } finally {
      clock.mockRestore();
    }
  });

  it('attempts to connect again keep their distance, from the first on', () => {
    const { reconnectToServer, reconnectDelayHandler } = connectionOptions({ url: 'nats://h:1', installationId: 'in_a', name: 'x' });
    const server = {} as Server;
    const delays = [1, 2, 3].map(() => (reconnectToServer!([server], null) as { delay: number }).delay);

    expect(delays[0]).toBeLessThan(50);
    for (const n of [1, 2]) expect(delays[n] - delays[n - 1]).toBeGreaterThan(RECONNECT_WAIT_MS - 50);
    expect(delays[2]).toBeLessThanOrEqual(2 * (RECONNECT_WAIT_MS + RECONNECT_JITTER_MS));
    expect(reconnectDelayHandler!()).toBe(Number.NEGATIVE_INFINITY);
  });

  it('attempts that stay in vain are told of, without a password', () => {
    const warn = jest.fn();
    const { reconnectToServer } = connectionOptions({ url: 'tls://a:secret@10.77.0.1:4222', installationId: 'in_a', name: 'x', log: { info: warn, warn, error: warn } });
    const attempts = (count: number): void => { for (let n = 0; n < count; n += 1) reconnectToServer?.([{ listen: '10.77.0.1:4222' } as Server], {} as never); };

    attempts(9);
    expect(warn).not.toHaveBeenCalled();
    attempts(100);
    expect(warn.mock.calls).toEqual([[{ server: '10.77.0.1:4222', attempts: 10 }, expect.stringContaining('certificate')]]);
  });

  it('a service drains without it', async () => {
    const server = await nats();
    const bus = await open(server.url);
    bus.serve(Echo, (req) => req);
    await bus.flush();
    await server.kill();
    await eventually(() => !bus.connected);

    const before = performance.now();
    await bus.drain();

    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('a bus that starts first waits for it', async () => {
    const server = await nats();
    await server.kill();

    const connecting = open(server.url);
    await server.restart();

    expect((await connecting).connected).toBe(true);
  });
});

describe('the server', () => {
  it('is refused when it carries less than 1 MiB a message, with the reason', async () => {
    const server = await nats({ config: 'max_payload: 524288' });

    const error = await errorOf(open(server.url));

    expect(error).toMatchObject({ code: 'CONFIG_INVALID', details: { maxPayload: 524_288 } });
    expect(error.message).toContain('524288');
  });

  it('gets the credentials of the URL, decoded', async () => {
    const server = await nats({ config: ACCOUNTS });

    expect((await open(as(server, `free:${encodeURIComponent('p%@:/w')}`))).connected).toBe(true);
  });

  it('that refuses them ends the attempt, and the password is in no error', async () => {
    const server = await nats({ config: ACCOUNTS });

    const error = await errorOf(open(as(server, 'free:hunter2')));

    expect(error.code).toBe('CONFIG_INVALID');
    expect(JSON.stringify({ ...error, message: error.message, cause: String(error.cause) })).not.toContain('hunter2');
  });

  it('that changes its password closes the bus for good, and says so', async () => {
    const server = await nats({ config: 'authorization { user: "u", password: "one" }' });
    const bus = await open(as(server, 'u:one'));
    const changes: BusStatus[] = [];
    bus.onStatus((status) => changes.push(status));

    await server.restart('authorization { user: "u", password: "two" }');

    await eventually(() => changes.at(-1) === 'closed');
    expect(bus.connected).toBe(false);
    expect(await errorOf(bus.request(Echo, { text: '' }))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(bus.publish(Count, { n: 1 })).toBe(false);
  });
});

describe('a permission that is missing', () => {
  it('fails a request at once and is surfaced for publishes and subscriptions, of which NATS only says so in passing', async () => {
    const server = await nats({ config: ACCOUNTS });
    const bus = await open(as(server, 'bound:b'));
    const problems: string[] = [];
    bus.onProblem((problem) => problems.push(problem));

    expect(await errorOf(bus.request(Forbidden, { text: '' }))).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'permission' } });
    bus.publish(Count, { n: 1 });
    await eventually(() => problems.some((p) => p.includes('event.count')));
    bus.serve(Echo, (req) => req);
    await eventually(() => problems.some((p) => p.includes('req.session.echo')));
    expect(bus.health().problem).toContain('echo');
    expect(bus.connected).toBe(true);
  });
});

describe('the NATS URL', () => {
  it.each(['localhost:4222', 'http://h:1', 'nats://', 'nats://u:hunter2@'])('%j is refused without being repeated', (url) => {
    const attempt = (): unknown => connectionOptions({ url, installationId: 'in_a', name: 'x' });
    expect(attempt).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(attempt).not.toThrow(/hunter2/);
  });

  it.each([
    ['tls://10.77.0.1:4222', '', 'IP Address:10.77.0.1', true], ['tls://10.77.0.1:4222', '', 'IP Address:10.77.0.2', false], ['tls://[::1]:4222', '', 'IP Address:0:0:0:0:0:0:0:1', true],
    ['tls://10.77.0.1:4222', '', 'DNS:localhost', false], ['tls://nats.example:4222', 'nats.example', 'DNS:nats.example', true],
    ['tls://nats.example:4222,tls://10.77.0.1:4222', 'nats.example', 'IP Address:10.77.0.1', false], ['tls://nats.example:4222', 'other.example', 'DNS:nats.example', false],
  ])('with TLS, %s called %j takes a certificate for %s: %s', (url, name, subjectaltname, isTaken) => {
    const { tls } = connectionOptions({ url, installationId: 'in_a', name: 'x' }) as { tls: { checkServerIdentity(name: string, certificate: object): Error | undefined } };

    // Without a name Node asks for this one.
    expect(tls.checkServerIdentity(name || 'localhost', { subject: { CN: 'x' }, subjectaltname }) === undefined).toBe(isTaken);
  });

  it('may name several servers and TLS', () => {
    expect(connectionOptions({ url: 'tls://u:p@a:4222, tls://b:4223', installationId: 'in_a', name: 'x' }))
      .toMatchObject({ servers: ['a:4222', 'b:4223'], user: 'u', pass: 'p', tls: {}, maxReconnectAttempts: -1, waitOnFirstConnect: true, timeout: 5_000, pingInterval: 2_000, maxPingOut: 2 });
  });
});
