import { describe, expect, it } from '@jest/globals';
import { ID_PATTERN, type EventEnvelope } from '@orbitmesh/domain';
import { TEXT_CHARS_MAX } from '../limits.js';
import { isNotifyEvent, notificationId, notificationOf, type NotifyEvent } from './notification.js';

const event = (seq: number, more: Partial<EventEnvelope> = {}): NotifyEvent => ({
  seq, cursor: `in_a-1.${seq}`, id: `evt_${seq}`, type: 'notify:progress', timestamp: '2026-01-02T03:04:05.678Z', commitEnd: true, data: { title: 't', message: 'm' }, ...more,
}) as NotifyEvent;

describe('a notification\'s id', () => {
  it('is made of the event alone, and differs by seq, by log and by time', () => {
    expect(notificationId('in_a-1', event(7))).toBe(notificationId('in_a-1', event(7)));
    const ids = [notificationId('in_a-1', event(7)), notificationId('in_a-1', event(8)), notificationId('in_a-2', event(7)), notificationId('in_a-1', event(7, { timestamp: '2026-01-02T03:04:05.679Z' }))];
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(ID_PATTERN);
  });

  it('sorts by time, then by seq', () => {
    const ids = [1, 2, 31, 32, 33, 1_024, 2 ** 40].map((seq) => notificationId('in_a-1', event(seq)));
    expect([...ids].sort()).toEqual(ids);
    expect(notificationId('in_a-1', event(1, { timestamp: '2026-01-02T03:04:06.000Z' })) > ids[6]).toBe(true);
  });

  it('is an id whatever the timestamp says', () => {
    expect(notificationId('in_a-1', event(1, { timestamp: 'never' }))).toMatch(ID_PATTERN);
  });
});

describe('a notification', () => {
  it('is made of notify events only', () => {
    expect(isNotifyEvent(event(1))).toBe(true);
    expect(isNotifyEvent(event(1, { type: 'output' }))).toBe(false);
    expect(isNotifyEvent(event(1, { type: 'notify:unheard_of' }))).toBe(false);
  });

  it('cuts a long text at a character', () => {
    const { data } = notificationOf('in_a-1', event(1, { data: { title: 't', message: `x${'😀'.repeat(TEXT_CHARS_MAX)}` } }));
    expect(data.message.length).toBeLessThanOrEqual(TEXT_CHARS_MAX);
    expect(data.message.endsWith('😀…')).toBe(true);
    expect(data.message).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
  });
});
