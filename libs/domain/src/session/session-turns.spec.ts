import { ADMIN, AGENT, SessionHarness } from '../testing/session-harness.js';
import { PENDING_INPUTS_BYTES_MAX, PENDING_INPUTS_MAX } from '../limits.js';
import type { TimelineKind } from '../work/timeline.js';
import { NUDGE } from './prompt.js';

const running = (fields = {}) => new SessionHarness(fields).run();
const say = (harness: SessionHarness, text: string, inputId = 'inp_user') => harness.do({ type: 'input', inputId, text, source: 'user', actor: ADMIN });
const note = (harness: SessionHarness, kind: TimelineKind, message = 'words') => harness.do({ type: 'timeline', kind, message, actor: AGENT });

describe('a turn that ends in mode task', () => {
  it('without a word is asked once for a report', () => {
    const harness = running();
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: true, pendingInputs: [{ source: 'system', text: NUDGE }] });
    expect(harness.last.find(({ type }) => type === 'input')!.data).toMatchObject({ source: 'system', by: 'system', text: NUDGE });
  });

  it('is asked anew after its user spoke', () => {
    const harness = running();
    harness.turnEnds();
    harness.facts({ type: 'turn_started', inputId: harness.session.pendingInputs[0].inputId });
    say(harness, 'and now the tests');
    harness.turnEnds();
    harness.facts({ type: 'turn_started', inputId: 'inp_user' });
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: true });
    expect(harness.session.pendingInputs).toHaveLength(1);
  });

  it('is not asked while an input is on its way to it', () => {
    const harness = running();
    say(harness, 'one more thing');
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: false });
    expect(harness.session.pendingInputs.map(({ inputId }) => inputId)).toEqual(['inp_user']);
  });

  it('is asked when the input that was on its way did not reach it', () => {
    const harness = running();
    say(harness, 'one more thing');
    harness.turnEnds();
    harness.facts({ type: 'input_failed', inputId: 'inp_user', reason: 'it is too long' });
    expect(harness.session).toMatchObject({ state: 'running', nudged: true, pendingInputs: [{ source: 'system', text: NUDGE }] });
  });

  it('waits for a person when it cannot be asked', () => {
    const harness = running();
    harness.turnEnds();
    harness.facts({ type: 'input_failed', inputId: harness.session.pendingInputs[0].inputId, reason: 'stdin is closed' });
    expect(harness.session).toMatchObject({ state: 'running', outcome: null, pendingInputs: [], needsInput: { message: 'The agent ended its turn, and could not be asked for a report: stdin is closed' } });
  });

  it('is asked for nothing in the middle of a turn', () => {
    const harness = running();
    harness.turnEnds();
    harness.facts({ type: 'turn_started', inputId: harness.session.pendingInputs[0].inputId });
    say(harness, 'one more thing');
    harness.facts({ type: 'input_failed', inputId: 'inp_user', reason: 'it is too long' });
    expect(harness.session).toMatchObject({ nudged: false, pendingInputs: [], needsInput: null });
  });

  it('is not asked while it waits for an answer that it asked for', () => {
    const harness = running();
    note(harness, 'needs_input', 'Which database?');
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: false, pendingInputs: [], needsInput: { message: 'Which database?' } });
  });

  it('waits for its user when it was interrupted, and says so when nobody had asked for that', () => {
    const asked = running();
    asked.do({ type: 'interrupt', reason: '', actor: ADMIN });
    expect(asked.session.interruptRequestedAt).not.toBeNull();
    asked.turnEnds('cancelled');
    expect(asked.session).toMatchObject({ state: 'running', interruptRequestedAt: null, needsInput: null, pendingInputs: [] });

    const unasked = running();
    unasked.turnEnds('cancelled');
    expect(unasked.session).toMatchObject({ state: 'running', needsInput: { source: 'driver' } });
  });

  it('ends the session when its agent has reported, not before', () => {
    const harness = running();
    harness.report('completed', 'all green');
    expect(harness.session.state).toBe('running');
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'stopping', desired: { state: 'stopped', outcome: 'completed', reason: 'all green' } });
  });
});

describe('mode interactive', () => {
  it('goes on after every turn, report or not', () => {
    const harness = running({ mode: 'interactive' });
    harness.turnEnds();
    harness.report('completed');
    harness.facts({ type: 'turn_started' });
    harness.turnEnds('refusal');
    harness.facts({ type: 'turn_started' });
    harness.turnEnds('error');
    expect(harness.session).toMatchObject({ state: 'running', pendingInputs: [], report: { kind: 'completed' } });
  });
});

