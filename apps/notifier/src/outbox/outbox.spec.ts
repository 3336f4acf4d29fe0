import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Delivery } from '@orbitmesh/contracts';
import { COLLECTIONS } from '../store/collections.js';
import { entryOf, LOG_ID, meta, TestNotifier, type TestNotifierOptions } from '../testing/test-notifier.js';

// Nothing is sent here: the worker is not started.
let dir: string;
let notifier: TestNotifier;
beforeEach(async () => { dir = join(await mkdtemp(join(tmpdir(), 'om-outbox-')), 'store'); });
afterEach(async () => {
  await notifier.close();
  await rm(dirname(dir), { recursive: true, force: true });
});
const open = async (options: Partial<TestNotifierOptions> = {}) => { notifier = await TestNotifier.open({ dir, ...options }); };
const webhook = (body: Partial<Parameters<TestNotifier['createWebhook']>[0]> = {}) => notifier.createWebhook({ url: 'http://127.0.0.1:1/', ...body });
const seqs = (webhookId: string, state?: Delivery['state']) => notifier.deliveriesOf(webhookId).filter((one) => state === undefined || one.state === state).map(({ payload }) => payload.data.seq);
const place = (seq: number) => ({ logId: LOG_ID, seq, cursor: `${LOG_ID}.${seq}` });

describe('a notification', () => {
  it('goes out to every active webhook that wants its type and project', async () => {
    await open();
    const [all, urgent, ours, theirs, off] = [
      await webhook(), await webhook({ types: ['notify:needs_input', 'notify:session_failed'] }), await webhook({ projectId: 'proj_1' }), await webhook({ projectId: 'proj_2' }),
      await webhook({ active: false }),
    ];

    await notifier.tell('notify:progress', 'notify:needs_input', 'notify:session_failed');

    expect([all, urgent, ours, theirs, off].map(({ id }) => seqs(id))).toEqual([[1, 2, 3], [2, 3], [1, 2, 3], [], []]);
  });

  it('is committed with its deliveries and its position, or not at all', async () => {
    await open();
    const { id } = await webhook();

    const adding = notifier.tell('notify:progress');

    expect([notifier.inbox.entries(), seqs(id), notifier.inbox.durablePosition().place]).toEqual([[], [], null]);
    await adding;
    expect([notifier.inbox.entries().length, seqs(id), notifier.inbox.durablePosition().place]).toEqual([1, [1], place(1)]);
    // One record of the log holds all three: no crash can leave one without the others.
    const log = await Promise.all((await readdir(join(dir, 'log'))).map((name) => readFile(join(dir, 'log', name), 'utf8')));
    const records = log.flatMap((text) => text.split('\n')).filter((line) => line.includes('"ntf_'));
    expect(records).toEqual([expect.stringMatching(/"collection":"inbox".*"collection":"deliveries".*"collection":"position"/)]);
  });

  it('that is read again from the feed does not go out again', async () => {
    await open();
    const { id } = await webhook();
    await notifier.tell('notify:progress');
    const [first] = notifier.deliveriesOf(id);
    await notifier.inbox.jump({ at: 't', from: place(1), reason: 'CURSOR_GONE', oldest: null, newest: null });

    await notifier.inbox.add([entryOf(1), entryOf(2)], null, place(2));

    expect(seqs(id)).toEqual([1, 2]);
    expect(notifier.deliveriesOf(id)[0]).toEqual(first);
    // Even when the inbox has forgotten it: the delivery has the same id.
    const taken: Delivery = { ...notifier.deliveriesOf(id)[1], state: 'delivered', attempts: 1 };
    await notifier.store.commit({ puts: [{ collection: COLLECTIONS.deliveries, id: taken.id, doc: taken }], deletes: [{ collection: COLLECTIONS.inbox, id: entryOf(2).id }] });
    await notifier.inbox.jump({ at: 't', from: place(2), reason: 'CURSOR_GONE', oldest: null, newest: null });
    await notifier.inbox.add([entryOf(2)], null, place(2));
    expect(notifier.inbox.entries().length).toBe(2);
    expect(notifier.deliveriesOf(id)).toEqual([first, taken]);
  });

  it('of before a webhook was made does not go out to it', async () => {
    await open();
    await notifier.tell('notify:progress');

    const { id } = await webhook();
    await notifier.tell('notify:progress');

    expect(seqs(id)).toEqual([2]);
  });

  it('is one of many that together are more than one commit takes: they are several, in order, and all of them there', async () => {
    await open();
    const webhooks = await Promise.all(Array.from({ length: 30 }, () => webhook()));
    const data = { title: 't', message: '\u0001'.repeat(4_000) };
    const entries = Array.from({ length: 40 }, (_, n) => entryOf(n + 1, { data }));

    const adding = notifier.inbox.add(entries, null, place(50));

    // Who comes next follows at once.
    expect(notifier.inbox.position().place).toEqual(place(50));
    await Promise.all([adding, notifier.inbox.add([entryOf(51)], place(50), place(51))]);
    expect(notifier.inbox.entries().map(({ seq }) => seq)).toEqual([...entries.map(({ seq }) => seq), 51]);
    for (const { id } of webhooks) expect(notifier.store.deliveries.of(id, 'pending').length).toBe(41);
    expect(notifier.inbox.durablePosition().place).toEqual(place(51));
  });
});

