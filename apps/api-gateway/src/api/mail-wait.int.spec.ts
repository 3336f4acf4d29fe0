import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import type { Shares } from '../http/shares.js';
import { Traffic } from '../http/traffic.js';
import { MAIL_WAIT_SLICE_MS, MAIL_WAITS_MAX } from '../limits.js';
import { TestGateway } from '../testing/test-gateway.js';
import { MailWaits } from './mail-waits.js';

const MAIL = { id: 'mail_01ARZ3NDEKTSV4RRFFQ69G5FAV', body: 'hi' };
const AFTER = 'mail_01ARZ3NDEKTSV4RRFFQ69G5FAA';

let gateway: TestGateway;
beforeEach(async () => { gateway = await TestGateway.start(); });
afterEach(() => gateway.stop());

const asked = () => gateway.service.requestsOf(SessionRpc.waitForMail).map(({ req: { waitId: _waitId, ...req } }) => req);
const asking = () => (gateway.app.get(MailWaits) as unknown as { places: Shares }).places.taken;
const inSlicesOf = (ms: number) => { (gateway.app.get(MailWaits) as unknown as { sliceMs: number }).sliceMs = ms; };
/** Waits as session-service does: for as long as it is told to, unless `mail` comes. */
const serve = (mail: (nth: number) => unknown[] | Promise<unknown[]>) => {
  gateway.service.answers.set(SessionRpc.waitForMail.name, async ({ timeoutMs }: { timeoutMs: number }) => {
    const timeout = once(AbortSignal.timeout(timeoutMs), 'abort').then(() => []);
    const items = await Promise.race([mail(asked().length), timeout]);
    return { items, nextCursor: null };
  });
};
const never = () => new Promise<never>(() => undefined);

it('is answered as soon as there is mail', async () => {
  let arrive = (_items: unknown[]): void => undefined;
  serve(() => new Promise((resolve) => { arrive = resolve; }));
  const answer = gateway.send('GET', `/api/mail/wait/sess_1?after=${AFTER}&timeout=50`);
  await eventually(() => asked().length === 1);
  arrive([MAIL]);

  expect(await answer).toMatchObject({ status: 200, body: { items: [MAIL] } });
  expect(asked()).toEqual([{ sessionId: 'sess_1', after: AFTER, timeoutMs: MAIL_WAIT_SLICE_MS }]);
});

it('asks again and again until its time is over, and then says where to go on', async () => {
  inSlicesOf(300);
  serve(never);
  const since = performance.now();
  const answer = await gateway.send('GET', `/api/mail/wait/sess_1?after=${AFTER}&timeout=1`);

  expect(answer).toMatchObject({ status: 200, body: { items: [] } });
  expect(performance.now() - since).toBeGreaterThan(990);
  expect(asked().length).toBeGreaterThanOrEqual(2);
  expect(asked().every(({ after }) => after === AFTER)).toBe(true);
});

it('finds the mail that came in a later slice', async () => {
  inSlicesOf(50);
  serve((nth) => (nth < 3 ? never() : [MAIL]));

  expect((await gateway.send('GET', '/api/mail/wait/sess_1')).body).toMatchObject({ items: [MAIL] });
  expect(asked()).toHaveLength(3);
});

it('takes an early nothing for an answer', async () => {
  serve(() => []);

  expect((await gateway.send('GET', '/api/mail/wait/sess_1')).body).toEqual({ items: [], nextCursor: null });
  expect(asked()).toHaveLength(1);
});

it('with a timeout of 0 only looks', async () => {
  serve(never);

  expect((await gateway.send('GET', '/api/mail/wait/sess_1?timeout=0')).body).toEqual({ items: [], nextCursor: null });
  expect(asked()).toEqual([{ sessionId: 'sess_1', timeoutMs: 0 }]);
});

it('passes on what session-service says of it', async () => {
  serve(() => { throw new AppError('SESSION_NOT_FOUND'); });

  expect(await gateway.send('GET', '/api/mail/wait/sess_1')).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
});

it('gives nothing out to a HEAD', async () => {
  expect((await gateway.send('HEAD', '/api/mail/wait/sess_1')).status).toBe(405);
  expect(asked()).toEqual([]);
});

it('ends with its client: it asks no more, and leaves no place taken', async () => {
  inSlicesOf(200);
  serve(never);
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(`GET /api/mail/wait/sess_1?timeout=60 HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${gateway.token}\r\n\r\n`);
  await eventually(() => asked().length === 2);
  socket.destroy();
  await once(socket, 'close');

  expect(await gateway.app.get(Traffic).idle(5_000)).toBe(true);
  await eventually(() => gateway.service.requestsOf(SessionRpc.callOffWait).length === 1);
  expect(gateway.service.requestsOf(SessionRpc.callOffWait)[0].req).toEqual({ waitId: gateway.service.requestsOf(SessionRpc.waitForMail)[0].req['waitId'] });
  await eventually(() => asking() === 0);
  const before = asked().length;
  serve(() => [MAIL]);
  await gateway.send('GET', '/api/mail/wait/sess_2');
  expect(asked().slice(before).map(({ sessionId }) => sessionId)).toEqual(['sess_2']);
});

it('has a bound of its own, which is no bound for commands', async () => {
  // None asks a second time, however long it takes until all have asked once.
  inSlicesOf(60_000);
  const held: (() => void)[] = [];
  serve(() => new Promise((resolve) => { held.push(() => resolve([MAIL])); }));
  const waits = Array.from({ length: MAIL_WAITS_MAX }, () => gateway.send('GET', '/api/mail/wait/sess_1?timeout=60'));
  await eventually(() => held.length === MAIL_WAITS_MAX, { what: 'as many waits as there may be', timeoutMs: 30_000 });

  expect(await gateway.send('GET', '/api/mail/wait/sess_1')).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, body: { code: 'TOO_MANY_REQUESTS' } });
  const metrics = (await gateway.send('GET', '/metrics')).text;
  expect(metrics).toContain('orbitmesh_http_requests_in_flight{service="api-gateway"} 1\n');
  expect(metrics).toContain(`orbitmesh_http_requests_held{service="api-gateway"} ${MAIL_WAITS_MAX}\n`);
  for (const answer of held) answer();
  expect((await Promise.all(waits)).every(({ status }) => status === 200)).toBe(true);
  expect(asking()).toBe(0);
});

it('does not hold up a shutdown: it is answered, with nothing', async () => {
  inSlicesOf(1_000);
  serve(never);
  const answer = gateway.send('GET', `/api/mail/wait/sess_1?after=${AFTER}&timeout=60`);
  await eventually(() => asked().length === 1);
  const since = performance.now();
  await gateway.app.close();

  expect(await answer).toMatchObject({ status: 200, body: { items: [], nextCursor: AFTER } });
  expect(performance.now() - since).toBeLessThan(2_000);
});

it('ends when its token does', async () => {
  const { body } = await gateway.send('POST', '/api/tokens', { body: { name: 'Ann' } });
  serve(never);
  inSlicesOf(20);
  const answer = gateway.send('GET', '/api/mail/wait/sess_1?timeout=50', { token: body['token'] as string });
  await eventually(() => asked().length > 1);
  await gateway.send('DELETE', `/api/tokens/${String(body['id'])}`);

  expect((await answer).status).toBe(401);
});
