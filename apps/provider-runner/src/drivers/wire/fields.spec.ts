import { describe, expect, it } from '@jest/globals';
import { parseFrame } from './fields.js';
import { FRAME_DEPTH_MAX } from './wire.limits.js';

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const depthOf = (value: unknown): number => {
  let levels = 0;
  for (let at = value; typeof at === 'object' && at !== null; at = Object.values(at)[0]) levels += 1;
  return levels;
};

describe('a frame of an agent', () => {
  it('is taken as it is, however many brackets its texts have', () => {
    const frame = { type: 'x', text: '{[['.repeat(1_000), list: Array.from({ length: 200 }, () => [{}]) };
    expect(parseFrame(JSON.stringify(frame))).toEqual(frame);
    expect(depthOf(parseFrame(nested(FRAME_DEPTH_MAX)))).toBe(FRAME_DEPTH_MAX);
  });

  it('is cut where it is deeper than anything real, and keeps what stands beside', () => {
    const frame = parseFrame(`{"id":7,"deep":${nested(100_000)}}`) as { id: number; deep: unknown };
    expect(frame.id).toBe(7);
    expect(depthOf(frame)).toBe(1);
    expect(depthOf(frame.deep)).toBe(FRAME_DEPTH_MAX - 1);
    expect(JSON.stringify(frame)).toContain('"…"');
  });

  it('that is no JSON is refused', () => {
    expect(() => parseFrame('{"a":')).toThrow(SyntaxError);
  });
});
