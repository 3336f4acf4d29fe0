import { jsonBytes } from '../kernel/text.js';
import { FEED_EVENT_BYTES_MAX } from '../limits.js';
import type { FeedEvent } from './envelope.js';
import { newErrorEvent, newMetadataEvent, newMetricEvent, newOutputEvent, newStatusChangeEvent } from './events.js';
import { fitEvent } from './fit-event.js';

/** One document, one event (design §2). */
const ON_THE_WIRE_BYTES_MAX = 256 * 1024;

const at = '2025-01-01T00:00:00.000Z';

describe('the five factories', () => {
  it('make the events of the specification', () => {
    expect(newStatusChangeEvent('sess_1', 'created', 'starting', 'user request', at, 'proj_1')).toEqual({
      type: 'status_change', timestamp: at, projectId: 'proj_1', sessionId: 'sess_1', data: { oldState: 'created', newState: 'starting', reason: 'user request' },
    });
    expect(newOutputEvent('sess_1', 'hello', at)).toEqual({ type: 'output', timestamp: at, sessionId: 'sess_1', data: { content: 'hello' } });
    expect(newMetricEvent('sess_1', 10, 5, 1, at).data).toEqual({ tokensIn: 10, tokensOut: 5, requestCount: 1 });
    expect(newErrorEvent('sess_1', 'Connection failed', 'CONN_ERR', at).data).toEqual({ message: 'Connection failed', code: 'CONN_ERR' });
    expect(newMetadataEvent('sess_1', 'model', 'large', at).data).toEqual({ key: 'model', value: 'large' });
  });

  it('give a time to who has none', () => {
    expect(newOutputEvent('sess_1', 'hello').timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });
});

describe('an event that is too large', () => {
  const event = (data: unknown): FeedEvent => ({ type: 'tool_call', timestamp: at, projectId: 'proj_1', sessionId: 'sess_1', data });

  it('that is not, is left alone', () => {
    const small = event({ content: 'x'.repeat(200_000) });
    expect(fitEvent(small)).toBe(small);
  });

  it('is cut at a character in its largest field, and says what it had', () => {
    const content = '🚀"é'.repeat(60_000);
    const { data } = fitEvent(event({ title: 'T', content })) as FeedEvent<string, { title: string; content: string; truncated: unknown }>;
    expect(data.title).toBe('T');
    expect(content.startsWith(data.content)).toBe(true);
    expect(Buffer.from(data.content).toString()).toBe(data.content);
    expect(data.truncated).toEqual({ field: 'content', bytes: Buffer.byteLength(content) });
    const bytes = jsonBytes(event(data));
    expect(bytes).toBeLessThanOrEqual(FEED_EVENT_BYTES_MAX);
    expect(bytes).toBeGreaterThan(FEED_EVENT_BYTES_MAX - 20);
  });

  it('may be too large in several fields, or in one that is no text', () => {
    const fitted = fitEvent(event({ a: 'x'.repeat(300_000), b: { deep: ['"'.repeat(300_000)] }, c: 'short' }));
    expect(jsonBytes(fitted)).toBeLessThanOrEqual(FEED_EVENT_BYTES_MAX);
    expect(fitted.data).toMatchObject({ c: 'short', truncated: { field: 'b' } });
  });

  it('keeps the word of who cut it before', () => {
    const truncated = { field: 'content', bytes: 9_000_000 };
    expect(fitEvent(event({ content: 'x'.repeat(FEED_EVENT_BYTES_MAX), truncated })).data).toMatchObject({ truncated });
  });

  it('leaves room for its envelope', () => {
    const envelope = { seq: Number.MAX_SAFE_INTEGER, cursor: `in_${'x'.repeat(61)}-1.${Number.MAX_SAFE_INTEGER}`, id: 'x'.repeat(64), commitEnd: false, sessionSeq: Number.MAX_SAFE_INTEGER };
    expect(FEED_EVENT_BYTES_MAX + jsonBytes(envelope)).toBeLessThanOrEqual(ON_THE_WIRE_BYTES_MAX);
  });
});
