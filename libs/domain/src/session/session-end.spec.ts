import { ADMIN, SessionHarness } from '../testing/session-harness.js';
import type { TimelineEntry } from '../work/timeline.js';
import { endPath } from './ending.js';
import { OUTCOMES, type OutcomeCode } from './outcome.js';
import { SESSION_STATES, canTransition, isTerminal, type SessionState } from './session-state.js';
import { sessionView, statusOf } from './session-status.js';


const created = () => new SessionHarness();
const placed = () => new SessionHarness().place();
const starting = () => new SessionHarness().place().claim();
const running = () => new SessionHarness().run();
const withoutTurns = () => new SessionHarness().run({ turn: false });
const paused = () => {
  const harness = new SessionHarness().run();
  harness.do({ type: 'pause', reason: '', actor: ADMIN });
  harness.facts({ type: 'paused' });
  return harness;
};
const interactive = () => new SessionHarness({ mode: 'interactive' }).run();

/** What a session came to: code, state, status, whether the agent said so itself, and its path. */
function cameTo({ session, path }: SessionHarness): string {
  const { code, reported } = session.outcome!;
  return `${code} ${session.state} ${statusOf(session)} ${reported ? 'reported' : 'observed'}: ${path.join(' ')}`;
}

const RAN = 'created starting running';
const ABSENT = { type: 'run_absent', runId: 'run_1', message: 'not listed' } as const;

describe('the legal paths of one commit', () => {
  const codes = Object.keys(OUTCOMES) as OutcomeCode[];
  const combinations = SESSION_STATES.flatMap((from) => codes.map((code) => [from, code] as const));

  it.each(combinations)('from %s to the end as %s only edges of the table are taken', (from, code) => {
    let state: SessionState = from;
    for (const to of endPath(from, code)) {
      expect(canTransition(state, to)).toBe(true);
      state = to;
    }
    expect(state).toBe(isTerminal(from) ? from : OUTCOMES[code].state);
  });

  it('error → stopping is taken only by cancelling before it ran', () => {
    const through = combinations.filter(([from, code]) => endPath(from, code).join(' ').includes('error stopping'));
    expect(new Set(through.map(([from]) => from))).toEqual(new Set(['created', 'starting']));
    expect(new Set(through.map(([, code]) => code))).toEqual(new Set(['stopped_by_user', 'killed', 'shutdown']));
  });
});

