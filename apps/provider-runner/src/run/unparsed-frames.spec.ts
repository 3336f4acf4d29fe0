import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { UNPARSED_FACTS_MAX, UNPARSED_SAY_MS } from '../limits.js';
import { UnparsedFrames } from './unparsed-frames.js';

describe('UnparsedFrames', () => {
  let said: [key: string, value: string][];
  const open = (progress = { frames: 0, characters: 0, told: 0 }) => new UnparsedFrames(progress, ({ key, value }) => said.push([key, value]));

  beforeEach(() => {
    said = [];
    jest.useFakeTimers({ advanceTimers: false });
  });
  afterEach(() => { jest.useRealTimers(); });

  it('says the first ones whole, then their number at once, now and then, and at the end', () => {
    const frames = open();
    for (let n = 0; n < 10_000; n += 1) frames.take(`frame ${n}`);

    expect(said.slice(0, UNPARSED_FACTS_MAX).every(([key]) => key === 'unparsed')).toBe(true);
    expect(said.slice(UNPARSED_FACTS_MAX)).toEqual([['unparsed_dropped', '1']]);
    jest.advanceTimersByTime(UNPARSED_SAY_MS);
    for (let n = 0; n < 10_000; n += 1) frames.take('more');
    expect(said.slice(UNPARSED_FACTS_MAX + 1)).toEqual([['unparsed_dropped', '9901']]);
    frames.sum();
    frames.sum();
    expect(said.slice(UNPARSED_FACTS_MAX + 2)).toEqual([['unparsed_dropped', '19900']]);
  });

  it('counts on where a former runner was', () => {
    const first = open();
    for (let n = 0; n < 150; n += 1) first.take('x');
    said = [];
    const second = open(JSON.parse(JSON.stringify(first.progress)) as typeof first.progress);

    second.take('x');
    second.sum();

    expect(said).toEqual([['unparsed_dropped', '51']]);
  });

  it.each([['frames', 1_001, 'y'], ['characters', 2, 'y'.repeat(600 * 1024)]])('knows from the number of %s what is no agent', (_what, count, frame) => {
    const frames = open();
    for (let n = 1; n < count; n += 1) frames.take(frame);
    expect(frames.areTooManyToStart).toBe(false);

    frames.take(frame);

    expect(frames.areTooManyToStart).toBe(true);
  });
});
