import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Webhook } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { RECORD_RETRY_MS, RETRY_DELAYS_MS } from '../limits.js';
import { FakeClock } from '../testing/fake-clock.js';
import { FlakyDisk } from '../testing/flaky-disk.js';
import { Receiver } from '../testing/receiver.js';
import { TestNotifier } from '../testing/test-notifier.js';

let root: string;
let receiver: Receiver;
let webhook: Webhook;
const notifiers: TestNotifier[] = [];
const disks = new Map<TestNotifier, FlakyDisk>();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'om-crash-'));
  receiver = await Receiver.start();
});
afterEach(async () => {
  await receiver.stop();
  for (const one of notifiers.splice(0)) await one.close();
  await rm(root, { recursive: true, force: true });
});

async function start(name: string, clock = new FakeClock()): Promise<TestNotifier> {
  const disk = new FlakyDisk();
  const notifier = await TestNotifier.start({ dir: join(root, name), clock, fs: disk.fs });
  notifiers.push(notifier);
  disks.set(notifier, disk);
  return notifier;
}
/** What a process finds that starts now, the one before it having been killed: what it was writing is there, but not synced. */
async function killed(before: TestNotifier, from: string, to: string): Promise<TestNotifier> {
  const now = before.clock.wall();
  let release = (): void => undefined;
  disks.get(before)!.gate = new Promise((resolve) => { release = resolve; });
  // Until everything has come to wait for its sync, files may vanish under the copy.
  await eventually(async () => {
    await rm(join(root, to), { recursive: true, force: true });
    await cp(join(root, from), join(root, to), { recursive: true, filter: (source) => !source.endsWith('.sock') });
    return true;
  }, { what: 'a copy' });
  release();
  await before.close();
  notifiers.splice(notifiers.indexOf(before), 1);
  return start(to, new FakeClock(now));
}
const states = (notifier: TestNotifier) => notifier.deliveriesOf(webhook.id).map(({ state }) => state);
const done = (notifier: TestNotifier, count: number) => eventually(() => states(notifier).filter((state) => state === 'delivered').length === count, { what: 'every delivery' });

describe('killed between two tries', () => {
  it('it goes on with the tries that are left, when they are due', async () => {
    const before = await start('a');
    webhook = await before.createWebhook({ url: receiver.url });
    receiver.answer = () => 503;
    await before.tell('notify:progress');
    await eventually(() => before.deliveriesOf(webhook.id)[0].attempts === 1);

    const after = await killed(before, 'a', 'b');
    expect(after.deliveriesOf(webhook.id)[0]).toMatchObject({ state: 'pending', attempts: 1 });
    await eventually(() => after.clock.pending.includes(RETRY_DELAYS_MS[0]), { what: 'the wait for the second try' });
    expect(receiver.received.length).toBe(1);
    receiver.answer = () => 200;
    after.clock.advance(RETRY_DELAYS_MS[0]);

    await done(after, 1);
    expect(after.deliveriesOf(webhook.id)[0].attempts).toBe(2);
    expect(receiver.received.length).toBe(2);
  });
});

describe('killed at any moment, again and again', () => {
  it('every event arrives at least once, in documents that are made once, and the id tells the repeats', async () => {
    let notifier = await start('0');
    webhook = await notifier.createWebhook({ url: receiver.url });
    // Every third request is refused, every fifth is taken but its answer is never seen.
    receiver.answer = () => (receiver.received.length % 5 === 0 ? null : receiver.received.length % 3 === 0 ? 500 : 200);
    for (let round = 1; round <= 6; round += 1) {
      for (let n = 0; n < 5; n += 1) await notifier.tell('notify:progress', 'notify:needs_input');
      const seen = receiver.received.length;
      await eventually(() => { notifier.clock.advance(1_000); return receiver.received.length > seen + round; });
      notifier = await killed(notifier, String(round - 1), String(round));
    }
    receiver.answer = () => 200;

    await eventually(() => { notifier.clock.advance(1_000); return states(notifier).every((state) => state === 'delivered'); }, { what: 'the end of it' });

    const expected = Array.from({ length: 60 }, (_, n) => n + 1);
    expect(notifier.deliveriesOf(webhook.id).map(({ payload }) => payload.data.seq)).toEqual(expected);
    expect([...new Set(receiver.seqs)].sort((a, b) => a! - b!)).toEqual(expected);
    const idOf = new Map(receiver.received.map(({ payload }) => [payload.data.seq, payload.id]));
    expect(receiver.received.every(({ payload }) => idOf.get(payload.data.seq) === payload.id)).toBe(true);
    expect(receiver.received.length).toBeGreaterThan(60);
  });
});

