import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import type { ServerFrame } from '@orbitmesh/contracts';
import type { EventPager } from './event-pager.js';
import type { EventTail, FeedPosition } from './event-tail.js';
import { FeedReader } from './feed-reader.js';

const settled = () => new Promise((resolve) => { setImmediate(resolve); });

describe('a subscription that comes back after the log was restored', () => {
  let tail: { position: FeedPosition; degraded: boolean; after(seq: number): null | [] };
  /** What the log is called, each time that it is asked; then the last of them. */
  let names: string[];
  let asked: string[];
  let frames: ServerFrame[];
  let faults: unknown[];
  let reader: FeedReader;
  beforeEach(() => {
    tail = { position: { logId: 'in-1', seq: 5 }, degraded: false, after: (seq) => (seq >= tail.position.seq ? [] : null) };
    [names, asked, frames, faults] = [['in-2'], [], [], []];
    const pager = {
      page: async (after: string) => {
        asked.push(after);
        return Promise.resolve({ events: [], nextCursor: `${names.length > 1 ? names.shift()! : names[0]}.3` });
      },
    };
    reader = new FeedReader(tail as unknown as EventTail, pager as unknown as EventPager, {
      ready: () => true, event: () => undefined, frame: (frame) => frames.push(frame), fault: (error) => faults.push(error),
    });
  });
  const subscribed = () => frames.flatMap((frame) => (frame.type === 'subscribed' ? [[frame.resume, frame.cursor]] : []));

  it('is told of no gap when its gateway learns of the new name only after the page came', async () => {
    await reader.subscribe({}, 'in-1.3', undefined);
    expect([subscribed(), asked.length]).toEqual([[], 2]);

    tail.position = { logId: 'in-2', seq: 3 };
    reader.reset();
    reader.wake();
    await settled();

    expect(subscribed()).toEqual([['ok', 'in-2.3']]);
    expect(faults).toEqual([]);
  });

  it('asks again when its page is of the old name and its gateway has learnt the new one meanwhile', async () => {
    tail.position = { logId: 'in-2', seq: 3 };
    names = ['in-1', 'in-2'];

    await reader.subscribe({}, 'in-1.3', undefined);

    expect([subscribed(), asked]).toEqual([[['ok', 'in-2.3']], ['in-1.3', 'in-1.3']]);
    reader.reset();
    expect(subscribed()).toHaveLength(1);
  });

  it('is told of the gap where the log does not take its cursor', async () => {
    reader = new FeedReader(tail as unknown as EventTail, { page: () => Promise.reject(new AppError('CURSOR_GONE', undefined, { oldest: 'in-2.0', newest: 'in-2.3' })) } as unknown as EventPager, {
      ready: () => true, event: () => undefined, frame: (frame) => frames.push(frame), fault: (error) => faults.push(error),
    });

    await reader.subscribe({}, 'in-1.4', undefined);

    expect(subscribed()).toEqual([['gap', 'in-2.3']]);
  });
});

it('a subscription that cannot go on is over, and says so once', async () => {
  const faults: unknown[] = [];
  const tail = { position: { logId: 'in-1', seq: 5 }, degraded: false, after: () => null };
  const reader = new FeedReader(tail as unknown as EventTail, { page: () => Promise.reject(new AppError('INTERNAL')) } as unknown as EventPager, {
    ready: () => true, event: () => undefined, frame: () => undefined, fault: (error) => faults.push(error),
  });
  await reader.subscribe({}, undefined, undefined);

  for (let wakes = 0; wakes < 3; wakes += 1) {
    await settled();
    reader.wake();
  }

  expect(faults).toEqual([new AppError('INTERNAL')]);
  expect(reader.cursor).toBeNull();
});
