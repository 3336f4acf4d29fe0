import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { AnyRunnerRpc, defineRpc, defineTopic, EVENT_BYTES_MAX, MANIFEST_BYTES_MAX, PAGE_BYTES_MAX } from '@orbitmesh/contracts';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { Bus } from './bus.js';
import { CLOCK_HEADER, UNTIL_HEADER } from './deadline.js';
import { HANDLERS_BYTES_MAX, HANDLERS_IN_FLIGHT_MAX, MESSAGE_BYTES_MAX } from './limits.js';
import { headersOf } from './wire.js';

// Real servers and processes on a machine that may be busy.
jest.setTimeout(30_000);

const Echo = defineRpc<{ text: string; n?: number }, { text: string }>('session', 'echo', 5_000);
const Count = defineTopic<{ n: number }>('event', 'count');

const opened: Bus[] = [];
async function open(nats: TestNats, name: string, installationId = 'in_a'): Promise<Bus> {
  const bus = await Bus.connect({ url: nats.url, installationId, name });
  opened.push(bus);
  return bus;
}
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'answered', (error: AppError) => error.code);

let nats: TestNats;
beforeAll(async () => { nats = await startNats(); });
afterEach(async () => { await Promise.all(opened.splice(0).map((bus) => bus.drain(200))); });
afterAll(async () => { await nats.stop(); });

