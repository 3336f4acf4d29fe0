import { ADMIN, RUN, SessionHarness, deepFreeze, spawnCommand } from '../testing/session-harness.js';
import type { NumberedFact, RunFact } from '../provider/fact.js';
import { ackedAfter } from './decide-facts.js';
import { handleSession } from './handle-session.js';
import { sessionView } from './session-status.js';

const running = (fields = {}) => new SessionHarness(fields).run();
const at = '2025-01-01T12:00:00.000Z';
const output = (runSeq: number, content = `line ${runSeq}`): NumberedFact => ({ runSeq, at, fact: { type: 'output', content, stream: 'agent' } });
const send = (harness: SessionHarness, facts: NumberedFact[], fields = {}) => harness.do({ type: 'facts', runId: RUN.runId, epoch: 1, facts, ...fields });
const said = (harness: SessionHarness) => harness.all('output').map(({ data }) => (data as { content: string }).content);

describe('facts', () => {
  it('are taken once, whatever is sent again', () => {
    const harness = running();
    send(harness, [output(3), output(4)]);
    send(harness, [output(3), output(4), output(5)]);
    expect(send(harness, [output(1), output(5)]).changed).toBe(false);
    expect(said(harness)).toEqual(['line 3', 'line 4', 'line 5']);
    expect(harness.session.run!.ackedRunSeq).toBe(5);
  });

  it('stop at a gap, and go on when it is filled', () => {
    const harness = running();
    send(harness, [output(3), output(5)]);
    expect(harness.session.run!.ackedRunSeq).toBe(3);
    expect(send(harness, [output(5)]).changed).toBe(false);
    send(harness, [output(4), output(5)]);
    expect(said(harness)).toEqual(['line 3', 'line 4', 'line 5']);
  });

  it.each([{ runId: 'run_other' }, { epoch: 2 }, { epoch: 0 }])('of another run or epoch (%j) are refused as stale', (fields) => {
    const harness = running();
    const before = harness.session;
    expect(() => send(harness, [output(3)], fields)).toThrow(expect.objectContaining({ code: 'CONFLICT', details: expect.objectContaining({ stale: true }) }));
    expect(harness.session).toBe(before);
  });

  it('of an earlier placement are stale, and the new one counts from 1', () => {
    const harness = new SessionHarness().place();
    harness.facts({ type: 'activity', activity: 'thinking' });
    harness.do({ type: 'place', runId: 'run_2', runnerId: 'slot-1' });
    expect(harness.session.run).toEqual({ runId: 'run_2', runnerId: 'slot-1', epoch: 2, placedAt: expect.any(String), ackedRunSeq: 0 });
    expect(() => send(harness, [output(2)])).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
    send(harness, [output(1)], { runId: 'run_2', epoch: 2 });
    expect(harness.session.run!.ackedRunSeq).toBe(1);
  });

  it('of a session that has ended are taken silently, so that its runner may forget them', () => {
    const harness = running();
    harness.do({ type: 'runner_lost', runId: RUN.runId, message: 'silent' });
    const late = [output(3), { runSeq: 4, at, fact: { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 } as RunFact }];
    expect(send(harness, late)).toMatchObject({ changed: false, events: [] });
    expect(ackedAfter(harness.session, late)).toBe(4);
    expect(() => send(harness, late, { epoch: 2 })).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  it('behind the end of their own batch change nothing', () => {
    const harness = running();
    const batch = [{ runSeq: 3, at, fact: { type: 'run_ended', cause: 'exited', exitCode: 1, left: 0 } as RunFact }, output(4)];
    send(harness, batch);
    expect(harness.session).toMatchObject({ state: 'error', outcome: { code: 'agent_exit' } });
    expect(said(harness)).toEqual([]);
    expect(ackedAfter(harness.session, batch)).toBe(4);
  });

  it('of a kind that we do not know are shown and hold nothing up', () => {
    const harness = running();
    harness.facts({ type: 'levitated', height: 3 } as unknown as RunFact, { type: 'constructor' } as unknown as RunFact);
    expect(harness.last).toEqual([
      expect.objectContaining({ type: 'metadata', data: { key: 'unknown_fact', value: 'levitated' } }),
      expect.objectContaining({ type: 'metadata', data: { key: 'unknown_fact', value: 'constructor' } }),
    ]);
  });

  it('name the agent\'s conversation, which is kept whole or not at all', () => {
    expect(running().session.agentSessionId).toBe('conv-1');
    const harness = new SessionHarness().place().claim();
    harness.facts({ type: 'run_started', pid: 1, agentSessionId: 'c'.repeat(300), agentInfo: { name: 'demo', version: '1' } });
    expect(harness.session).toMatchObject({ state: 'running', agentSessionId: null });
    expect(harness.all('metadata').map(({ data }) => (data as { key: string }).key)).toEqual(['agent_session_id_too_long', 'agent']);
  });

  it('name the conversation that its agent changed to, which is the one to continue', () => {
    const harness = running();
    harness.facts({ type: 'conversation_changed', agentSessionId: 'conv-2' });
    expect(harness.session.agentSessionId).toBe('conv-2');
    expect(harness.last.map(({ type }) => type)).toEqual(['session:updated']);
    harness.facts({ type: 'conversation_changed', agentSessionId: 'c'.repeat(300) });
    expect(harness.session.agentSessionId).toBeNull();
  });

  it('that do nothing but talk, count or act make no session:updated', () => {
    const harness = running();
    harness.facts(
      { type: 'output', content: 'hello', stream: 'stdout' }, { type: 'thought', content: 'hm' }, { type: 'plan', entries: [{ content: 'a', status: 'pending' }] },
      { type: 'metadata', key: 'k', value: 'v' }, { type: 'tool_call', toolCallId: 'c1', title: 'read', status: 'in_progress' },
      { type: 'metric', tokensIn: 5, tokensOut: 2, requestCount: 1 }, { type: 'activity', activity: 'executing', currentTask: 'reading' },
      { type: 'output_dropped', bytes: 9, fromOffset: 3 },
    );
    expect(harness.lastTypes).toEqual(['output', 'thought', 'plan', 'metadata', 'tool_call', 'metric', 'metadata', 'metadata', 'output_dropped']);
    expect(harness.last[0]).toMatchObject({ projectId: 'proj_1', sessionId: 'sess_1', data: { content: 'hello', stream: 'stdout' } });
    expect(harness.session).toMatchObject({ activity: 'executing', currentTask: 'reading', turn: { openToolCalls: ['c1'] }, metrics: { tokensIn: 5 } });
    harness.facts({ type: 'tool_call', toolCallId: 'c1', status: 'completed' });
    expect(harness.session.turn.openToolCalls).toEqual([]);
  });

  it('carry the time at which the runner saw what they say', () => {
    const harness = running();
    send(harness, [output(3)]);
    expect(harness.last[0].timestamp).toBe(at);
    expect(harness.session.lastFactAt).toBe(harness.session.updatedAt);
    expect(harness.session.updatedAt).not.toBe(at);
  });
});

describe('errors', () => {
  it.each([
    ['auth_required', 'auth'], ['usage_limit', 'rate_limit'], ['rate_limit', 'rate_limit'], ['overloaded', 'overloaded'], ['bad_request', 'bad_request'], ['cancelled', 'aborted'],
    ['frame_too_large', undefined], ['constructor', undefined],
  ])('of the code %s are of the kind %s, in the feed and in the session', (code, kind) => {
    const harness = running();
    harness.facts({ type: 'error', code, message: 'why' });
    expect(harness.all('error')[0].data).toEqual({ code, message: 'why', ...(kind && { kind }) });
    expect(harness.session.error?.kind).toBe(kind);
  });

  it('of a model that is overloaded, or refuses the request, are how a session ends whose turn they ended', () => {
    for (const code of ['overloaded', 'bad_request'] as const) {
      const harness = running();
      harness.facts({ type: 'turn_started' }, { type: 'error', code, message: 'why' }, { type: 'turn_ended', stopReason: 'error' });
      expect(harness.session.desired).toMatchObject({ state: 'stopped', outcome: code });
    }
  });
});

describe('metrics', () => {
  it('only grow, and what does not grow is not told', () => {
    const harness = running();
    harness.facts({ type: 'metric', tokensIn: 10, tokensOut: 5, requestCount: 1, costUsd: 0.5 });
    harness.facts({ type: 'metric', tokensIn: 8, tokensOut: 9, requestCount: 1 });
    expect(harness.session.metrics).toEqual({ tokensIn: 10, tokensOut: 9, cacheRead: 0, cacheWrite: 0, reasoning: 0, requestCount: 1, costUsd: 0.5 });
    harness.facts({ type: 'metric', tokensIn: 8, tokensOut: 9, requestCount: 1 });
    expect(harness.all('metric')).toHaveLength(2);
  });

  it('come with the part of the turn that has ended, also where that cost nothing', () => {
    const harness = running();
    const turn = { tokensIn: 4, tokensOut: 2, cacheRead: 3, cacheWrite: 1, reasoning: 1, requestCount: 1 };
    harness.facts({ type: 'metric', ...turn, turn });
    harness.facts({ type: 'metric', ...turn, turn: { ...turn, tokensIn: 0 } });
    expect(harness.session.metrics).toEqual({ ...turn, costUsd: 0 });
    expect(harness.all('metric').map(({ data }) => (data as { turn?: unknown }).turn)).toEqual([turn, { ...turn, tokensIn: 0 }]);
  });
});

describe('claiming a run', () => {
  it('is granted again and again before it runs, and the last time counts', () => {
    const harness = new SessionHarness().place().claim();
    const first = harness.session.run!.claimedAt!;
    harness.claim();
    expect(harness.session.run!.claimedAt! > first).toBe(true);
  });

  const refusals: [string, (h: SessionHarness) => void][] = [
    ['of another epoch', (h) => { h.place(); h.do({ type: 'place', runId: 'run_2', runnerId: 'slot-1' }); }],
    ['of a session that is to end', (h) => { h.place().claim(); h.stop(); }],
    ['of a session that runs', (h) => h.run()],
    ['of a session that has ended', (h) => { h.place(); h.stop(); }],
  ];

  it.each(refusals)('%s is refused', (_name, act) => {
    const harness = new SessionHarness();
    act(harness);
    expect(() => harness.do({ type: 'claim', runId: RUN.runId, epoch: 1 })).toThrow(expect.objectContaining({ code: 'CONFLICT', details: expect.objectContaining({ stale: true }) }));
  });
});

describe('waiting for a runner', () => {
  it('is visible, keeps its beginning, and ends with a placement', () => {
    const harness = new SessionHarness();
    harness.do({ type: 'wait', reason: 'no runner is connected' });
    const { since } = harness.session.waiting!;
    expect(harness.lastTypes).toEqual(['session:updated']);
    expect(harness.do({ type: 'wait', reason: 'no runner is connected' }).changed).toBe(false);
    harness.do({ type: 'wait', reason: 'all runners are full' });
    expect(harness.session.waiting).toEqual({ reason: 'all runners are full', since });
    harness.place();
    expect(harness.session.waiting).toBeNull();
  });

  it('a session that runs cannot be placed, nor one that is to end', () => {
    expect(() => running().place()).toThrow(expect.objectContaining({ code: 'INVALID_TRANSITION' }));
    const cancelled = new SessionHarness().place().claim();
    cancelled.stop();
    expect(() => cancelled.place()).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });
});

describe('a session', () => {
  it('must be there for everything but a spawn, and must not be there for that', () => {
    const harness = running();
    expect(() => handleSession(null, { type: 'expire_approvals' }, harness.ctx, [])).toThrow(expect.objectContaining({ code: 'SESSION_NOT_FOUND' }));
    expect(() => harness.do(spawnCommand())).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  it('is shown with its status and without our bookkeeping', () => {
    const view = sessionView(deepFreeze(running().session));
    for (const hidden of ['pendingInputs', 'nudged', 'turn', 'approvals', 'report', 'interruptRequestedAt', 'lastFactAt', 'answeredAt']) expect(view).not.toHaveProperty(hidden);
    expect(view).toMatchObject({ id: 'sess_1', state: 'running', status: 'working', agentSessionId: 'conv-1', rootSessionId: 'sess_1' });
  });

  it('can be renamed at any time, and a name it has changes nothing', () => {
    const harness = running();
    harness.runEnds({ cause: 'crashed' });
    harness.do({ type: 'rename', name: 'Post mortem' });
    expect(harness.lastTypes).toEqual(['session:updated']);
    expect(harness.do({ type: 'rename', name: 'Post mortem' }).changed).toBe(false);
  });

  it('that has ended keeps its end, whatever comes', () => {
    const harness = running();
    harness.stop();
    harness.runEnds();
    const { session } = harness;
    const commands = [
      { type: 'stop', reason: '', actor: ADMIN }, { type: 'kill', reason: '', actor: ADMIN }, { type: 'wait', reason: 'x' }, { type: 'expire_approvals' },
      { type: 'runner_lost', runId: RUN.runId, message: '' }, { type: 'end', outcome: 'stalled', message: '' }, { type: 'end', outcome: 'killed', message: '', kill: true },
    ] as const;
    for (const command of commands) expect(harness.do(command).changed).toBe(false);
    expect(harness.session).toBe(session);
  });
});
