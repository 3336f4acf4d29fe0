import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode, EventEnvelope, TimelineEntry } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type PostTimelineBody } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

const END = { type: 'turn_ended', stopReason: 'end_turn' } as const;

describe('the timeline and the tasks of sessions', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    runner = await new ScriptedRunner(service.bus, service.clock).join();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const post = (id: string, body: Partial<PostTimelineBody> = {}, more: Partial<CommandMeta> = agent(id)) =>
    service.call(SessionRpc.postTimeline, { id, kind: 'progress', message: 'words', ...body, meta: meta(more) });
  const entries = async (id: string, reader = {}) => {
    const all: TimelineEntry[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await service.call(SessionRpc.listTimeline, { id, limit: 37, ...(cursor !== undefined && { cursor }), ...reader });
      if (page.items.length === 0) return all;
      all.push(...page.items.map(({ data }) => data as TimelineEntry));
      cursor = page.nextCursor;
    }
  };
  const running = async (body: object = {}, as: Partial<CommandMeta> = {}) => {
    const { id } = await service.spawn({ projectId, ...body }, as);
    await eventually(() => service.session(id).turn.active);
    return id;
  };
  const task = (id: string) => service.call(SessionRpc.getTask, { id });
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    await service.settle();
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };

  it('keeps each of 200 entries that come at once, in their order, with one event each', async () => {
    const id = await running();
    const cursor = service.store.head().cursor;
    const replies = await Promise.all(Array.from({ length: 200 }, (_, n) => post(id, { message: `${n}` }, n % 2 ? agent(id) : {})));
    const messages = Array.from({ length: 200 }, (_, n) => `${n}`);
    expect((await entries(id)).filter(({ by }) => by !== 'system').map(({ message }) => message)).toEqual(messages);
    const events = (await service.events(cursor)).filter(({ type }) => type === 'timeline');
    expect(events.map(({ data }) => (data as TimelineEntry).message)).toEqual(messages);
    expect(replies.map(({ status, body }) => [status, body])).toEqual(events.map((event) => [201, event]));
    expect(new Set(events.map(({ data }) => (data as TimelineEntry).id)).size).toBe(200);
    expect(events.map(({ sessionSeq }) => sessionSeq)).toEqual([...events.map(({ sessionSeq }) => sessionSeq!)].sort((x, y) => x - y));
  });

  it('says how a session began and ended, whatever came between, also after a restart', async () => {
    const id = await running();
    await post(id, { message: 'half' });
    await post(id, { kind: 'completed', message: 'all of it' });
    await runner.saw(id, END);
    await eventually(() => service.session(id).state === 'stopped');
    const said = (await entries(id)).map(({ kind, by, message }) => [kind, by, message]);
    expect(said).toEqual([
      ['started', 'system', 'The agent is at work on slot-0.'], ['progress', 'agent', 'half'], ['completed', 'agent', 'all of it'], ['stopped', 'system', 'completed: all of it'],
    ]);
    const { home, clock } = service;
    runner.leave();
    await service.stop();
    service = await TestService.start({ home, clock });
    expect((await entries(id)).map(({ kind, by, message }) => [kind, by, message])).toEqual(said);
  });

  it('sets a task\'s own status by an explicit report, in the commit of the entry', async () => {
    const [one, two] = [await service.task(projectId, 'one'), await service.task(projectId, 'two')];
    const id = await running({ taskIds: [one.id, two.id] });
    const cursor = service.store.head().cursor;
    await post(id, { taskId: two.id, taskStatus: 'in_review' });
    const events = await service.events(cursor);
    expect(events.map(({ type, taskId, commitEnd }) => [type, taskId, commitEnd])).toEqual([
      ['timeline', two.id, false], ['notify:progress', undefined, false], ['notify:task_in_review', two.id, false], ['task:updated', two.id, true],
    ]);
    expect(await task(two.id)).toMatchObject({ status: 'in_review', taskSessionStatuses: { [id]: 'working' } });
    await refused(() => post(id, { taskStatus: 'completed' }), 'VALIDATION_FAILED');
    await refused(() => post(id, { kind: 'task_completed' }), 'VALIDATION_FAILED');
    expect((await task(one.id)).status).toBe('todo');
  });

  it('is refused where it cannot be, without a trace', async () => {
    const foreign = await service.task(projectId, 'not its own');
    const [id, other] = [await running(), await running()];
    await refused(() => post('sess_none', {}, {}), 'SESSION_NOT_FOUND');
    await refused(() => post(id, { taskId: foreign.id }), 'TASK_REFERENCE_INVALID');
    await refused(() => post(id, { taskStatus: 'completed' }), 'VALIDATION_FAILED');
    await refused(() => post(id, {}, agent(other)), 'FORBIDDEN');
    await refused(() => post(id, {}, { ifMatch: 1 }), 'REVISION_MISMATCH');
    await runner.saw(other, { type: 'run_ended', cause: 'crashed', left: 0 });
    await refused(() => post(other, {}, {}), 'SESSION_ENDED');
    await refused(() => post(other), 'UNAUTHENTICATED');
  });

  it('is read by the session\'s own agent, its parent\'s and people, not by others', async () => {
    const parent = await running();
    const child = await running({}, agent(parent));
    const stranger = await running();
    await post(child, { message: 'half' });
    const as = (id: string) => ({ reader: agent(id).actor });
    for (const reader of [{}, as(child), as(parent)]) expect((await entries(child, reader)).at(-1)).toMatchObject({ message: 'half' });
    await expect(entries(child, as(stranger))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(entries(parent, as(child))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(entries('sess_none')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it.each([['the good one first', 0], ['the bad one first', 1]])('leaves every task right when two of its sessions end at once, each as it did: %s', async (_name, first) => {
    runner.script.obeys = false;
    const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map((title) => service.task(projectId, title)))).map(({ id }) => id);
    const [good, bad] = [await running({ taskIds: [a, b, c] }), await running({ taskIds: [a, b, c] })];
    await post(good, { kind: 'task_skipped', taskId: a });
    await post(bad, { kind: 'task_completed', taskId: b });
    await post(good, { kind: 'completed', message: 'green' });
    await runner.saw(good, END);
    await service.settle();
    const cursor = service.store.head().cursor;

    const ends = [() => runner.saw(good, { type: 'run_ended', cause: 'stopped', left: 0 }), () => runner.saw(bad, { type: 'run_ended', cause: 'crashed', left: 0 })];
    await Promise.all([ends[first](), ends[1 - first]()]);

    expect(await Promise.all([a, b, c].map(async (id) => (await task(id)).taskSessionStatuses))).toEqual([
      { [good]: 'skipped', [bad]: 'failed' }, { [good]: 'completed', [bad]: 'completed' }, { [good]: 'completed', [bad]: 'failed' },
    ]);
    const told = (await service.events(cursor)).map(({ type, sessionId, taskId }) => [type, sessionId, taskId]);
    const ofGood = [
      ['status_change', good, undefined], ['timeline', good, undefined], ['notify:session_completed', good, undefined],
      ['notify:task_session_completed', good, b], ['notify:task_session_completed', good, c], ['task:updated', undefined, b], ['task:updated', undefined, c], ['session:updated', good, undefined],
    ];
    const ofBad = [
      ['status_change', bad, undefined], ['error', bad, undefined], ['timeline', bad, undefined], ['notify:session_failed', bad, undefined],
      ['notify:task_session_failed', bad, a], ['notify:task_session_failed', bad, c], ['task:updated', undefined, a], ['task:updated', undefined, c], ['session:updated', bad, undefined],
    ];
    expect(told).toEqual(first === 0 ? [...ofGood, ...ofBad] : [...ofBad, ...ofGood]);
    expect(await task(c)).toMatchObject({ status: 'todo', sessionIds: [good, bad] });
  });

  it('leaves the tasks of a session truthful that dies before its first word', async () => {
    runner.script.starts = false;
    const one = await service.task(projectId, 'one');
    const ends: [string, (id: string) => Promise<unknown>, string][] = [
      ['claimed and crashed', (id) => runner.saw(id, { type: 'run_ended', cause: 'crashed', left: 0 }), 'agent_crash'],
      ['not startable', (id) => runner.saw(id, { type: 'start_failed', code: 'start_failed', message: 'no such file' }), 'start_failed'],
      ['killed', async (id) => {
        await service.call(SessionRpc.actOnSession, { id, action: 'kill', meta: meta() });
        await eventually(() => service.session(id).endedAt);
      }, 'killed'],
    ];
    for (const [name, end, code] of ends) {
      const { id } = await service.spawn({ projectId, taskIds: [one.id] });
      await eventually(() => service.session(id).run?.claimedAt);
      expect((await task(one.id)).taskSessionStatuses[id]).toBe('queued');
      await end(id);
      expect([name, service.session(id).outcome?.code, (await task(one.id)).taskSessionStatuses[id]]).toEqual([name, code, 'failed']);
      expect(await task(one.id)).toMatchObject({ status: 'todo', completedAt: null });
      expect((await entries(id)).map(({ kind, message }) => [kind, message.split(':')[0]])).toEqual([['stopped', code]]);
      const told = (await service.events()).filter((event: EventEnvelope) => event.sessionId === id && /^notify:(task_)?session/.test(event.type));
      expect(told.map(({ type }) => type).sort()).toEqual([code === 'killed' ? 'notify:session_stopped' : 'notify:session_failed', 'notify:task_session_failed'].sort());
    }
  });
});