describe('a request', () => {
  it('carries its body and its trace id there, and the answer back', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    let seen = '';
    server.serve(Echo, (req, { traceId }) => { seen = traceId; return { text: req.text.toUpperCase() }; });
    await server.flush();

    expect(await asker.request(Echo, { text: 'grüße' }, { traceId: '1'.repeat(32) })).toEqual({ text: 'GRÜSSE' });
    expect(seen).toBe('1'.repeat(32));
  });

  it('throws the error the other side threw, with code, message and details, and never its cause', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    server.serve(Echo, () => { throw new AppError('REVISION_MISMATCH', 'Not that one.', { revision: 7 }, { cause: new Error('secret') }); });
    await server.flush();

    const error = await asker.request(Echo, { text: '' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'REVISION_MISMATCH', message: 'Not that one.', details: { revision: 7 } });
    expect((error as AppError).cause).toBeUndefined();
  });

  it('makes an unknown error INTERNAL with the trace id, and logs it on the side where it happened', async () => {
    const logged: object[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => { logged.push(fields); } };
    const asker = await open(nats, 'asker');
    const server = await Bus.connect({ url: nats.url, installationId: 'in_a', name: 'server', log });
    opened.push(server);
    server.serve(Echo, () => { throw new TypeError('x is not a function at /secret/path'); });
    await server.flush();

    const error = await asker.request(Echo, { text: '' }, { traceId: '2'.repeat(32) }).catch((e: unknown) => e) as AppError;
    expect(error).toMatchObject({ code: 'INTERNAL', details: { traceId: '2'.repeat(32) } });
    expect(error.message).not.toContain('secret');
    expect(logged).toEqual([expect.objectContaining({ request: 'echo', traceId: '2'.repeat(32), err: expect.any(TypeError) })]);
  });

  it('is UNAVAILABLE at once when nobody serves it', async () => {
    const asker = await open(nats, 'asker');
    const before = performance.now();

    const error = await asker.request(Echo, { text: '' }).catch((e: unknown) => e);

    expect(error).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'no_responders' } });
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('is TIMEOUT when the answer does not come in time', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    let release = (): void => undefined;
    server.serve(Echo, () => new Promise((resolve) => { release = () => resolve({ text: '' }); }));
    await server.flush();

    expect(await codeOf(asker.request(Echo, { text: '' }, { timeoutMs: 50 }))).toBe('TIMEOUT');
    release();
  });

  it('that the connection ends before it is sent is UNAVAILABLE; so is what the server would not take', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    server.serve(Echo, (req) => req);
    await server.flush();
    const { nc } = asker as unknown as { nc: { info: { max_payload: number }; close(): Promise<void> } };

    const max = nc.info.max_payload;
    nc.info.max_payload = 500;
    const tooLarge = await asker.request(Echo, { text: 'x'.repeat(500) }).catch((e: unknown) => e);
    expect(tooLarge).toMatchObject({ code: 'UNAVAILABLE', details: { owner: 'session', request: 'echo', reason: 'connection' } });
    expect(asker.health().problem).toMatch(/max_payload/);
    nc.info.max_payload = max;
    const cut = asker.request(Echo, { text: '' }).catch((e: unknown) => e);
    await nc.close();
    expect(await cut).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'closed' } });
  });

  it('past the bound is BODY_TOO_LARGE and is not sent; an answer past the bound is INTERNAL', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    let served = 0;
    server.serve(Echo, ({ n }) => { served += 1; return { text: 'x'.repeat(n ?? 0) }; });
    await server.flush();

    expect(await codeOf(asker.request(Echo, { text: 'x'.repeat(MESSAGE_BYTES_MAX) }))).toBe('BODY_TOO_LARGE');
    expect(served).toBe(0);
    expect(await codeOf(asker.request(Echo, { text: '', n: MESSAGE_BYTES_MAX }))).toBe('INTERNAL');
    expect(asker.connected && server.connected).toBe(true);
  });

  it.each([['page', PAGE_BYTES_MAX], ['manifest', MANIFEST_BYTES_MAX], ['event', EVENT_BYTES_MAX], ['the bound itself', MESSAGE_BYTES_MAX - 100]])('carries the largest legal %s both ways', async (_what, bytes) => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    server.serve(Echo, (req) => req);
    await server.flush();

    const text = 'ä'.repeat(bytes / 2 - 10);
    expect((await asker.request(Echo, { text })).text === text).toBe(true);
  });

  it('that is not JSON is refused with a code', async () => {
    const server = await open(nats, 'server');
    server.serve(Echo, (req) => req);
    await server.flush();
    const { connect } = await import('@nats-io/transport-node');
    const raw = await connect({ servers: `127.0.0.1:${nats.port}` });

    const ask = (until: string) => raw.request('om.v1.in_a.req.session.echo', '{"torn', { timeout: 2_000, headers: headersOf({ [UNTIL_HEADER]: until }) });
    const [process] = (await ask('')).headers!.get(CLOCK_HEADER).split('.');
    const reply = await ask(`${process}.999999999`);

    expect(reply.headers?.get('om-error')).toBe('VALIDATION_FAILED');
    await raw.close();
  });

  it('past the handlers one process runs at once is TOO_MANY_REQUESTS, and is taken again afterwards', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    const release: (() => void)[] = [];
    server.serve(Echo, () => new Promise((resolve) => release.push(() => resolve({ text: 'done' }))));
    await server.flush();

    const held = Array.from({ length: HANDLERS_IN_FLIGHT_MAX }, () => asker.request(Echo, { text: '' }, { timeoutMs: 20_000 }));
    await eventually(() => release.length === HANDLERS_IN_FLIGHT_MAX);
    expect(await codeOf(asker.request(Echo, { text: '' }))).toBe('TOO_MANY_REQUESTS');
    release.forEach((free) => free());
    expect((await Promise.all(held)).every((res) => res.text === 'done')).toBe(true);
  });

  it('past the bytes that handlers may hold is TOO_MANY_REQUESTS, and is taken again afterwards', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    server.serve(Echo, (req) => req);
    await server.flush();
    const held = server as unknown as { handlersBytes: number };

    // Really so much would be 64 MiB through a server.
    held.handlersBytes = HANDLERS_BYTES_MAX - 100;
    expect(await codeOf(asker.request(Echo, { text: 'x'.repeat(1_000) }))).toBe('TOO_MANY_REQUESTS');
    expect(await codeOf(asker.request(Echo, { text: 'x' }))).toBe('answered');
    await eventually(() => held.handlersBytes === HANDLERS_BYTES_MAX - 100);
  });

  it('to any runner reaches exactly one of them', async () => {
    const [asker, ...runners] = await Promise.all(['asker', 'r0', 'r1', 'r2'].map((name) => open(nats, name)));
    let served = 0;
    for (const runner of runners) runner.serve(AnyRunnerRpc.resolveDirectory, ({ path }) => { served += 1; return { realPath: path }; });
    await Promise.all(runners.map((runner) => runner.flush()));

    await Promise.all(Array.from({ length: 30 }, () => asker.request(AnyRunnerRpc.resolveDirectory, { path: '/w', roots: [] })));

    expect(served).toBe(30);
  });
});

