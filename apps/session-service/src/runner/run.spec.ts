import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError, type NumberedFact } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { Indexes } from '../store/indexes.js';
import { DEMO, ScriptedRunner, type RunnerScript } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

const output = (runSeq: number): NumberedFact => ({ runSeq, at: '2025-06-01T12:00:00.000Z', fact: { type: 'output', content: `o${runSeq}`, stream: 'agent' } });

describe('runs', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const join = (id = 'slot-0', script: RunnerScript = {}): Promise<ScriptedRunner> => new ScriptedRunner(service.bus, service.clock, id, script).join();
  const running = async (): Promise<string> => {
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running');
    return id;
  };
  const tick = async (ms = 500): Promise<void> => {
    service.clock.advance(ms);
    await service.settle();
  };

  it('gives a start everything that the runner needs, the same every time', async () => {
    const runner = await join('slot-0', { claims: false });
    const { id, manifestHash } = await service.spawn({ projectId });
    await eventually(() => runner.heard('start').length === 1);
    await tick(2_500);
    const [first, second] = runner.heard('start');
    expect(second).toEqual(first);
    expect(first).toMatchObject({ sessionId: id, epoch: 1, ttlMs: 10_000, manifestHash, apiUrl: 'http://127.0.0.1:4750', roots: ['/work/repo'], manifest: { sessionId: id } });
  });

  it('says nothing to a runner more often than every 2 s', async () => {
    const runner = await join('slot-0', { obeys: false });
    const id = await running();
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    await eventually(() => runner.heard('stop').length === 1);
    for (let n = 0; n < 20; n += 1) await tick(500);
    expect(runner.heard('stop').length).toBeLessThanOrEqual(6);
    expect(runner.heard('stop').length).toBeGreaterThanOrEqual(5);
  });

  it('says everything again at once after a reconnect', async () => {
    const runner = await join('slot-0', { obeys: false });
    const id = await running();
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    await eventually(() => runner.heard('stop').length === 1);
    service.bus.setConnected(false);
    service.bus.setConnected(true);
    await eventually(() => runner.heard('stop').length === 2);
  });

  it.each([['another process', 'inc-2'], ['back after a silence', 'inc-1']])('says everything again at once to a runner that is %s, and waits no longer for what hangs', async (_what, incarnation) => {
    const runner = await join('slot-0', { obeys: false });
    const id = await running();
    const request = service.bus.request.bind(service.bus);
    let hanging = 0;
    service.bus.request = (rpc, req, options) => {
      if (rpc.owner !== 'runner' || rpc.name !== 'stop') return request(rpc, req, options);
      hanging += 1;
      return new Promise(() => undefined);
    };
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    await eventually(() => hanging === 1);
    service.bus.request = request;
    runner.leave();
    if (incarnation === 'inc-1') service.clock.advance(6_000);
    expect(runner.heard('stop')).toEqual([]);

    runner.incarnation = incarnation;
    await runner.beat();
    await eventually(() => runner.heard('stop').length === 1);
  });

  it('holds nobody up because nothing can be decided for one session, and counts it', async () => {
    await join();
    const damaged = await running();
    const indexes = service.get(Indexes);
    const queuedFor = indexes.queuedFor.bind(indexes);
    indexes.queuedFor = (view, id) => {
      if (id === damaged) throw new TypeError('a damaged document');
      return queuedFor(view, id);
    };
    const unsupervised = () => (service.get(HealthRegistry).report().details.sessions as { unsupervised: number }).unsupervised;
    await tick();
    await running();
    expect(unsupervised()).toBe(1);

    indexes.queuedFor = queuedFor;
    await tick();
    expect(unsupervised()).toBe(0);
  });

  it('waits no longer than 2 s for a runner to accept', async () => {
    await join();
    const request = service.bus.request.bind(service.bus);
    const waits = new Set<number | undefined>();
    service.bus.request = (rpc, req, options: { runnerId?: string; timeoutMs?: number } = {}) => {
      if (rpc.owner === 'runner') waits.add(options.timeoutMs);
      return request(rpc, req, options);
    };
    await service.call(SessionRpc.inputToSession, { id: await running(), text: 'a', meta: meta() });
    await service.settle();
    expect([...waits]).toEqual([2_000]);
  });

  it('grants a claim to the runner of the present run alone, as often as it asks', async () => {
    const runner = await join('slot-0', { claims: false });
    const other = await join('slot-1', { claims: false, providers: [] });
    await service.spawn({ projectId });
    await eventually(() => runner.runs.size === 1);
    const [run] = runner.runs.values();

    await expect(other.claim(run)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(runner.claim({ start: { ...run.start, epoch: 2 } })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(runner.claim({ start: { ...run.start, sessionId: 'sess_x' } })).rejects.toMatchObject({ code: 'CONFLICT' });
    await runner.claim(run);
    await runner.claim(run);
  });

  it('refuses the claim of a run that is to end', async () => {
    const runner = await join('slot-0', { claims: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => runner.runs.size === 1);
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });

    expect(service.session(id)).toMatchObject({ state: 'stopped', outcome: { code: 'stopped_by_user' } });
    await expect(runner.claim(runner.run(id))).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('takes facts in order, once: duplicates are acknowledged, a gap is not passed, an old epoch is stale', async () => {
    const runner = await join();
    const id = await running();
    const run = runner.run(id);
    const cursor = service.store.head().cursor;

    expect(await runner.send(run, [output(3), output(4)])).toEqual({ ackedRunSeq: 4 });
    expect(await runner.send(run, [output(3), output(4), output(5)])).toEqual({ ackedRunSeq: 5 });
    expect(await runner.send(run, [output(7)])).toEqual({ ackedRunSeq: 5 });
    expect(await runner.send({ ...run, start: { ...run.start, epoch: 9 } }, [output(6)])).toEqual({ ackedRunSeq: 0, stale: true });
    await expect(runner.send({ ...run, start: { ...run.start, sessionId: 'sess_none' } }, [output(6)])).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });

    const outputs = (await service.events(cursor)).filter(({ type }) => type === 'output');
    expect(outputs.map(({ data }) => (data as { content: string }).content)).toEqual(['o3', 'o4', 'o5']);
  });

  it('decides batches in the order of their arrival, though none is waited for', async () => {
    const runner = await join();
    const id = await running();
    const run = runner.run(id);
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => runner.send(run, [output(n + 3)])));
    expect(replies.map(({ ackedRunSeq }) => ackedRunSeq)).toEqual(Array.from({ length: 50 }, (_, n) => n + 3));
  });

  it('goes to the least loaded runner that has the provider and room, and waits visibly for one', async () => {
    const { id } = await service.spawn({ projectId });
    await tick(4_000);
    expect(service.session(id).waiting).toMatchObject({ reason: 'no runner is connected' });

    await join('slot-0', { providers: [{ ...DEMO, name: 'other' }] });
    await tick(2_500);
    expect(service.session(id).waiting).toMatchObject({ reason: 'no runner knows the provider demo' });

    await join('slot-1', { capacity: 2 });
    await join('slot-2', { capacity: 1 });
    await eventually(async () => { await tick(); return service.session(id).state === 'running'; });
    const more = [await running(), await running()];
    expect([id, ...more].map((each) => service.session(each).run?.runnerId).sort()).toEqual(['slot-1', 'slot-1', 'slot-2']);
    expect(service.session(id).waiting).toBeNull();

    const last = await service.spawn({ projectId });
    await tick(4_000);
    expect(service.session(last.id).waiting).toMatchObject({ reason: 'every capable runner is at its capacity' });
  });

  it('spreads sessions by load, in proportion to what each runner takes', async () => {
    await join('slot-0', { capacity: 4 });
    await join('slot-1', { capacity: 8 });
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await service.spawn({ projectId })).id));
    await eventually(() => ids.every((id) => service.session(id).state === 'running'));
    const on = (runnerId: string): number => ids.filter((id) => service.session(id).run?.runnerId === runnerId).length;
    expect([on('slot-0'), on('slot-1')]).toEqual([2, 4]);
  });

  it('starts no more agents at once than the runner says, oldest first, the next as soon as one is ready', async () => {
    const runner = await join('slot-0', { startsAtOnce: 2, starts: false });
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.push((await service.spawn({ projectId })).id);
    // A start is said again until something is heard of it.
    const started = (): string[] => [...new Set(runner.heard('start').map(({ sessionId }) => sessionId))];
    await eventually(() => started().length === 2);
    await tick(500);
    expect(started()).toEqual(ids.slice(0, 2));
    expect(service.session(ids[2]).waiting).toBeNull();

    await runner.saw(ids[1], { type: 'run_started', pid: 1 });
    await eventually(() => started().length === 3);
    expect(started()).toEqual(ids.slice(0, 3));

    await tick(4_000);
    expect(service.session(ids[3]).waiting).toMatchObject({ reason: 'other agents are being started; its turn comes' });
    await runner.saw(ids[0], { type: 'start_failed', code: 'start_failed', message: 'no' });
    // The clock has jumped past two heartbeats: the runner is heard again first.
    await eventually(async () => { await tick(500); return started().length === 4; });
    expect(service.session(ids[3]).waiting).toBeNull();
  });

  it('lets an agent that hangs in its start hold up nobody for long', async () => {
    const runner = await join('slot-0', { startsAtOnce: 1, starts: false });
    await service.spawn({ projectId });
    const { id } = await service.spawn({ projectId });
    await tick(5_000);
    expect(runner.heard('start').some(({ sessionId }) => sessionId === id)).toBe(false);
    await eventually(async () => { await tick(1_000); return runner.heard('start').some(({ sessionId }) => sessionId === id); });
  });

  it('goes on at once with what came while it was busy, without waiting for a tick', async () => {
    const runner = await join();
    const id = await running();
    const request = service.bus.request.bind(service.bus);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => { release = resolve; });
    service.bus.request = async (rpc, req, options) => {
      if (rpc.owner === 'runner' && rpc.name === 'input') await held;
      return request(rpc, req, options);
    };
    await service.call(SessionRpc.inputToSession, { id, text: 'a', meta: meta() });
    await service.call(SessionRpc.actOnSession, { id, action: 'kill', meta: meta() });
    release();
    await eventually(() => service.session(id).state === 'stopped');
    expect(runner.received.map(({ to }) => to)).toEqual(['start', 'input', 'kill']);
  });

  it('goes elsewhere when a runner refuses, and asks it again later', async () => {
    const refusing = await join('slot-0', { refusal: new AppError('LIMIT_REACHED') });
    const { id } = await service.spawn({ projectId });
    await eventually(async () => { await tick(); return service.session(id).waiting?.reason === 'every capable runner refused for now'; });
    delete refusing.script.refusal;
    await eventually(async () => { await tick(1_000); return service.session(id).state === 'running'; });
    expect(service.session(id).run!.epoch).toBe(2);
  });

  it('ends a session whose agent does not run 60 s after the placement, and has it killed', async () => {
    const runner = await join('slot-0', { starts: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).run?.claimedAt !== undefined);
    await tick(61_000);
    await eventually(() => service.session(id).state === 'error');
    expect(service.session(id).outcome).toMatchObject({ code: 'start_timeout' });
    expect(runner.heard('kill')).toHaveLength(1);
  });

  it('ends at once, when its start times out, what nobody claimed', async () => {
    const runner = await join('slot-0', { claims: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => runner.runs.size === 1);
    await tick(61_000);
    await eventually(() => service.session(id).state === 'error');
    expect(service.session(id).outcome).toMatchObject({ code: 'start_timeout' });
    await expect(runner.claim(runner.run(id))).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('keeps inputs in order though one of them did not get through at first', async () => {
    const runner = await join();
    const id = await running();
    const request = service.bus.request.bind(service.bus);
    let away = true;
    service.bus.request = (rpc, req, options) => {
      if (rpc.owner !== 'runner' || rpc.name !== 'input' || !away) return request(rpc, req, options);
      away = false;
      return Promise.reject(new AppError('UNAVAILABLE'));
    };
    for (const text of ['a', 'b', 'c']) await service.call(SessionRpc.inputToSession, { id, text, meta: meta() });
    await service.settle();
    expect(runner.heard('input')).toEqual([]);
    await eventually(async () => { await tick(); return runner.heard('input').length === 3; });
    expect(runner.heard('input').map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    await eventually(() => service.session(id).pendingInputs.length === 0);
  });

  it('verifies the token of the present run until its session ends, and no other', async () => {
    const runner = await join();
    const id = await running();
    const { token } = runner.run(id).start;
    const sibling = runner.run(await running()).start.token;

    expect(await service.call(SessionRpc.verifyAgentToken, { token })).toEqual({ actor: { kind: 'agent', sessionId: id }, projectId, taskIds: [] });
    // Its last two bits say nothing: a decoder takes the next letter for the same MAC.
    const sameBytes = token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1);
    expect(Buffer.from(sameBytes.slice(-43), 'base64url')).toEqual(Buffer.from(token.slice(-43), 'base64url'));
    const wrong = [sameBytes, token.replace('_1_', '_01_'), token.replace(id, service.session(id).run!.runId), token.slice(0, -1), `${token}A`, token.replace('_1_', '_2_'), `oma_${id}_1_${sibling.slice(-43)}`, 'oma', ''];
    for (const other of wrong) await expect(service.call(SessionRpc.verifyAgentToken, { token: other })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });

    await runner.saw(id, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    await expect(service.call(SessionRpc.verifyAgentToken, { token })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(service.call(SessionRpc.postTimeline, { id, kind: 'progress', message: 'x', meta: meta(agent(id)) })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('keeps the token over a restart, and refuses that of a run that was placed anew', async () => {
    const runner = await join('slot-0', { claims: false });
    const { id } = await service.spawn({ projectId });
    await eventually(() => runner.runs.size === 1);
    const { token } = runner.run(id).start;
    runner.leave();
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    expect((await service.call(SessionRpc.verifyAgentToken, { token })).actor.sessionId).toBe(id);

    await join('slot-5');
    await eventually(async () => { await tick(5_000); return service.session(id).run?.epoch === 2; });
    await expect(service.call(SessionRpc.verifyAgentToken, { token })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
