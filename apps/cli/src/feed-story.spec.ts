import { expect, it } from '@jest/globals';
import type { FeedItem } from '@orbitmesh/api-client';
import { FeedStory } from './feed-story.js';
import type { Printer } from './printer.js';

const event = (seq: number): FeedItem => ({ type: 'event', event: { cursor: `in_1-1.${seq}` } as never });
const subscribed = (cursor: string, resume: 'ok' | 'gap' = 'ok'): FeedItem => ({ type: 'subscribed', resume, cursor });
const cut = (reason: string): FeedItem => ({ type: 'disconnected', reason });
const degraded: FeedItem = { type: 'degraded', reason: 'The feed is not reachable.' };
const position: FeedItem = { type: 'position', cursor: 'in_1-1.9' };

it.each<[string, FeedItem[], string[]]>([
  ['nothing of what goes well', [subscribed('in_1-1.4'), event(5), position], []],
  ['of a break that it is one, and its end', [subscribed('in_1-1.4'), cut('closed (1006)'), subscribed('in_1-1.4'), event(5)], ['(cut off; waiting for it to be back)', '(live again; nothing was missed)']],
  ['why, where somebody said so', [subscribed('in_1-1.4'), cut('shutting down'), degraded, subscribed('in_1-1.4')], ['(cut off: shutting down; waiting for it to be back)', '(live again; nothing was missed)']],
  ['of a server whose own feed is away, when it is there', [subscribed('in_1-1.4'), degraded, degraded, position], ['(The feed is not reachable.)', '(live again; nothing was missed)']],
  ['of one that begins late', [degraded, subscribed('in_1-1.4')], ['(The feed is not reachable.)', '(live)']],
  ['of a restored home, by its other log', [subscribed('in_1-1.4'), cut('read ECONNRESET'), subscribed('in_1-2.3', 'gap')], ['(cut off; waiting for it to be back)', '(OrbitMesh was restored: some of what was shown may not have happened there; live again from here)']],
  ['of a log that is behind what was shown', [event(7), subscribed('in_1-1.3', 'gap')], ['(OrbitMesh was restored: some of what was shown may not have happened there; live again from here)']],
  ['of events that are no longer kept', [event(3), subscribed('in_1-1.90', 'gap'), event(91)], ['(some events are no longer kept; live again from here)']],
])('a feed tells %s', (_name, items, notes) => {
  const told: string[] = [];
  const story = new FeedStory({ note: (text: string) => told.push(text) } as unknown as Printer);
  for (const item of items) story.hear(item);
  expect(told).toEqual(notes);
});
