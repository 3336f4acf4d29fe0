import { expect, it } from '@jest/globals';
import type { EventEnvelope } from '@orbitmesh/domain';
import { EventTail } from './event-tail.js';

const BYTES_MAX = 1_000;
const event = (seq: number, bytes = 100): Parameters<EventTail['push']>[0] => ({ envelope: { seq } as EventEnvelope, json: '', bytes });
const seqs = (tail: EventTail, after: number): number[] | undefined => {
  const found = tail.after(after);
  return found && [...found].map(({ envelope }) => envelope.seq);
};

it('knows nothing at first', () => {
  expect(seqs(new EventTail(BYTES_MAX), 0)).toBeUndefined();
});

it('has what came after any position that it reaches back to', () => {
  const tail = new EventTail(BYTES_MAX);
  for (let seq = 7; seq <= 26; seq += 1) tail.push(event(seq));

  expect(seqs(tail, 16)).toEqual([17, 18, 19, 20, 21, 22, 23, 24, 25, 26]);
  expect(seqs(tail, 25)).toEqual([26]);
  expect(seqs(tail, 26)).toEqual([]);
  expect(seqs(tail, 15)).toBeUndefined();
});

it('keeps the newest, however large it is', () => {
  const tail = new EventTail(BYTES_MAX);
  tail.push(event(1));
  tail.push(event(2, 5 * BYTES_MAX));

  expect(seqs(tail, 1)).toEqual([2]);
  expect(seqs(tail, 0)).toBeUndefined();
});

it('begins anew behind a gap', () => {
  const tail = new EventTail(BYTES_MAX);
  for (const seq of [1, 2, 5, 6]) tail.push(event(seq));

  expect(seqs(tail, 4)).toEqual([5, 6]);
  expect(seqs(tail, 1)).toBeUndefined();
});

it('lets go of what it drops, so that it holds no more than its bound', () => {
  const tail = new EventTail(BYTES_MAX);
  for (let seq = 1; seq <= 5_000; seq += 1) tail.push(event(seq));
  const held = Object.values(tail).flatMap((value: unknown) => (value instanceof Map || Array.isArray(value) ? [...value.values()] : [])) as { bytes: number }[];

  expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(BYTES_MAX);
});