describe('when the disk is full', () => {
  it('what was taken is not sent again, but written down when there is room', async () => {
    const notifier = await start('a');
    const disk = disks.get(notifier)!;
    webhook = await notifier.createWebhook({ url: receiver.url });
    receiver.answer = () => {
      disk.failing = true;
      return 200;
    };
    await notifier.tell('notify:progress');
    await eventually(() => notifier.clock.pending.includes(RECORD_RETRY_MS), { what: 'a failed write' });
    expect(states(notifier)).toEqual(['pending']);

    disk.failing = false;
    await eventually(() => { notifier.clock.advance(RECORD_RETRY_MS); return states(notifier)[0] === 'delivered'; });

    expect(receiver.received.length).toBe(1);
  });

  it('a stop does not wait for it, and the next start finds it either way', async () => {
    const notifier = await start('a');
    const disk = disks.get(notifier)!;
    webhook = await notifier.createWebhook({ url: receiver.url });
    receiver.answer = () => {
      disk.failing = true;
      return 200;
    };
    await notifier.tell('notify:progress');
    await eventually(() => notifier.clock.pending.includes(RECORD_RETRY_MS), { what: 'a failed write' });

    await notifier.close();
    notifiers.length = 0;
    receiver.answer = () => 200;
    const next = await start('a');

    // Sent once more, unless what could not be synced is in the log after all.
    await done(next, 1);
    expect(new Set(receiver.received.map(({ payload }) => payload.id)).size).toBe(1);
  });

  it('or slow, nothing goes out that is not on it yet', async () => {
    const notifier = await start('a');
    const disk = disks.get(notifier)!;
    const urgent = await Receiver.start();
    webhook = await notifier.createWebhook({ url: receiver.url, types: ['notify:progress'] });
    await notifier.createWebhook({ url: urgent.url, types: ['notify:needs_input'] });
    receiver.answer = () => 503;
    await notifier.tell('notify:progress');
    await eventually(() => notifier.clock.pending.includes(RETRY_DELAYS_MS[0]), { what: 'the wait for the second try' });
    let release = (): void => undefined;
    disk.gate = new Promise((resolve) => { release = resolve; });

    const telling = notifier.tell('notify:needs_input');
    // The worker looks at everything now.
    notifier.clock.advance(RETRY_DELAYS_MS[0]);
    await eventually(() => receiver.received.length === 2);
    expect(urgent.received).toEqual([]);
    release();
    await telling;

    await eventually(() => urgent.received.length === 1);
    await urgent.stop();
  });

  it('nothing goes out that could not be written', async () => {
    const notifier = await start('a');
    const disk = disks.get(notifier)!;
    webhook = await notifier.createWebhook({ url: receiver.url });
    disk.failing = true;

    await expect(notifier.tell('notify:progress')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(notifier.store.deliveries.totals().pending).toBe(0);
    disk.failing = false;
    await eventually(() => notifier.tell('notify:needs_input').then(() => true));

    await done(notifier, 1);
    expect(receiver.received.map(({ payload }) => payload.type)).toEqual(['notify:needs_input']);
  });
});