describe('the bounds', () => {
  const bounds = { pendingMax: 3, deliveriesMax: 6 };
  const finish = (webhookId: string, seq: number, state: Delivery['state']) => {
    const delivery = notifier.deliveriesOf(webhookId).find(({ payload }) => payload.data.seq === seq)!;
    return notifier.store.commit({ puts: [{ collection: COLLECTIONS.deliveries, id: delivery.id, doc: { ...delivery, state } }] });
  };

  it('park the oldest that waits, visibly and counted, when too many do', async () => {
    await open({ bounds });
    const [{ id }, other] = [await webhook(), await webhook({ types: ['notify:needs_input'] })];

    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress');
    await notifier.tell('notify:progress', 'notify:needs_input');

    expect([seqs(id, 'pending'), seqs(id, 'parked'), seqs(other.id)]).toEqual([[3, 4, 5], [1, 2], [5]]);
    expect(notifier.deliveriesOf(id)[0]).toMatchObject({ state: 'parked', parkedReason: 'queue_full', attempts: 0, nextAttemptAt: null, lastError: 'More than 3 were waiting for this webhook.' });
    expect(notifier.counts.all()).toMatchObject({ parked: 2 });
  });

  it('drop the oldest delivered, then the oldest parked, and count those', async () => {
    await open({ bounds });
    const { id } = await webhook();
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress');
    for (const seq of [1, 2, 3]) await finish(id, seq, seq === 2 ? 'delivered' : 'parked');
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress');
    expect(seqs(id)).toEqual([1, 2, 3, 4, 5, 6]);

    await notifier.tell('notify:progress');
    expect(seqs(id)).toEqual([1, 3, 4, 5, 6, 7]);
    await notifier.tell('notify:progress');
    expect(seqs(id)).toEqual([3, 4, 5, 6, 7, 8]);

    expect([seqs(id, 'pending'), seqs(id, 'parked')]).toEqual([[6, 7, 8], [3, 4, 5]]);
    expect(notifier.counts.all()).toMatchObject({ parked: 2, droppedParked: 1 });
  });

  it('hold whatever comes at once', async () => {
    await open({ bounds });
    const { id } = await webhook();

    await notifier.tell(...Array.from({ length: 20 }, () => 'notify:progress' as const));

    expect(seqs(id)).toEqual([15, 16, 17, 18, 19, 20]);
    expect(seqs(id, 'pending')).toEqual([18, 19, 20]);
    expect(notifier.inbox.entries().length).toBe(20);
  });

  it('refuse what a person asks for beyond them', async () => {
    await open({ bounds });
    const { id } = await webhook();
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress', 'notify:progress');
    const [parked] = notifier.deliveriesOf(id);

    await expect(notifier.deliveries.test({ id, meta: meta() })).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await expect(notifier.deliveries.retry({ id, deliveryId: parked.id, meta: meta() })).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
  });
});
