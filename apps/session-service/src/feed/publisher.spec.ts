import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@orbitmesh/domain';
import { PAGE_BYTES_MAX, SessionRpc } from '@orbitmesh/contracts';
import { meta, TestService } from '../testing/test-service.js';
import { partsOf } from './publisher.js';

describe('the publisher', () => {
  let service: TestService;

  beforeEach(async () => { service = await TestService.start(); });
  afterEach(() => service.remove());

  const said = (topic: string): unknown[] => service.bus.published.filter((each) => each.topic === topic).map(({ message }) => message);

  it('tells every durable commit in order, as the pages have it', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => service.project('/w', `P${n}`)));
    const live = (said('committed') as { logId: string; events: EventEnvelope[] }[]).flatMap(({ events }) => events);
    expect(live).toEqual(await service.events());
    expect(live.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  it('tells where the feed stands every 500 ms and at once after a reconnect', async () => {
    await service.project();
    const before = said('head').length;
    service.clock.advance(1_000);
    expect(said('head').slice(before)).toEqual([1, 2].map(() => ({ logId: service.store.logId, cursor: service.store.head().cursor, seq: 1 })));
    service.bus.setConnected(false);
    service.clock.advance(5_000);
    service.bus.setConnected(true);
    expect(said('head')).toHaveLength(before + 3);
  });

  it('never fails a command', async () => {
    service.bus.broken = true;
    expect((await service.project()).revision).toBe(1);
    service.bus.broken = false;
  });

  it('splits what is too large for one message, and splits no event', () => {
    const event = (seq: number, bytes: number): EventEnvelope => ({ seq, cursor: `l.${seq}`, id: `e${seq}`, type: 'output', timestamp: 't', commitEnd: false, data: 'x'.repeat(bytes) });
    const events = [event(1, 250_000), event(2, 250_000), event(3, 250_000), event(4, 10)];
    const parts = [...partsOf(events)];
    expect(parts.map((part) => part.map(({ seq }) => seq))).toEqual([[1, 2], [3, 4]]);
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThanOrEqual(PAGE_BYTES_MAX + 100);
    expect([...partsOf([])]).toEqual([]);
  });

  it('pages the feed and a session, and says when a cursor is gone', async () => {
    const project = await service.project();
    const { id } = await service.spawn({ projectId: project.id });
    await service.call(SessionRpc.postTimeline, { id, kind: 'milestone', message: 'm', meta: meta() });

    const page = await service.call(SessionRpc.sessionEventPage, { id, after: 1, limit: 1 });
    expect(page).toMatchObject({ items: [{ sessionSeq: 2 }], nextCursor: '2' });
    const head = await service.call(SessionRpc.head, {});
    expect(await service.call(SessionRpc.eventPage, { after: head.cursor })).toEqual({ items: [], nextCursor: head.cursor });
    for (const after of ['other-1.1', `${head.logId}.${head.seq + 1}`, 'nonsense']) {
      await expect(service.call(SessionRpc.eventPage, { after })).rejects.toMatchObject({ code: 'CURSOR_GONE', details: { newest: head.cursor } });
    }
    await expect(service.call(SessionRpc.listTimeline, { id, cursor: 'x' })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(service.call(SessionRpc.eventPage, { limit: 0 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});
