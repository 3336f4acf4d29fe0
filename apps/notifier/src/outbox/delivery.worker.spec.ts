import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CreateWebhookBody, Delivery, Webhook } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ATTEMPT_MS_MAX, ATTEMPTS_IN_FLIGHT_MAX, ATTEMPTS_IN_ORDER, RETRY_DELAYS_MS } from '../limits.js';
import { Receiver } from '../testing/receiver.js';
import { meta, TestNotifier } from '../testing/test-notifier.js';
import { signatureOf } from '../webhooks/signature.js';

let dir: string;
let notifier: TestNotifier;
let receiver: Receiver;
let webhook: Webhook;
const receivers: Receiver[] = [];
const aReceiver = async () => {
  const one = await Receiver.start();
  receivers.push(one);
  return one;
};
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'om-worker-')), 'store');
  notifier = await TestNotifier.start({ dir });
  receiver = await aReceiver();
  webhook = await create();
});
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((one) => one.stop()));
  await notifier.close();
  await rm(dirname(dir), { recursive: true, force: true });
});

const create = (body: Partial<CreateWebhookBody> = {}) => notifier.createWebhook({ url: receiver.url, ...body });
const first = (of = webhook) => notifier.deliveriesOf(of.id)[0];
const states = (of = webhook) => notifier.deliveriesOf(of.id).map(({ state }) => state);
const allDelivered = (of = webhook) => eventually(() => states(of).length > 0 && states(of).every((state) => state === 'delivered'), { what: 'every delivery' });
/** Waits until an attempt is written down, and moves to when the next is due. */
const afterFailure = async (attempts: number, of = webhook): Promise<Delivery> => {
  const delivery = await eventually(() => (first(of).attempts === attempts ? first(of) : null), { what: `attempt ${attempts}` });
  if (delivery.nextAttemptAt !== null) notifier.clock.advance(Date.parse(delivery.nextAttemptAt) - notifier.clock.wall());
  return delivery;
};

describe('a delivery', () => {
  it('reaches its endpoint, signed with the secret that its owner can read', async () => {
    await notifier.tell('notify:needs_input');
    await allDelivered();

    const { headers, body, payload } = receiver.received[0];
    const seconds = notifier.clock.wall() / 1_000;
    const secret = Buffer.from(notifier.webhooks.secret(webhook.id).secret.slice('whsec_'.length), 'base64');
    expect(headers).toMatchObject({
      'content-type': 'application/json', 'user-agent': 'OrbitMesh-Webhook/1', 'webhook-id': payload.id, 'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf(secret, payload.id, seconds, body),
    });
    expect(payload).toEqual(first().payload);
    expect(first()).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 204, lastError: null, nextAttemptAt: null });
    expect(notifier.webhooks.get(webhook.id)).toMatchObject({ revision: 1, lastDelivery: { id: payload.id, state: 'delivered', status: 204, error: null } });
    expect(notifier.counts.all()).toMatchObject({ delivered: 1, failedAttempts: 0 });
  });

  it('that fails twice and then works is sent three times under one id, signed anew each time', async () => {
    receiver.answer = () => (receiver.received.length <= 2 ? 500 : 200);
    await notifier.tell('notify:progress');

    await afterFailure(1);
    await afterFailure(2);
    await allDelivered();

    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size, new Set(receiver.received.map(({ body }) => body)).size]).toEqual([3, 1, 1]);
    const times = receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']) * 1_000);
    expect([times[1] - times[0], times[2] - times[1]]).toEqual([RETRY_DELAYS_MS[0], RETRY_DELAYS_MS[1]]);
    expect(first()).toMatchObject({ state: 'delivered', attempts: 3 });
  });

  it('that always fails is parked after the last try and seen everywhere, until somebody begins it anew', async () => {
    receiver.answer = () => 500;
    await notifier.tell('notify:session_failed');
    for (let attempt = 1; attempt <= 8; attempt += 1) await afterFailure(attempt);

    const parked = first();
    expect(parked).toMatchObject({ state: 'parked', attempts: 8, parkedReason: 'attempts', lastStatus: 500, lastError: 'It answered 500.', nextAttemptAt: null });
    expect(receiver.received.length).toBe(8);
    expect(notifier.webhooks.get(webhook.id)).toMatchObject({ active: true, lastDelivery: { id: parked.id, state: 'parked', status: 500, error: 'It answered 500.' } });
    expect(notifier.deliveries.list({ id: webhook.id, state: 'parked' }).items).toEqual([parked]);
    expect([notifier.store.deliveries.totals(), notifier.counts.all()]).toMatchObject([{ pending: 0, parked: 1 }, { parked: 1, failedAttempts: 8 }]);

    receiver.answer = () => 200;
    await notifier.deliveries.retry({ id: webhook.id, deliveryId: parked.id, meta: meta() });
    await allDelivered();
    expect(first()).toMatchObject({ id: parked.id, attempts: 1 });
  });

  it('waits as long as its endpoint asks', async () => {
    receiver.answer = () => (receiver.received.length === 1 ? { status: 429, headers: { 'retry-after': '300' } } : 200);
    await notifier.tell('notify:progress');

    const { nextAttemptAt, lastAttemptAt } = await eventually(() => (first().attempts === 1 ? first() : null));
    expect(Date.parse(nextAttemptAt!) - Date.parse(lastAttemptAt!)).toBe(300_000);
    notifier.clock.advance(299_999);
    await eventually(() => notifier.clock.pending[0] === 1);
    expect(receiver.received.length).toBe(1);
    notifier.clock.advance(1);

    await allDelivered();
  });

  it('goes on once a person who cannot wait says so', async () => {
    receiver.answer = () => (receiver.received.length === 1 ? 503 : 200);
    await notifier.tell('notify:progress');
    await eventually(() => first().attempts === 1);

    await notifier.deliveries.retry({ id: webhook.id, deliveryId: first().id, meta: meta() });

    await allDelivered();
    expect(first().attempts).toBe(2);
  });
});

