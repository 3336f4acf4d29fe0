import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Notification } from '@orbitmesh/contracts';
import { TestNotifier } from '../testing/test-notifier.js';
import { JUMPS_KEPT } from '../limits.js';
import type { FeedPlace } from './position.js';

let dir: string;
let notifier: TestNotifier;
let inbox: TestNotifier['inbox'];
const place = (seq: number): FeedPlace => ({ logId: 'in_a-1', seq, cursor: `in_a-1.${seq}` });
const entry = (seq: number): Notification => ({ id: `ntf_${seq}`, eventId: `evt_${seq}`, seq, type: 'notify:progress', timestamp: 't', data: { title: '', message: '' }, readAt: null, revision: 1 });

beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'om-inbox-')), 'store');
  notifier = await TestNotifier.open({ dir });
  ({ inbox } = notifier);
});
afterEach(async () => {
  await notifier.close();
  await rm(dirname(dir), { recursive: true, force: true });
});

describe('the inbox on disk', () => {
  it('takes entries only from the position they follow', async () => {
    await inbox.add([entry(1)], null, place(1));

    await expect(inbox.add([entry(3)], place(2), place(3))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(inbox.add([entry(3)], null, place(3))).rejects.toMatchObject({ code: 'CONFLICT' });

    expect(inbox.entries().map((e) => e.seq)).toEqual([1]);
    expect(inbox.position().place).toEqual(place(1));
  });

  it('leaves an entry as it is when it comes again', async () => {
    await inbox.add([entry(1)], null, place(1));
    await notifier.putEntry({ ...entry(1), readAt: 'now', revision: 2 });

    await inbox.add([entry(1), entry(2)], place(1), place(2));

    expect(inbox.entries().map((e) => [e.seq, e.readAt])).toEqual([[1, 'now'], [2, null]]);
  });

  it('shows what is durable only, while the next is decided on what is pending', async () => {
    const adding = inbox.add([entry(1)], null, place(1));

    expect(inbox.entries()).toEqual([]);
    expect(inbox.durablePosition().place).toBeNull();
    expect(inbox.position().place).toEqual(place(1));
    await adding;
    expect(inbox.entries().length).toBe(1);
  });

  it('keeps a bounded record of jumps, and their number', async () => {
    for (let n = 0; n < JUMPS_KEPT + 5; n += 1) await inbox.jump({ at: `t${n}`, from: place(n), reason: 'CURSOR_GONE', oldest: null, newest: null });

    const { jumps, jumpCount, place: at } = inbox.durablePosition();
    expect([jumps.length, jumpCount, jumps[0].at, at]).toEqual([JUMPS_KEPT, JUMPS_KEPT + 5, 't5', null]);
  });
});
