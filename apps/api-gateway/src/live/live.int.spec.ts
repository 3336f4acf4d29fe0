import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import type { ScriptedSessionService } from '../testing/scripted-session-service.js';
import { LOG_ID } from '../testing/scripted-session-service.js';
import { EventTail } from './event-tail.js';
import { Listener } from '../testing/listener.js';
import { TestGateway } from '../testing/test-gateway.js';

let gateway: TestGateway;
let service: ScriptedSessionService;
beforeEach(async () => {
  gateway = await TestGateway.start();
  service = gateway.service;
});
afterEach(async () => {
  Listener.terminateAll();
  await gateway.stop();
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const many = (count: number, bytes = 10) => range(1, count).map(() => ({ sessionId: 's1', data: { content: 'x'.repeat(bytes) } }));

describe('a subscription', () => {
  it('begins now without a cursor, and then sees every event once, in order', async () => {
    service.commit(many(3));
    await eventually(() => (gateway.service.head.endsWith('.3') ? true : null));
    const first = await Listener.subscribed(gateway);
    const cursor = first.of('subscribed')[0].cursor;

    for (const size of [1, 2, 3]) service.commit(many(size));
    await first.next('event', 6);

    expect(first.of('subscribed')).toEqual([{ type: 'subscribed', resume: 'ok', cursor }]);
    expect(cursor).toBe(`${LOG_ID}.3`);
    expect(first.seqs).toEqual(range(4, 9));
    expect(first.events[5]).toMatchObject({ seq: 9, cursor: `${LOG_ID}.9`, commitEnd: true, type: 'output' });
  });

  it('goes on exactly after its cursor, out of memory and out of the log', async () => {
    for (let i = 0; i < 12; i++) service.commit(many(50));
    const fromLog = await Listener.subscribed(gateway, {}, `${LOG_ID}.0`);
    await fromLog.next('event', 600);
    service.commit(many(5));
    await fromLog.next('event', 605);
    const pages = service.pages;
    const fromMemory = await Listener.subscribed(gateway, {}, `${LOG_ID}.602`);
    await fromMemory.next('event', 3);

    expect(fromLog.of('subscribed')[0]).toEqual({ type: 'subscribed', resume: 'ok', cursor: `${LOG_ID}.0` });
    expect(fromLog.seqs).toEqual(range(1, 605));
    expect(fromMemory.seqs).toEqual(range(603, 605));
    expect(service.pages).toBe(pages);
  });

  it('misses and doubles nothing while commits go on', async () => {
    service.commit(many(500));
    let committing = true;
    const busy = (async () => {
      for (let i = 0; i < 200 && committing; i++) {
        service.commit(many(5), { heard: i % 7 !== 3 });
        await new Promise((resolve) => { setImmediate(resolve); });
      }
    })();
    const listeners = await Promise.all(range(1, 5).map((nth) => Listener.subscribed(gateway, {}, `${LOG_ID}.${nth * 20}`)));
    await busy;
    committing = false;
    const head = Number(service.head.split('.')[1]);
    await Promise.all(listeners.map((listener) => eventually(() => listener.seqs.at(-1) === head)));

    listeners.forEach((listener, index) => expect(listener.seqs).toEqual(range((index + 1) * 20 + 1, head)));
  });

  it('is filled from the log when a live message was lost, also the last one', async () => {
    const listener = await Listener.subscribed(gateway);
    service.commit(many(2));
    service.commit(many(2), { heard: false });
    service.commit(many(2));
    await listener.next('event', 6);
    service.commit(many(3), { heard: false });
    await listener.next('event', 9);

    expect(listener.seqs).toEqual(range(1, 9));
  });

  it('passes over what was in a damaged record of the log, and does not ask for it for ever', async () => {
    const listener = await Listener.subscribed(gateway);
    service.damaged.add(4);
    service.commit(many(2));
    service.commit(many(3), { heard: false });
    service.commit(many(1));
    await listener.next('event', 5);
    const asked = service.pages;
    service.commit(many(1));
    await listener.next('event', 6);

    expect(listener.seqs).toEqual([1, 2, 3, 5, 6, 7]);
    expect(service.pages - asked).toBeLessThan(3);
  });

  it.each([
    ['of another log', () => 'other-1.3'], ['from the future', () => `${LOG_ID}.999`], ['that is none', () => 'nonsense'],
  ])('says gap for a cursor %s, and goes on from the head', async (_name, cursor) => {
    service.commit(many(9));
    await Listener.subscribed(gateway, {}, `${LOG_ID}.9`);
    const listener = await Listener.subscribed(gateway, {}, cursor());
    service.commit(many(1));
    await listener.next('event');

    expect(listener.of('subscribed')).toEqual([{ type: 'subscribed', resume: 'gap', cursor: `${LOG_ID}.9` }]);
    expect(listener.seqs).toEqual([10]);
  });

  it('says gap for a cursor that was compacted away', async () => {
    service.replaceLog('in_test-2', many(9));
    service.oldest = 5;
    // Before the gateway has heard of the other log, whoever comes is told that too.
    await eventually(() => gateway.app.get(EventTail).position?.logId === 'in_test-2', { what: 'the other log' });
    const kept = await Listener.subscribed(gateway, {}, 'in_test-2.4');
    const gone = await Listener.subscribed(gateway, {}, 'in_test-2.3');
    await kept.next('event', 5);

    expect(kept.of('subscribed')[0].resume).toBe('ok');
    expect(gone.of('subscribed')[0]).toEqual({ type: 'subscribed', resume: 'gap', cursor: 'in_test-2.9' });
  });

  it('starts over, saying gap, when the log becomes another one', async () => {
    service.commit(many(4));
    const listener = await Listener.subscribed(gateway);
    service.replaceLog('in_test-2', many(2));
    const gap = await listener.next('subscribed', 2);
    service.commit(many(1));
    // The old log's four may still have been on their way when the feed began.
    const first = await eventually(() => listener.frames.slice(listener.frames.indexOf(gap) + 1).find((frame) => frame.type === 'event'), { what: 'an event after the gap' });

    expect(gap).toEqual({ type: 'subscribed', resume: 'gap', cursor: 'in_test-2.2' });
    expect(first).toMatchObject({ event: { cursor: 'in_test-2.3' } });
  });

  it('goes on after a restore for whoever had seen no more than the backup has, and says gap to whoever had', async () => {
    service.commit(many(9));
    const stayed = await Listener.subscribed(gateway, {}, `${LOG_ID}.9`);
    service.restore('in_test-2', 5);
    service.commit(many(6), { heard: false });
    await stayed.next('subscribed', 2);
    const behind = await Listener.subscribed(gateway, {}, `${LOG_ID}.3`);
    const ahead = await Listener.subscribed(gateway, {}, `${LOG_ID}.8`);
    service.commit(many(1));
    await Promise.all([behind.next('event', 9), ahead.next('event'), stayed.next('event')]);

    expect(stayed.of('subscribed').map(({ resume }) => resume)).toEqual(['ok', 'gap']);
    expect(behind.of('subscribed')).toEqual([{ type: 'subscribed', resume: 'ok', cursor: 'in_test-2.3' }]);
    expect(ahead.of('subscribed')).toEqual([{ type: 'subscribed', resume: 'gap', cursor: 'in_test-2.11' }]);
    expect(behind.seqs).toEqual(range(4, 12));
    expect([ahead.seqs, stayed.seqs]).toEqual([[12], [12]]);
  });

  it('replaces the one before it, and ends with unsubscribe', async () => {
    const listener = await Listener.subscribed(gateway, { sessionIds: ['a'] });
    listener.say({ type: 'subscribe', filter: { sessionIds: ['b'] } });
    await listener.next('subscribed', 2);
    service.commit([{ sessionId: 'a' }, { sessionId: 'b' }]);
    await listener.next('event');
    listener.say({ type: 'unsubscribe' });
    await listener.settled();
    const probe = await Listener.subscribed(gateway, {}, `${LOG_ID}.2`);
    service.commit([{ sessionId: 'b' }]);
    await probe.next('event');
    await listener.settled();

    expect(listener.seqs).toEqual([2]);
  });
});

describe('filters', () => {
  const world = [
    { type: 'output', projectId: 'p1', sessionId: 's1' },
    { type: 'status_change', projectId: 'p1', sessionId: 's2' },
    { type: 'task:created', projectId: 'p1', taskId: 't1' },
    { type: 'task:session_added', projectId: 'p1', taskId: 't1', sessionId: 's1' },
    { type: 'task:deleted', projectId: 'p2', taskId: 't2', data: { id: 't1', sessionId: 's1', projectId: 'p1' } },
    { type: 'session:deleted', projectId: 'p2', sessionId: 's3', data: { id: 's1' } },
    { type: 'notify:session_completed', projectId: 'p2', sessionId: 's3' },
    { type: 'notify:task_session_failed', projectId: 'p2', sessionId: 's3', taskId: 't1' },
    { type: 'project:updated', projectId: 'p2' },
    { type: 'ordering:updated' },
  ];
  it.each([
    ['nothing', {}, range(1, 10)],
    ['empty lists', { sessionIds: [], taskIds: [], types: [], projectId: '' }, range(1, 10)],
    ['one session', { sessionIds: ['s1'] }, [1, 4]],
    ['two sessions', { sessionIds: ['s1', 's3'] }, [1, 4, 6, 7, 8]],
    ['a project', { projectId: 'p2' }, [5, 6, 7, 8, 9]],
    ['a task', { taskIds: ['t1'] }, [3, 4, 8]],
    ['a task and a session', { taskIds: ['t1'], sessionIds: ['s1'] }, [4]],
    ['an exact type', { types: ['output'] }, [1]],
    ['a family', { types: ['task:*'] }, [3, 4, 5]],
    ['a type and a family', { types: ['status_change', 'notify:*'] }, [2, 7, 8]],
    ['a family and a project', { types: ['notify:*'], projectId: 'p1' }, []],
    ['a family that is a beginning of another word', { types: ['session:*'] }, [6]],
    ['what nobody has', { sessionIds: ['s9'] }, []],
  ])('%s', async (_name, filter, expected) => {
    const live = await Listener.subscribed(gateway, filter);
    service.commit(world);
    const paged = await Listener.subscribed(gateway, filter, `${LOG_ID}.0`);
    const end = await Listener.subscribed(gateway, {}, `${LOG_ID}.0`);
    await end.next('event', 10);
    await Promise.all([live.settled(), paged.settled()]);

    expect(live.seqs).toEqual(expected);
    expect(paged.seqs).toEqual(expected);
  });

  it('show an agent nothing but its own session and tasks, whatever it asks for', async () => {
    service.agents.set('oma_a', { sessionId: 's1', projectId: 'p1', taskIds: ['t1'] });
    const agent = await Listener.subscribed(gateway, {}, undefined, 'oma_a');
    const greedy = await Listener.subscribed(gateway, { projectId: 'p2' }, undefined, 'oma_a');
    service.commit(world);
    await agent.next('event', 4);
    await greedy.settled();

    expect(agent.seqs).toEqual([1, 3, 4, 8]);
    expect(greedy.seqs).toEqual([8]);
  });
});

describe('frames', () => {
  it.each([
    ['broken JSON', '{"type":'], ['no object', '[]'], ['null', 'null'], ['a number', '1'], ['no type', '{}'], ['an unknown type', '{"type":"publish"}'],
    ['an unknown key', '{"type":"subscribe","filters":{}}'], ['an unknown filter', '{"type":"subscribe","filter":{"users":[]}}'], ['a key twice', '{"type":"subscribe","type":"ping"}'],
    ['a bad id', '{"type":"subscribe","filter":{"sessionIds":["*"]}}'], ['a bad type of event', '{"type":"subscribe","filter":{"types":["*"]}}'],
    ['a cursor that is a number', '{"type":"subscribe","after":1}'], ['binary', Buffer.from('{"type":"ping"}')],
  ])('%s: an error frame, and the socket goes on', async (_name, frame) => {
    const listener = await Listener.connect(gateway);
    listener.say(frame);
    await listener.settled();

    expect(listener.frames).toEqual([{ type: 'error', code: 'VALIDATION_FAILED', detail: expect.any(String) }, { type: 'pong' }]);
  });

  it('are answered in the order they came', async () => {
    service.commit(many(3));
    const listener = await Listener.connect(gateway);
    listener.say({ type: 'ping' });
    listener.say({ type: 'subscribe', after: `${LOG_ID}.0` });
    listener.say({ type: 'nonsense' });
    listener.say({ type: 'ping' });
    await listener.next('pong', 2);
    await listener.next('event', 3);

    // The events of the page come when it is read, before or after the answers to later frames.
    expect(listener.frames.map((frame) => frame.type).filter((type) => type !== 'event')).toEqual(['pong', 'subscribed', 'error', 'pong']);
  });

  it('past 64 KiB end the socket', async () => {
    const listener = await Listener.connect(gateway);
    listener.say(`"${'x'.repeat(70_000)}"`);

    expect((await eventually(() => listener.closed)).code).toBe(1009);
  });
});

describe('when something is away', () => {
  it('says degraded while session-service is silent, and loses nothing', async () => {
    const listener = await Listener.subscribed(gateway);
    service.silence();
    await listener.next('degraded');
    service.commit(many(3), { heard: false });
    service.beacon();
    await listener.next('event', 3);
    await listener.next('position');

    expect(listener.seqs).toEqual([1, 2, 3]);
    expect(listener.ws.readyState).toBe(WebSocket.OPEN);
  });

  it('keeps sockets through a NATS that dies, refuses commands at once, and goes on exactly', async () => {
    service.commit(many(2));
    const listener = await Listener.subscribed(gateway, {}, `${LOG_ID}.0`);
    await listener.next('event', 2);
    await gateway.nats.kill();
    await listener.next('degraded');
    const since = performance.now();
    const refused = await gateway.send('GET', '/api/projects');
    expect([refused.status, refused.body['code'], refused.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '1']);
    expect(performance.now() - since).toBeLessThan(500);
    service.commit(many(2), { heard: false });
    const waiting = await Listener.connect(gateway);
    waiting.say({ type: 'subscribe', after: `${LOG_ID}.1` });
    await waiting.next('degraded');
    await gateway.nats.restart();
    await listener.next('event', 4);
    await waiting.next('event', 3);

    expect(listener.seqs).toEqual([1, 2, 3, 4]);
    expect(waiting.of('subscribed')).toEqual([{ type: 'subscribed', resume: 'ok', cursor: `${LOG_ID}.1` }]);
    expect(waiting.frames.map((frame) => frame.type).indexOf('event')).toBeGreaterThan(waiting.frames.map((frame) => frame.type).indexOf('subscribed'));
    expect(waiting.seqs).toEqual([2, 3, 4]);
  });

  it('asks again for a page that failed', async () => {
    service.commit(many(5));
    let failures = 2;
    service.answers.set(SessionRpc.eventPage.name, () => {
      failures -= 1;
      if (failures === 0) service.answers.clear();
      throw new AppError('UNAVAILABLE');
    });
    const listener = await Listener.connect(gateway);
    listener.say({ type: 'subscribe', after: `${LOG_ID}.0` });
    await listener.next('event', 5);

    expect(listener.seqs).toEqual(range(1, 5));
    expect(listener.of('subscribed')).toHaveLength(1);
  });

  it('says so when a subscription that waited for it cannot begin', async () => {
    service.silence();
    const listener = await Listener.connect(gateway);
    await eventually(() => gateway.app.get(EventTail).degraded);
    listener.say({ type: 'subscribe', after: 'another.1' });
    await listener.next('degraded');
    service.answers.set(SessionRpc.eventPage.name, () => { throw new AppError('INTERNAL'); });
    service.beacon();

    expect(await listener.next('error')).toMatchObject({ code: 'INTERNAL' });
  });

  it('tells every client to come back when it shuts down', async () => {
    const listeners = await Promise.all([Listener.subscribed(gateway), Listener.connect(gateway)]);
    await gateway.app.close();

    for (const listener of listeners) expect(await eventually(() => listener.closed)).toMatchObject({ code: 1001 });
  });
});

it('carries an event from the bus to the frame at once, and not with the next beat of a timer', async () => {
  const listener = await Listener.subscribed(gateway);
  const took: number[] = [];
  for (let i = 1; i <= 200; i++) {
    const since = performance.now();
    const arrived = once(listener.ws, 'message');
    service.commit(many(1, 300));
    await arrived;
    took.push(performance.now() - since);
  }

  took.sort((a, b) => a - b);
  expect(took[100]).toBeLessThan(50);
});
