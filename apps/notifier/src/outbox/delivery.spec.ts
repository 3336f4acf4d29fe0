import { describe, expect, it } from '@jest/globals';
import type { Delivery, Webhook } from '@orbitmesh/contracts';
import { ATTEMPTS_IN_ORDER, RETRY_AFTER_MS_MAX, RETRY_DELAYS_MS, RETRY_JITTER, TEXT_CHARS_MAX } from '../limits.js';
import { entryOf, LOG_ID } from '../testing/test-notifier.js';
import { afterAttempt, deliveryId, deliveryOf, nextOf, rearmed, testDelivery, type AttemptResult } from './delivery.js';
import { RetrySchedule } from './retry-schedule.js';

const now = '2026-01-01T00:00:00.000Z';
const at = Date.parse(now);
const webhook: Webhook = { id: 'whk_01ARZ3NDEKTSV4RRFFQ69G5FAV', url: 'http://a/', name: 'a', types: ['notify:*'], projectId: null, active: true, secretVersion: 1, createdAt: now, updatedAt: now, revision: 1, lastDelivery: null };
const delivery = (seq: number, more: Partial<Delivery> = {}): Delivery => ({ ...deliveryOf(entryOf(seq), webhook, LOG_ID, now), ...more });
const schedule = new RetrySchedule(RETRY_DELAYS_MS, () => 0.5);
const failed = (more: Partial<AttemptResult> = {}): AttemptResult => ({ status: 500, error: 'It answered 500.', retryAfterMs: null, ...more });

describe('a delivery\'s id', () => {
  it('is made of event and webhook alone', () => {
    expect(deliveryId(LOG_ID, webhook.id, entryOf(7))).toBe(deliveryId(LOG_ID, webhook.id, entryOf(7)));
    expect(deliveryId(LOG_ID, webhook.id, entryOf(7))).toMatch(/^dlv_[0-9A-HJKMNP-TV-Z]{26}$/);
    const others = [deliveryId('in_test-2', webhook.id, entryOf(7)), deliveryId(LOG_ID, 'whk_other', entryOf(7)), deliveryId(LOG_ID, webhook.id, entryOf(8)), deliveryId(LOG_ID, webhook.id, entryOf(7))];
    expect(new Set(others).size).toBe(4);
  });

  it('sorts as the events do', () => {
    const ids = [1, 2, 31, 32, 33, 1_024, 2 ** 35].map((seq) => deliveryId(LOG_ID, webhook.id, { seq, timestamp: now }));
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('what is sent', () => {
  it('says what happened and where, under the delivery\'s id', () => {
    const { id, payload } = delivery(7);

    expect(payload).toEqual({
      id, type: 'notify:progress', timestamp: entryOf(7).timestamp,
      data: {
        title: 'title 7', message: 'message 7', webhookId: webhook.id, projectId: 'proj_1', sessionId: 'sess_1', eventId: 'evt_in_test-1-7', notificationId: entryOf(7).id,
        seq: 7, cursor: 'in_test-1.7',
      },
    });
  });

  it('is far below 256 KiB, whatever the notification says', () => {
    const text = '\u0001'.repeat(TEXT_CHARS_MAX * 2);
    const { payload } = deliveryOf(entryOf(1, { data: { title: text, message: text } }), webhook, LOG_ID, now);

    expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThan(256 * 1024);
  });
});

describe('a failed attempt', () => {
  it('is followed by the next after the schedule\'s wait, until the last: then it is parked', () => {
    let one = delivery(1);
    const waits: number[] = [];
    while (one.state === 'pending') {
      one = afterAttempt(one, failed(), at, schedule);
      if (one.nextAttemptAt !== null) waits.push(Date.parse(one.nextAttemptAt) - at);
    }

    expect(waits).toEqual(RETRY_DELAYS_MS);
    expect(one).toMatchObject({ state: 'parked', parkedReason: 'attempts', attempts: 8, nextAttemptAt: null, lastStatus: 500, lastError: 'It answered 500.' });
    const hour = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay);
    expect(hour).toBeGreaterThan(55 * 60_000);
    expect(hour).toBeLessThan(65 * 60_000);
  });

  it('waits a little more or less each time', () => {
    const [shortest, longest] = [0, 1].map((random) => new RetrySchedule([1_000], () => random).delayAfter(1));
    expect([shortest, longest]).toEqual([1_000 * (1 - RETRY_JITTER), 1_000 * (1 + RETRY_JITTER)]);
  });

  it.each([[60_000, 60_000], [1_000, RETRY_DELAYS_MS[0]], [999_999_999_000, RETRY_AFTER_MS_MAX]])('with Retry-After of %i ms waits %i', (retryAfterMs, wait) => {
    expect(afterAttempt(delivery(1), failed({ status: 429, retryAfterMs }), at, schedule).nextAttemptAt).toBe(new Date(at + wait).toISOString());
  });

  it('that says the endpoint is gone, or that was a test, is the last', () => {
    expect(afterAttempt(delivery(1), failed({ status: 410 }), at, schedule)).toMatchObject({ state: 'parked', parkedReason: 'gone' });
    expect(afterAttempt(testDelivery('dlv_t', webhook, now), failed({ status: null }), at, schedule)).toMatchObject({ state: 'parked', parkedReason: 'attempts', lastStatus: null });
  });

  it('of one that was begun anew counts from the beginning', () => {
    const parked = delivery(1, { state: 'parked', attempts: 8, nextAttemptAt: null, parkedReason: 'attempts' });

    expect(afterAttempt(rearmed(parked, now), failed(), at, schedule)).toMatchObject({ state: 'pending', attempts: 1, nextAttemptAt: new Date(at + RETRY_DELAYS_MS[0]).toISOString() });
  });
});

describe('whose turn it is', () => {
  const soon = new Date(at + 5_000).toISOString();
  const soonMs = at + 5_000;

  it('is the oldest\'s', () => {
    expect(nextOf([delivery(1), delivery(2)], at)).toEqual({ due: delivery(1) });
    expect(nextOf([], at)).toBeNull();
  });

  it('while one keeps its place, nobody\'s behind it; later those behind it go on', () => {
    const waits = (attempts: number) => delivery(1, { attempts, nextAttemptAt: soon });

    expect(nextOf([waits(1), delivery(2)], at)).toEqual({ at: soonMs });
    expect(nextOf([waits(ATTEMPTS_IN_ORDER - 1), delivery(2)], at)).toEqual({ at: soonMs });
    expect(nextOf([waits(ATTEMPTS_IN_ORDER), delivery(2)], at)).toEqual({ due: delivery(2) });
    expect(nextOf([waits(ATTEMPTS_IN_ORDER), delivery(2)], soonMs)).toEqual({ due: waits(ATTEMPTS_IN_ORDER) });
    expect(nextOf([waits(ATTEMPTS_IN_ORDER), delivery(2, { attempts: 5, nextAttemptAt: new Date(at + 9_000).toISOString() })], at)).toEqual({ at: soonMs });
  });

  it('is a test\'s before anything else\'s', () => {
    const test = testDelivery('dlv_z', webhook, now);
    expect(nextOf([delivery(1, { attempts: 1, nextAttemptAt: soon }), test], at)).toEqual({ due: test });
  });

  it('is not put off for ever by a clock that was set back', () => {
    expect(nextOf([delivery(1, { attempts: 1, nextAttemptAt: new Date(at + 86_400_000).toISOString() })], at)).toMatchObject({ due: { attempts: 1 } });
  });
});