describe('deliveries of one webhook', () => {
  it('go out in order, one at a time, also through an outage of its receiver', async () => {
    await notifier.tell('notify:progress', 'notify:progress');
    await allDelivered();
    let up = false;
    receiver.answer = () => (up ? 200 : 503);
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress');
    await eventually(() => receiver.received.length === 3);
    await eventually(() => notifier.deliveriesOf(webhook.id)[2].attempts === 1);
    up = true;

    notifier.clock.advance(RETRY_DELAYS_MS[0]);

    await allDelivered();
    expect(receiver.seqs).toEqual([1, 2, 3, 3, 4, 5]);
    expect(receiver.openMax).toBe(1);
  });

  it('are not held up for long by one that is never taken', async () => {
    receiver.answer = ({ payload }) => (payload.data.seq === 1 ? 500 : 200);
    await notifier.tell('notify:progress', 'notify:needs_input', 'notify:session_completed');

    for (const attempt of [1, 2]) await afterFailure(attempt);
    await eventually(() => JSON.stringify(states()) === JSON.stringify(['pending', 'delivered', 'delivered']));

    expect(receiver.seqs).toEqual([1, 1, 1, 2, 3]);
  });

  it('that wait go with the webhook when it is set inactive, and none comes back with it', async () => {
    receiver.answer = () => 503;
    await notifier.tell('notify:progress', 'notify:progress');
    await eventually(() => first().attempts === 1);

    await notifier.webhooks.update({ id: webhook.id, body: { active: false }, meta: meta() });
    expect(states()).toEqual([]);
    await notifier.tell('notify:progress');
    await notifier.webhooks.update({ id: webhook.id, body: { active: true }, meta: meta() });
    receiver.answer = () => 200;
    await notifier.tell('notify:progress');

    await allDelivered();
    expect(receiver.seqs).toEqual([1, 4]);
    expect(notifier.counts.all()).toMatchObject({ droppedPending: 2 });
  });

  it('end when the endpoint says that it is gone: the webhook is set inactive', async () => {
    receiver.answer = () => 410;
    await notifier.tell('notify:progress', 'notify:progress');

    await eventually(() => !notifier.webhooks.get(webhook.id).active);

    expect(notifier.webhooks.get(webhook.id)).toMatchObject({ revision: 2, lastDelivery: { state: 'parked', status: 410 } });
    expect(notifier.deliveriesOf(webhook.id)).toEqual([expect.objectContaining({ state: 'parked', parkedReason: 'gone', attempts: 1 })]);
    expect(receiver.received.length).toBe(1);
  });
});