describe('how a session ends', () => {
  const table: [name: string, start: () => SessionHarness, act: (h: SessionHarness) => void, expected: string][] = [
    ['cancelled in created', created, (h) => h.stop(), 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['killed in created', created, (h) => h.kill(), 'killed stopped failed observed: created starting error stopping stopped'],
    ['rejected in created', created, (h) => h.do({ type: 'end', outcome: 'config_invalid', message: 'no such command' }), 'config_invalid error failed observed: created starting error'],
    ['cancelled when placed and not claimed', placed, (h) => h.stop(), 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['cancelled while starting', starting, (h) => { h.stop(); h.runEnds(); }, 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['cancelled while starting, and the start fails of it', starting, (h) => { h.stop(); h.facts({ type: 'start_failed', code: 'start_failed', message: 'gone' }); }, 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['cancelled while starting, and it began to run meanwhile', starting, (h) => { h.stop(); h.facts({ type: 'run_started', pid: 1 }); h.runEnds(); }, 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['its configuration is rejected by the runner', starting, (h) => h.facts({ type: 'start_failed', code: 'config_invalid', message: 'no' }), 'config_invalid error failed observed: created starting error'],
    ['too late to start', starting, (h) => { h.do({ type: 'end', outcome: 'start_timeout', message: '60 s', kill: true }); h.runEnds({ cause: 'killed' }); }, 'start_timeout error failed observed: created starting error'],
    ['done before it was seen running', starting, (h) => h.runEnds({ cause: 'exited', exitCode: 0 }), `finished stopped completed observed: ${RAN} stopping stopped`],
    ['reported completed and done before it was seen running', starting, (h) => { h.report('completed'); h.runEnds({ cause: 'exited', exitCode: 0 }); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['exit 0 without turns', withoutTurns, (h) => h.runEnds({ cause: 'exited', exitCode: 0 }), `finished stopped completed observed: ${RAN} stopping stopped`],
    ['exit 3 without turns', withoutTurns, (h) => h.runEnds({ cause: 'exited', exitCode: 3 }), `agent_exit error failed observed: ${RAN} error`],
    ['exit 0 in the middle of a turn', running, (h) => h.runEnds({ cause: 'exited', exitCode: 0 }), `agent_exit error failed observed: ${RAN} error`],
    ['died of a signal', running, (h) => h.runEnds({ cause: 'crashed', signal: 'SIGSEGV' }), `agent_crash error failed observed: ${RAN} error`],
    ['died while paused', paused, (h) => h.runEnds({ cause: 'crashed' }), `agent_crash error failed observed: ${RAN} paused stopping error`],
    ['exit 0 while paused, without turns', () => { const h = withoutTurns(); h.do({ type: 'pause', reason: '', actor: ADMIN }); h.facts({ type: 'paused' }); return h; }, (h) => h.runEnds({ cause: 'exited', exitCode: 0 }), `finished stopped completed observed: ${RAN} paused stopping stopped`],
    ['reported completed, and its turn ended while paused', paused, (h) => { h.report('completed'); h.turnEnds(); h.runEnds(); }, `completed stopped completed reported: ${RAN} paused stopping stopped`],
    ['stopped by its user', running, (h) => { h.stop(); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['stopped by its user while paused', paused, (h) => { h.stop(); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} paused stopping stopped`],
    ['stopped by its user, and it exits 0', running, (h) => { h.stop(); h.runEnds({ cause: 'exited', exitCode: 0 }); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['stopped by its user, and it crashes of it', running, (h) => { h.stop(); h.runEnds({ cause: 'crashed', signal: 'SIGSEGV' }); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['killed', running, (h) => { h.kill(); h.runEnds({ cause: 'killed', signal: 'SIGKILL' }); }, `killed stopped failed observed: ${RAN} stopping stopped`],
    ['stopped, then killed: the first intent counts', running, (h) => { h.stop(); h.kill(); h.runEnds({ cause: 'killed' }); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['killed, and the intent was not recorded', running, (h) => h.runEnds({ cause: 'killed', signal: 'SIGKILL' }), `killed stopped failed observed: ${RAN} stopping stopped`],
    ['stopped, and the intent was not recorded', running, (h) => h.runEnds({ cause: 'stopped', exitCode: 0 }), `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['stopped while paused, and the intent was not recorded', paused, (h) => h.runEnds({ cause: 'stopped' }), `stopped_by_user stopped failed observed: ${RAN} paused stopping stopped`],
    ['stopped while starting, and the intent was not recorded', starting, (h) => h.runEnds({ cause: 'stopped' }), 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['reported completed, then killed without a record of it', running, (h) => { h.report('completed'); h.runEnds({ cause: 'killed' }); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['the runner shut down', running, (h) => h.runEnds({ cause: 'shutdown' }), `shutdown stopped failed observed: ${RAN} stopping stopped`],
    ['the runner was lost', running, (h) => h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent' }), `runner_lost error failed observed: ${RAN} error`],
    ['the runner was lost while stopping', running, (h) => { h.stop(); h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent' }); }, `runner_lost error failed observed: ${RAN} stopping error`],
    ['the runner was lost while paused', paused, (h) => h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent' }), `runner_lost error failed observed: ${RAN} paused stopping error`],
    ['its runner no longer holds the run', running, (h) => h.do(ABSENT), `runner_lost error failed observed: ${RAN} error`],
    ['its runner no longer holds the run that had said something', starting, (h) => { h.facts({ type: 'metadata', key: 'k', value: 'v' }); h.do(ABSENT); }, 'runner_lost error failed observed: created starting error'],
    ['cancelled while starting, and its runner held nothing of it', starting, (h) => { h.stop(); h.do(ABSENT); }, 'stopped_by_user stopped failed observed: created starting error stopping stopped'],
    ['too late to start, and its runner held nothing of it', starting, (h) => { h.do({ type: 'end', outcome: 'start_timeout', message: '60 s', kill: true }); h.do(ABSENT); }, 'start_timeout error failed observed: created starting error'],
    ['something of it could not be killed', running, (h) => { h.kill(); h.runEnds({ cause: 'killed', left: 2 }); }, `unkillable error failed observed: ${RAN} stopping error`],
    ['stalled', running, (h) => { h.do({ type: 'end', outcome: 'stalled', message: 'silent for 10 min' }); h.runEnds(); }, `stalled error failed observed: ${RAN} stopping error`],
    ['usage limit named before it crashed', running, (h) => { h.facts({ type: 'error', code: 'usage_limit', message: 'come back at 5' }); h.runEnds({ cause: 'crashed' }); }, `usage_limit error failed observed: ${RAN} error`],
    ['refused', running, (h) => { h.turnEnds('refusal'); h.runEnds(); }, `refused error failed observed: ${RAN} stopping error`],
    ['out of tokens', running, (h) => { h.turnEnds('max_tokens'); h.runEnds(); }, `token_limit error failed observed: ${RAN} stopping error`],
    ['a turn that failed', running, (h) => { h.turnEnds('error'); h.runEnds(); }, `agent_error error failed observed: ${RAN} stopping error`],
    ['a turn that failed of the rate limit', running, (h) => { h.facts({ type: 'error', code: 'rate_limit', message: '429' }); h.turnEnds('error'); h.runEnds(); }, `rate_limit error failed observed: ${RAN} stopping error`],

    ['reported completed', running, (h) => { h.report('completed'); h.turnEnds(); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported failed', running, (h) => { h.report('failed'); h.turnEnds(); h.runEnds(); }, `reported_failed stopped failed reported: ${RAN} stopping stopped`],
    ['reported completed, then failed', running, (h) => { h.report('completed'); h.report('failed'); h.turnEnds(); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported failed, then completed', running, (h) => { h.report('failed'); h.report('completed'); h.turnEnds(); h.runEnds(); }, `reported_failed stopped failed reported: ${RAN} stopping stopped`],
    ['reported completed without turns, exit 0', withoutTurns, (h) => { h.report('completed'); h.runEnds({ cause: 'exited', exitCode: 0 }); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported completed without turns, exit 3', withoutTurns, (h) => { h.report('completed'); h.runEnds({ cause: 'exited', exitCode: 3 }); }, `completed error completed reported: ${RAN} error`],
    ['reported failed, exit 0', withoutTurns, (h) => { h.report('failed'); h.runEnds({ cause: 'exited', exitCode: 0 }); }, `reported_failed stopped failed reported: ${RAN} stopping stopped`],
    ['reported completed, then crashed by itself', running, (h) => { h.report('completed'); h.runEnds({ cause: 'crashed' }); }, `completed error completed reported: ${RAN} error`],
    ['reported completed, then crashed while being stopped', running, (h) => { h.report('completed'); h.turnEnds(); h.runEnds({ cause: 'crashed' }); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported completed, then the runner was lost', running, (h) => { h.report('completed'); h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent' }); }, `completed error completed reported: ${RAN} error`],
    ['reported failed, then crashed', running, (h) => { h.report('failed'); h.runEnds({ cause: 'crashed' }); }, `reported_failed error failed reported: ${RAN} error`],
    ['reported completed, then stopped by its user', running, (h) => { h.report('completed'); h.stop(); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported completed, then killed', running, (h) => { h.report('completed'); h.kill(); h.runEnds({ cause: 'killed' }); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported completed, its turn goes on for 60 s', running, (h) => { h.report('completed'); h.do({ type: 'end', outcome: 'completed', message: 'it completed' }); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],
    ['reported completed after it was told to stop', running, (h) => { h.stop(); h.report('completed'); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['reported completed after it was killed', running, (h) => { h.kill(); h.report('completed'); h.runEnds({ cause: 'killed' }); }, `killed stopped failed observed: ${RAN} stopping stopped`],
    ['reported completed after its turn', () => { const h = running(); h.turnEnds(); return h; }, (h) => { h.report('completed'); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],

    ['finished without a word, after being asked', running, (h) => { h.turnEnds(); h.facts({ type: 'turn_started', inputId: h.session.pendingInputs[0].inputId }); h.turnEnds(); h.runEnds(); }, `finished stopped completed observed: ${RAN} stopping stopped`],
    ['finished, then killed while it is being stopped', running, (h) => { h.turnEnds(); h.facts({ type: 'turn_started', inputId: h.session.pendingInputs[0].inputId }); h.turnEnds(); h.kill(); h.runEnds({ cause: 'killed' }); }, `killed stopped failed observed: ${RAN} stopping stopped`],

    ['interactive, stopped while idle', interactive, (h) => { h.turnEnds(); h.stop(); h.runEnds(); }, `finished stopped completed observed: ${RAN} stopping stopped`],
    ['interactive, stopped in the middle of a turn', interactive, (h) => { h.stop(); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['interactive, stopped with an input on its way', interactive, (h) => { h.turnEnds(); h.do({ type: 'input', inputId: 'inp_x', text: 'go on', source: 'user', actor: ADMIN }); h.stop(); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['interactive, killed while idle', interactive, (h) => { h.turnEnds(); h.kill(); h.runEnds({ cause: 'killed' }); }, `killed stopped failed observed: ${RAN} stopping stopped`],
    ['interactive and idle, stopped and then killed', interactive, (h) => { h.turnEnds(); h.stop(); h.kill(); h.runEnds({ cause: 'killed' }); }, `killed stopped failed observed: ${RAN} stopping stopped`],
    ['interactive without turns, stopped', () => new SessionHarness({ mode: 'interactive' }).run({ turn: false }), (h) => { h.stop(); h.runEnds(); }, `stopped_by_user stopped failed observed: ${RAN} stopping stopped`],
    ['interactive, reported completed, stopped much later', interactive, (h) => { h.report('completed'); h.turnEnds(); h.facts({ type: 'turn_started' }); h.stop(); h.runEnds(); }, `completed stopped completed reported: ${RAN} stopping stopped`],
  ];

  it.each(table)('%s', (_name, start, act, expected) => {
    const harness = start();
    act(harness);
    expect(cameTo(harness)).toBe(expected);
    expect(harness.session.endedAt).toBe(harness.session.outcome!.at);
    expect(harness.session.error === null).toBe(harness.session.state === 'stopped');
    const changes = harness.all('status_change').map(({ data }) => data as { oldState: string; newState: string });
    expect(['created', ...changes.map(({ newState }) => newState)]).toEqual(harness.path);
    changes.slice(1).forEach(({ oldState }, i) => expect(oldState).toBe(changes[i].newState));
    expect(harness.events.filter(({ type }) => /^notify:session_(completed|failed|stopped)$/.test(type))).toHaveLength(1);
  });

  it.each([['placed', placed], ['claimed', starting]])('does not lose by absence a run that is %s and was never heard of: nothing of it was executed', (_state, start) => {
    const harness = start();
    expect(harness.do(ABSENT).changed).toBe(false);
    expect(running().do({ ...ABSENT, runId: 'run_other' }).changed).toBe(false);
    harness.claim().facts({ type: 'run_started', pid: 7 });
    expect(harness.session.state).toBe('running');
  });

  it('tells of its end once, as what it came to', () => {
    const told = (act: (h: SessionHarness) => void, start = running) => {
      const harness = start();
      act(harness);
      return harness.events.filter(({ type }) => type.startsWith('notify:session')).map(({ type, data }) => [type, (data as { outcome: string }).outcome]);
    };
    expect(told((h) => { h.report('completed'); h.runEnds({ cause: 'crashed' }); })).toEqual([['notify:session_completed', 'completed']]);
    expect(told((h) => { h.stop(); h.runEnds(); })).toEqual([['notify:session_stopped', 'stopped_by_user']]);
    expect(told((h) => { h.kill(); h.runEnds(); })).toEqual([['notify:session_stopped', 'killed']]);
    expect(told((h) => h.runEnds({ cause: 'shutdown' }))).toEqual([['notify:session_stopped', 'shutdown']]);
    expect(told((h) => h.runEnds({ cause: 'crashed' }))).toEqual([['notify:session_failed', 'agent_crash']]);
    expect(told((h) => { h.report('failed'); h.turnEnds(); h.runEnds(); })).toEqual([['notify:session_failed', 'reported_failed']]);
  });

  it('keeps what the process showed beside what the agent said', () => {
    const harness = withoutTurns();
    harness.report('completed', 'all done');
    harness.runEnds({ cause: 'exited', exitCode: 3 });
    expect(harness.session.outcome).toMatchObject({ code: 'completed', message: 'all done', reported: true, exitCode: 3 });
    expect(harness.session.error).toMatchObject({ code: 'agent_exit', message: 'The agent ended with exit code 3.' });
    expect(harness.lastTypes).toEqual(['status_change', 'error', 'timeline', 'notify:session_completed', 'session:updated']);
  });

  it('forgets an error that the agent got over when it completes', () => {
    const harness = running();
    harness.facts({ type: 'error', code: 'rate_limit', message: '429, trying again' });
    expect(sessionView(harness.session).error).toMatchObject({ code: 'rate_limit' });
    harness.report('completed');
    harness.turnEnds();
    harness.runEnds();
    expect(harness.session.error).toBeNull();
  });

  it('does not believe the system that the work was a success', () => {
    const harness = running();
    for (const outcome of ['completed', 'finished', 'reported_failed'] as const) {
      expect(() => harness.do({ type: 'end', outcome, message: '' })).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
    }
    harness.report('failed');
    expect(() => harness.do({ type: 'end', outcome: 'completed', message: '' })).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  it('does not take the word of anybody else for the agent', () => {
    const harness = running();
    harness.do({ type: 'timeline', kind: 'completed', message: 'looks done to me', actor: ADMIN });
    harness.do({ type: 'timeline', kind: 'completed', message: 'my child is done', actor: { kind: 'agent', sessionId: 'sess_parent' } });
    expect(harness.session.report).toBeNull();
    expect(harness.all('timeline').map(({ data }) => (data as TimelineEntry).by)).toEqual(['system', 'user', 'agent']);
  });
});

describe('the status of a session', () => {
  it('is derived from state and outcome', () => {
    const harness = created();
    const seen = [statusOf(harness.session)];
    harness.place();
    seen.push(statusOf(harness.session));
    harness.run();
    seen.push(statusOf(harness.session));
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.facts({ type: 'paused' });
    seen.push(statusOf(harness.session));
    harness.stop();
    seen.push(statusOf(harness.session));
    harness.runEnds();
    seen.push(statusOf(harness.session));
    expect(seen).toEqual(['spawning', 'spawning', 'working', 'working', 'working', 'failed']);
  });

  it('stays failed where stopping was entered from error', () => {
    const { session } = running();
    const step = { reason: '', at: session.updatedAt };
    expect(statusOf({ ...session, state: 'stopping', transitions: [{ from: 'error', to: 'stopping', ...step }] })).toBe('failed');
    expect(statusOf({ ...session, state: 'stopping', transitions: [{ from: 'running', to: 'stopping', ...step }] })).toBe('working');
  });
});

describe('wanting an end', () => {
  const ends: [string, () => SessionHarness][] = [
    ['stopping', () => { const h = running(); h.stop(); return h; }],
    ['stopped', () => { const h = running(); h.stop(); h.runEnds(); return h; }],
    ['error', () => { const h = running(); h.runEnds({ cause: 'crashed' }); return h; }],
    ['starting, and to be cancelled', () => { const h = starting(); h.stop(); return h; }],
  ];

  it.each(ends)('changes nothing once more in %s', (_name, start) => {
    const harness = start();
    const before = harness.session;
    expect(harness.stop()).toEqual({ session: before, tasks: [], mails: [], events: [], changed: false });
    expect(harness.session).toBe(before);
  });

  it.each(ends.slice(1, 3))('a kill changes nothing in %s', (_name, start) => {
    const harness = start();
    expect(harness.kill().changed).toBe(false);
  });

  it('a kill while stopping makes the intent harder and leaves state and outcome', () => {
    const harness = running();
    harness.stop();
    expect(harness.kill().changed).toBe(true);
    expect(harness.session).toMatchObject({ state: 'stopping', desired: { state: 'killed', outcome: 'stopped_by_user' } });
    expect(harness.lastTypes).toEqual(['session:updated']);
    expect(harness.kill().changed).toBe(false);
  });
});

describe('pause and resume', () => {
  it('are intents until the runner says so', () => {
    const harness = running();
    harness.do({ type: 'pause', reason: 'lunch', actor: ADMIN });
    expect(harness.session).toMatchObject({ state: 'running', desired: { state: 'paused', reason: 'lunch' } });
    expect(harness.do({ type: 'pause', reason: 'again', actor: ADMIN }).changed).toBe(false);
    harness.facts({ type: 'paused' });
    expect(harness.session.state).toBe('paused');
    harness.do({ type: 'resume', reason: '', actor: ADMIN });
    expect(harness.session).toMatchObject({ state: 'paused', desired: { state: 'running' } });
    harness.facts({ type: 'resumed' });
    expect(harness.path).toEqual(['created', 'starting', 'running', 'paused', 'running']);
  });

  it('a pause that is only intended can be taken back', () => {
    const harness = running();
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.do({ type: 'resume', reason: '', actor: ADMIN });
    expect(harness.session).toMatchObject({ state: 'running', desired: { state: 'running' } });
  });

  const refusals: [string, () => SessionHarness, 'pause' | 'resume'][] = [
    ['created', created, 'pause'], ['created', created, 'resume'], ['starting', starting, 'pause'], ['starting', starting, 'resume'],
    ['paused', paused, 'pause'], ['running', running, 'resume'],
    ['stopping', ends('stopping'), 'pause'], ['stopping', ends('stopping'), 'resume'],
    ['stopped', ends('stopped'), 'pause'], ['stopped', ends('stopped'), 'resume'], ['error', ends('error'), 'pause'], ['error', ends('error'), 'resume'],
  ];

  it.each(refusals)('in %s refuses what the table has no edge for, without a trace', (state, start, type) => {
    const harness = start();
    const before = harness.session;
    const count = harness.events.length;
    expect(before.state).toBe(state);
    expect(() => harness.do({ type, reason: '', actor: ADMIN })).toThrow(expect.objectContaining({
      code: 'INVALID_TRANSITION', details: expect.objectContaining({ from: state, to: type === 'pause' ? 'paused' : 'running' }),
    }));
    expect(harness.session).toBe(before);
    expect(harness.events).toHaveLength(count);
  });

  function ends(state: SessionState): () => SessionHarness {
    return () => {
      const harness = running();
      if (state === 'error') harness.runEnds({ cause: 'crashed' });
      else harness.stop();
      if (state === 'stopped') harness.runEnds();
      return harness;
    };
  }
});
