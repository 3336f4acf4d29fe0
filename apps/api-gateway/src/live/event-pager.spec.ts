import { expect, it } from '@jest/globals';
import type { Bus } from '@orbitmesh/messaging';
import { PAGES_IN_FLIGHT_MAX } from '../limits.js';
import { EventPager } from './event-pager.js';

it('a client that left while it waited for its turn holds up nobody', async () => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const request = (_rpc: unknown, { after }: { after: string }) => {
    asked.push(after);
    return new Promise((resolve) => { answers.push(() => resolve({ items: [], nextCursor: after })); });
  };
  const pager = new EventPager({ request } as unknown as Bus);
  const first = Array.from({ length: PAGES_IN_FLIGHT_MAX }, (_, n) => pager.page(`first-${n}`, () => true));
  let isThere = true;
  const left = Array.from({ length: 3 }, (_, n) => pager.page(`left-${n}`, () => isThere).catch((error: unknown) => error));
  const next = pager.page('next', () => true);
  isThere = false;
  expect(asked).toHaveLength(PAGES_IN_FLIGHT_MAX);

  answers.shift()!();

  expect(await Promise.all(left)).toEqual(left.map(() => expect.objectContaining({ code: 'UNAVAILABLE' })));
  expect(asked.slice(PAGES_IN_FLIGHT_MAX)).toEqual(['next']);
  for (const answer of answers) answer();
  expect(await next).toEqual({ events: [], nextCursor: 'next' });
  await Promise.all(first);
});