describe('an endpoint that hangs', () => {
  it('holds up neither another webhook, nor the inbox, nor what people ask', async () => {
    receiver.answer = () => null;
    const healthy = await aReceiver();
    const other = await create({ url: healthy.url });

    await notifier.tell('notify:progress', 'notify:progress');
    await allDelivered(other);

    expect(notifier.inbox.entries().length).toBe(2);
    await notifier.people.markRead({ id: notifier.inbox.entries()[0].id, meta: meta() });
    expect([receiver.received.length, states()]).toEqual([1, ['pending', 'pending']]);
    expect(notifier.worker.inFlight).toBe(1);
  });

  it('has not taken what it was sent', async () => {
    receiver.answer = () => null;
    await notifier.tell('notify:progress');
    await eventually(() => receiver.received.length === 1);

    notifier.clock.advance(ATTEMPT_MS_MAX);

    await eventually(() => first().attempts === 1);
    expect(first()).toMatchObject({ state: 'pending', lastStatus: null, lastError: 'There was no answer within 10 s.' });
  });

  it('is cut off when its webhook is deleted', async () => {
    receiver.answer = () => null;
    await notifier.tell('notify:progress');
    await eventually(() => receiver.received.length === 1);

    await notifier.webhooks.remove({ id: webhook.id, meta: meta() });

    await eventually(() => notifier.worker.inFlight === 0 && receiver.received[0].answer.destroyed);
    expect(notifier.counts.all()).toMatchObject({ failedAttempts: 0, droppedPending: 1 });
  });

  it('is one of many: the others have their turn, a bounded number at once', async () => {
    receiver.answer = () => null;
    for (let n = 1; n < ATTEMPTS_IN_FLIGHT_MAX + 5; n += 1) await create();
    const healthy = await aReceiver();
    const last = await create({ url: healthy.url });

    await notifier.tell('notify:progress', 'notify:progress');
    await eventually(() => receiver.received.length === ATTEMPTS_IN_FLIGHT_MAX);
    expect(notifier.worker.inFlight).toBe(ATTEMPTS_IN_FLIGHT_MAX);
    notifier.clock.advance(ATTEMPT_MS_MAX);

    await allDelivered(last);
    expect(receiver.openMax).toBeLessThanOrEqual(ATTEMPTS_IN_FLIGHT_MAX);
  });
});

describe('webhooks that always have something to send to endpoints that hang', () => {
  it('take turns with all others', async () => {
    const quiet = await TestNotifier.open({ dir: join(dir, 'turns') });
    const healthy = await aReceiver();
    receiver.answer = () => null;
    for (let n = 0; n < ATTEMPTS_IN_FLIGHT_MAX; n += 1) await quiet.createWebhook({ url: receiver.url });
    await quiet.createWebhook({ url: healthy.url });
    await quiet.tell('notify:progress', 'notify:progress', 'notify:progress');
    // Past the tries for which they would hold up each other.
    const puts = quiet.webhooks.list({ limit: 200 }).items.flatMap(({ id }) => quiet.deliveriesOf(id)).map((one) => ({ collection: 'deliveries', id: one.id, doc: { ...one, attempts: ATTEMPTS_IN_ORDER } }));
    await quiet.store.commit({ puts });

    quiet.worker.onApplicationBootstrap();
    await eventually(() => receiver.received.length === ATTEMPTS_IN_FLIGHT_MAX);
    quiet.clock.advance(ATTEMPT_MS_MAX);

    await eventually(() => healthy.received.length > 0);
    await quiet.close();
  });
});

describe('a test', () => {
  it('is sent at once, once, whatever waits', async () => {
    receiver.answer = () => 503;
    await notifier.tell('notify:progress');
    await eventually(() => first().attempts === 1);

    const { status, body } = await notifier.deliveries.test({ id: webhook.id, meta: meta() });

    expect([status, body.payload.type]).toEqual([202, 'webhook:test']);
    const done = await eventually(() => notifier.deliveriesOf(webhook.id).find(({ id, state }) => id === body.id && state !== 'pending'));
    expect(done).toMatchObject({ state: 'parked', attempts: 1, parkedReason: 'attempts', lastStatus: 503 });
    receiver.answer = () => 200;
    await notifier.deliveries.test({ id: webhook.id, meta: meta() });
    await eventually(() => states().includes('delivered'));
    expect(receiver.received.map(({ payload }) => payload.type)).toEqual(['notify:progress', 'webhook:test', 'webhook:test']);
    expect(first()).toMatchObject({ state: 'pending', attempts: 1 });
  });
});