describe('an input', () => {
  it('is kept until the agent has it', () => {
    const harness = running();
    say(harness, 'hello');
    expect(harness.lastTypes).toEqual(['input']);
    expect(say(harness, 'hello').changed).toBe(false);
    harness.facts({ type: 'input_delivered', inputId: 'inp_user' });
    expect(harness.session.pendingInputs).toEqual([]);
  });

  it('that cannot be delivered is said, and is not the session\'s error', () => {
    const harness = running();
    say(harness, 'hello');
    harness.facts({ type: 'input_failed', inputId: 'inp_user', reason: 'stdin is closed' });
    expect(harness.session).toMatchObject({ pendingInputs: [], error: null });
    expect(harness.last[0]).toMatchObject({ type: 'error', data: { code: 'input_failed', inputId: 'inp_user' } });
  });

  it('that its runner will never take is said once', () => {
    const harness = running();
    say(harness, 'hello');
    const refuse = () => harness.do({ type: 'refuse_input', inputId: 'inp_user', reason: 'it takes none' });
    expect(refuse().changed).toBe(true);
    expect(harness.session.pendingInputs).toEqual([]);
    expect(harness.last[0]).toMatchObject({ type: 'error', data: { code: 'input_failed', message: 'An input did not reach the agent: it takes none' } });
    expect(refuse().changed).toBe(false);
  });

  it('is refused when the session is ending, has ended, or has reported in mode task', () => {
    const stopping = running();
    stopping.stop();
    expect(() => say(stopping, 'x')).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    stopping.runEnds();
    expect(() => say(stopping, 'x')).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
    const reported = running();
    reported.report('completed');
    expect(() => say(reported, 'x')).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });

  it('is taken before the session runs', () => {
    const harness = new SessionHarness();
    say(harness, 'for later');
    expect(harness.session.pendingInputs).toHaveLength(1);
  });

  it('beyond the bounds of what waits is refused', () => {
    const harness = running();
    for (let i = 0; i < PENDING_INPUTS_MAX; i++) say(harness, 'x', `inp_${i}_user`);
    expect(() => say(harness, 'x')).toThrow(expect.objectContaining({ code: 'LIMIT_REACHED' }));
    const large = running();
    say(large, 'x'.repeat(100_000), 'inp_large');
    expect(() => say(large, 'x'.repeat(PENDING_INPUTS_BYTES_MAX - 100_000))).toThrow(expect.objectContaining({ code: 'LIMIT_REACHED' }));
  });
});

describe('needing input', () => {
  const told = (harness: SessionHarness) => harness.all('notify:needs_input').length;

  it('is told once an episode, and an episode ends with an input', () => {
    const harness = running();
    note(harness, 'needs_input', 'A or B?');
    const since = harness.session.needsInput!.since;
    note(harness, 'needs_input', 'A, B or C?');
    expect(harness.session.needsInput).toEqual({ active: true, message: 'A, B or C?', since, source: 'timeline' });
    expect(told(harness)).toBe(1);
    say(harness, 'B');
    expect(harness.session.needsInput).toBeNull();
    note(harness, 'needs_input', 'really?');
    expect(told(harness)).toBe(2);
  });

  it('is raised and cleared by the driver\'s activity', () => {
    const harness = running();
    harness.facts({ type: 'activity', activity: 'waiting_input', currentTask: 'Pick a colour' });
    expect(harness.session.needsInput).toMatchObject({ message: 'Pick a colour', source: 'driver' });
    harness.facts({ type: 'activity', activity: 'thinking' });
    expect(harness.session.needsInput).toBeNull();
    expect(told(harness)).toBe(1);
  });

  it('ends with the session', () => {
    const harness = running();
    note(harness, 'needs_input');
    harness.runEnds({ cause: 'crashed' });
    expect(harness.session.needsInput).toBeNull();
    expect(told(harness)).toBe(1);
  });

  it('is not raised by a session that is ending', () => {
    const harness = running();
    harness.stop();
    note(harness, 'needs_input');
    harness.facts({ type: 'activity', activity: 'waiting_input' });
    expect(harness.session.needsInput).toBeNull();
    expect(told(harness)).toBe(0);
  });
});

describe('the timeline', () => {
  it('notifies of progress, milestones and blocks, and of nothing else that is only said', () => {
    const harness = running();
    for (const kind of ['progress', 'milestone', 'blocked', 'error', 'completed'] as const) note(harness, kind);
    expect(harness.events.filter(({ type }) => type.startsWith('notify:')).map(({ type }) => type))
      .toEqual(['notify:progress', 'notify:progress', 'notify:session_blocked']);
  });

  it('is closed once the session has ended', () => {
    const harness = running();
    harness.runEnds({ cause: 'crashed' });
    expect(() => note(harness, 'progress')).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });

  it('takes only tasks of the session', () => {
    const harness = running();
    expect(() => harness.do({ type: 'timeline', kind: 'progress', message: 'x', taskId: 'task_other', actor: AGENT }))
      .toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID' }));
    expect(() => note(harness, 'task_started')).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});

describe('an interrupt', () => {
  it('changes nothing without a turn, twice, and is refused at the end', () => {
    const harness = running();
    const interrupt = () => harness.do({ type: 'interrupt', reason: '', actor: ADMIN });
    expect(interrupt().changed).toBe(true);
    expect(interrupt().changed).toBe(false);
    harness.turnEnds('cancelled');
    expect(interrupt().changed).toBe(false);
    harness.stop();
    expect(interrupt).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });
});
