import { describe, expect, it } from '@jest/globals';
import { RETENTION_AGAIN_BYTES, RETENTION_FRESH_MS } from '../limits.js';
import { planRetention, type Transcript } from './retention-plan.js';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY_MS = 24 * 3_600_000;

const ended = (sessionId: string, daysAgo: number, more: Partial<Transcript> = {}): Transcript =>
  ({ sessionId, bytes: 1_000, trimmed: false, endedAt: NOW - daysAgo * DAY_MS, ...more });
const planned = (transcripts: Transcript[], rules: { days?: number; bytes?: number }) =>
  planRetention(transcripts, { ageMsMax: rules.days === undefined ? null : rules.days * DAY_MS, bytesMax: rules.bytes ?? null }, NOW).map(({ sessionId, reason }) => `${sessionId} ${reason}`);

describe('what retention takes', () => {
  const four = [ended('new', 2), ended('old', 40), ended('middle', 20), ended('lives', 90, { endedAt: null })];

  it('is nothing where nothing is configured', () => {
    expect(planned(four, {})).toEqual([]);
  });

  it('is what ended longer ago than it is to be kept, the oldest first, and never what lives', () => {
    expect(planned(four, { days: 10 })).toEqual(['old age', 'middle age']);
    expect(planned(four, { days: 40 })).toEqual([]);
  });

  it('is what ended longest ago, where there are too many bytes', () => {
    expect(planned(four, { bytes: 4_000 })).toEqual([]);
    expect(planned(four, { bytes: 3_999 })).toEqual(['old size', 'middle size', 'new size']);
    expect(planned(four, { bytes: 3_999, days: 30 })).toEqual(['old age', 'middle size', 'new size']);
  });

  it('for want of room is nothing that ended just now', () => {
    expect(planned([ended('fresh', 0, { endedAt: NOW - RETENTION_FRESH_MS })], { bytes: 1 })).toEqual([]);
  });

  it('is nothing of a session that has nothing, or only a little that came since', () => {
    expect(planned([ended('none', 40, { bytes: 0 }), ended('little', 40, { trimmed: true, bytes: RETENTION_AGAIN_BYTES - 1 })], { days: 1 })).toEqual([]);
    expect(planned([ended('much', 40, { trimmed: true, bytes: RETENTION_AGAIN_BYTES })], { days: 1 })).toEqual(['much age']);
  });
});
