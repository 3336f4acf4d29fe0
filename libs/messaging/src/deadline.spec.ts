import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { connect, headers } from '@nats-io/transport-node';
import type { AppError } from '@orbitmesh/domain';
import { defineRpc } from '@orbitmesh/contracts';
import { Cable, eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { Bus } from './bus.js';
import { LATE_HEADER, OwnClock, PeerClocks, UNTIL_HEADER } from './deadline.js';
import { headersOf } from './wire.js';

// Real servers on a machine that may be busy.
jest.setTimeout(30_000);

const Do = defineRpc<{ what: string }, { done: string }>('session', 'do', 5_000);

const opened: Bus[] = [];
const closing: (() => Promise<void>)[] = [];
async function open(port: number, name: string): Promise<Bus> {
  const bus = await Bus.connect({ url: `nats://127.0.0.1:${port}`, installationId: 'in_a', name });
  opened.push(bus);
  return bus;
}
async function nats(): Promise<TestNats> {
  const server = await startNats();
  closing.push(() => server.stop());
  return server;
}
async function servedBy(bus: Bus): Promise<string[]> {
  const done: string[] = [];
  bus.serve(Do, ({ what }) => { done.push(what); return { done: what }; });
  await bus.flush();
  return done;
}
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'answered', (error: AppError) => error.code);
afterEach(async () => {
  await Promise.all(opened.splice(0).map((bus) => bus.drain(200)));
  for (const close of closing.splice(0)) await close();
});

describe('expired commands: a request that arrives after its sender has stopped waiting', () => {
  it('is not begun, when a frozen NATS held it', async () => {
    const server = await nats();
    const [asker, owner] = [await open(server.port, 'asker'), await open(server.port, 'owner')];
    const done = await servedBy(owner);
    await asker.request(Do, { what: 'before' });
    const known = owner.health().requestsLate;

    await server.freeze();
    expect(await codeOf(asker.request(Do, { what: 'expired' }, { timeoutMs: 300 }))).toBe('TIMEOUT');
    server.thaw();

    await asker.request(Do, { what: 'after' });
    expect(done).toEqual(['before', 'after']);
    expect(owner.health().requestsLate).toBe(known + 1);
  });

  it('is not begun, when a silent connection held it on its way to its owner', async () => {
    const server = await nats();
    const cable = await Cable.to(server.port);
    closing.unshift(() => cable.stop());
    const [asker, owner] = [await open(server.port, 'asker'), await open(cable.port, 'owner')];
    const done = await servedBy(owner);
    await asker.request(Do, { what: 'before' });

    cable.silence();
    expect(await codeOf(asker.request(Do, { what: 'expired' }, { timeoutMs: 300 }))).toBe('TIMEOUT');
    cable.speak();

    await asker.request(Do, { what: 'after' });
    expect(done).toEqual(['before', 'after']);
  });

  it('is begun when it is only slow', async () => {
    const server = await nats();
    const [asker, owner] = [await open(server.port, 'asker'), await open(server.port, 'owner')];
    const done = await servedBy(owner);
    await asker.request(Do, { what: 'before' });

    await server.freeze();
    const slow = asker.request(Do, { what: 'slow' });
    const since = performance.now();
    await eventually(() => performance.now() - since > 500);
    server.thaw();

    expect(await slow).toEqual({ done: 'slow' });
    expect(done).toEqual(['before', 'slow']);
  });
});

describe('a request to a process that is gone', () => {
  it('is not begun by the one in its place, which nobody had asked yet', async () => {
    const server = await nats();
    const done = await servedBy(await open(server.port, 'owner'));
    const raw = await connect({ servers: `127.0.0.1:${server.port}` });
    closing.unshift(() => raw.close());
    const ask = (until: string | null) => raw.request('om.v1.in_a.req.session.do', '{"what":"old"}', { timeout: 2_000, headers: until === null ? headers() : headersOf({ [UNTIL_HEADER]: until }) });

    for (const until of [null, 'deadbeef.99999999', 'garbage']) expect((await ask(until)).headers?.has(LATE_HEADER)).toBe(true);
    expect(done).toEqual([]);
  });

  it('and was on its way when that was killed is given up as soon as the one in its place is heard of, long before its time', async () => {
    const server = await nats();
    const [asker, first] = [await open(server.port, 'asker'), await open(server.port, 'first')];
    let begun = 0;
    first.serve(Do, ({ what }) => { begun += 1; return what === 'hang' ? new Promise(() => undefined) : { done: what }; });
    await first.flush();
    await asker.request(Do, { what: 'one' });
    const lost = asker.request(Do, { what: 'hang' }, { timeoutMs: 60_000 });
    await eventually(() => begun === 2);
    const losing = lost.catch((error: unknown) => error);
    await first.drain(1);
    await servedBy(await open(server.port, 'second'));
    const asked = ['two', 'three', 'four'].map((what) => asker.request(Do, { what }));

    expect(await Promise.all(asked)).toEqual([{ done: 'two' }, { done: 'three' }, { done: 'four' }]);
    expect(await losing).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'restarted' } });
  });

  it('is sent again to the one in its place, in the same call and once', async () => {
    const server = await nats();
    const [asker, first] = [await open(server.port, 'asker'), await open(server.port, 'first')];
    await servedBy(first);
    await asker.request(Do, { what: 'one' });
    await first.drain();
    const done = await servedBy(await open(server.port, 'second'));

    expect(await asker.request(Do, { what: 'two' })).toEqual({ done: 'two' });
    expect(done).toEqual(['two']);
  });
});

describe('a deadline', () => {
  it('is told in the clock of whoever is asked, as its last answer said', () => {
    const [own, peers] = [new OwnClock(), new PeerClocks()];
    expect(peers.until('session', 1_000)).toBeNull();
    peers.heard('session', headersOf({ 'om-clock': own.moment }));
    expect(own.isPast(peers.until('session', 1_000)!)).toBe(false);
    expect(own.isPast(peers.until('session', -100)!)).toBe(true);
    peers.heard('session', headersOf({ 'om-clock': new OwnClock().moment }));
    expect(own.isPast(peers.until('session', 1_000)!)).toBe(true);
  });
});