describe('order', () => {
  it('of a handler\'s synchronous part is the order on the wire, also while earlier ones still wait', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    const arrived: number[] = [];
    server.serve(Echo, async ({ n }) => {
      arrived.push(n ?? -1);
      if (n === 0) await eventually(() => arrived.length === 200);
      return { text: String(n) };
    });
    await server.flush();

    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => asker.request(Echo, { text: '', n })));

    expect(arrived).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(answers.map((a) => a.text)).toEqual(arrived.map(String));
  });

  it('of messages is the order they were published in, and a handler that throws stops nothing', async () => {
    const [from, to] = [await open(nats, 'from'), await open(nats, 'to')];
    const got: number[] = [];
    const stop = to.subscribe(Count, ({ n }) => { got.push(n); if (n === 3) throw new Error('bad message'); });
    await to.flush();

    for (let n = 0; n < 100; n += 1) expect(from.publish(Count, { n })).toBe(true);
    await eventually(() => got.length === 100);
    expect(got).toEqual(Array.from({ length: 100 }, (_, n) => n));

    stop();
    await to.flush();
    from.publish(Count, { n: 100 });
    await from.flush();
    await to.flush();
    expect(got.length).toBe(100);
  });
});

describe('two installations on one NATS', () => {
  it('never meet', async () => {
    const [a, b] = [await open(nats, 'a', 'in_a'), await open(nats, 'b', 'in_b')];
    const got: number[] = [];
    b.serve(Echo, (req) => req);
    b.subscribe(Count, ({ n }) => { got.push(n); });
    await b.flush();

    expect(await codeOf(a.request(Echo, { text: '' }))).toBe('UNAVAILABLE');
    a.publish(Count, { n: 1 });
    await a.flush();
    b.publish(Count, { n: 2 });
    await eventually(() => got.length > 0);
    expect(got).toEqual([2]);
  });
});

describe('drain', () => {
  it('takes nothing new, and lets handlers in flight make their requests and answer', async () => {
    const [asker, server, other] = [await open(nats, 'asker'), await open(nats, 'server'), await open(nats, 'other')];
    const Other = defineRpc<{ text: string }, { text: string }>('notifier', 'other', 5_000);
    const release: (() => void)[] = [];
    other.serve(Other, (req) => req);
    server.serve(Echo, async (req) => {
      await new Promise<void>((resolve) => { release.push(resolve); });
      return server.request(Other, { text: `${req.text} through` });
    });
    await Promise.all([server.flush(), other.flush()]);

    const answer = asker.request(Echo, { text: 'half-way' });
    await eventually(() => server.health().handlersInFlight === 1);
    const drained = server.drain();
    await eventually(async () => (await codeOf(asker.request(Echo, { text: '' }, { timeoutMs: 100 }))) === 'UNAVAILABLE');
    // Those that came before the server had said that it takes no more are in flight as well.
    for (const go of release) go();

    expect(await answer).toEqual({ text: 'half-way through' });
    await drained;
    expect(server.connected).toBe(false);
  });

  it('is cut short when a handler does not end', async () => {
    const [asker, server] = [await open(nats, 'asker'), await open(nats, 'server')];
    server.serve(Echo, () => new Promise(() => undefined));
    await server.flush();
    const lost = codeOf(asker.request(Echo, { text: '' }, { timeoutMs: 300 }));
    await eventually(() => server.health().handlersInFlight === 1);

    await server.drain(50);

    expect(server.connected).toBe(false);
    expect(await lost).toBe('TIMEOUT');
  });
});
