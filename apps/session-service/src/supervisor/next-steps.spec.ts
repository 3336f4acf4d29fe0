import { describe, expect, it } from '@jest/globals';
import type { Approval, Session } from '@orbitmesh/domain';
import { createSession, SESSION_STATES } from '@orbitmesh/domain';
import type { Waiting } from '../placement/reasons.js';
import { isStranded, nextSteps, type World } from './next-steps.js';

const T0 = Date.parse('2025-06-01T12:00:00.000Z');
const at = (seconds: number): string => new Date(T0 + seconds * 1_000).toISOString();
const MINUTE = 60;

const base: Session = createSession({
  type: 'spawn', sessionId: 'sess_1', projectId: 'proj_1', taskIds: [], name: 'S', teamMember: null, parent: null, continues: null, agentSessionId: null, conversationId: null,
  providerType: 'demo', model: null, permissionMode: 'ask', mode: 'task', workingDir: '/w', manifestHash: 'h',
}, { now: at(0), newId: () => 'id' });

const run = { runId: 'run_1', runnerId: 'slot-0', epoch: 1, placedAt: at(0), ackedRunSeq: 0 };
const starting: Session = { ...base, state: 'starting', run };
const claimed: Session = { ...starting, run: { ...run, claimedAt: at(1) } };
const running: Session = {
  ...claimed, state: 'running', run: { ...run, claimedAt: at(1), startedAt: at(2) }, lastFactAt: at(2),
  turn: { active: true, startedAt: at(2), endedAt: null, stopReason: null, openToolCalls: [] },
};
const approval: Approval = {
  id: 'appr_1', sessionId: 'sess_1', runId: 'run_1', title: 'Write?', toolCall: {}, options: [], state: 'open',
  requestedAt: at(2), deadline: at(2 + 10 * MINUTE), delivered: false,
};

const CALM: World = {
  graceSince: T0 - 3_600_000, clockSetAt: 0, connected: true, presence: 'live', refused: false, waiting: () => undefined, stallMs: null, mail: [],
};

function steps(session: Session, seconds: number, world: Partial<World> = {}): unknown[] {
  return nextSteps(session, { ...CALM, ...world }, T0 + seconds * 1_000).map((step) => {
    if (step.type === 'send') return step.message.to;
    if (step.type === 'end') return `end:${step.outcome}${step.kill ? ':kill' : ''}`;
    return step.type === 'wait' ? `wait:${step.reason}` : step.type;
  });
}

const nowhere = (): Waiting => ({ reason: 'no runner' });

describe('nextSteps', () => {
  it('says what a new session waits for, once', () => {
    expect(steps(base, 0)).toEqual([]);
    expect(steps(base, 0, { waiting: nowhere })).toEqual(['wait:no runner']);
    expect(steps({ ...base, waiting: { reason: 'no runner', since: at(0) } }, 9, { waiting: nowhere })).toEqual([]);
    expect(steps({ ...base, waiting: { reason: 'another', since: at(0) } }, 9, { waiting: nowhere })).toEqual(['wait:no runner']);
  });

  it('says what passes by itself only when it takes longer', () => {
    const soon = (): Waiting => ({ reason: 'its turn comes', soon: true });
    expect(steps(base, 1, { waiting: soon })).toEqual([]);
    expect(steps(base, 2, { waiting: soon })).toEqual(['wait:its turn comes']);
  });

  it('ends what waits for something that will not come', () => {
    const never = (): Waiting => ({ reason: 'no runner has it', never: true });
    expect(steps(base, 0, { waiting: never })).toEqual(['end:config_invalid']);
    expect(steps(starting, 0, { refused: true, waiting: never })).toEqual(['end:config_invalid']);
    expect(steps(running, 5, { waiting: never })).toEqual([]);
  });

  it('waits without a deadline', () => {
    expect(steps({ ...base, waiting: { reason: 'no runner', since: at(0) } }, 7 * 24 * 3_600, { waiting: nowhere })).toEqual([]);
  });

  it('gives runners time to show up after a start or a reconnect', () => {
    expect(steps(base, 2, { waiting: nowhere, graceSince: T0 })).toEqual([]);
    expect(steps(base, 3, { waiting: nowhere, graceSince: T0 })).toEqual(['wait:no runner']);
  });

  it('says start until something is heard of the run, 60 s long', () => {
    expect(steps(starting, 59)).toEqual(['start']);
    expect(steps(starting, 60)).toEqual(['end:start_timeout:kill']);
    expect(steps(claimed, 59)).toEqual(['start']);
    expect(steps(claimed, 59, { refused: true })).toEqual([]);
    expect(steps({ ...claimed, run: { ...claimed.run!, ackedRunSeq: 1 } }, 59)).toEqual([]);
    expect(steps({ ...claimed, run: { ...claimed.run!, startedAt: at(2) } }, 59)).toEqual([]);
    expect(steps(claimed, 60)).toEqual(['end:start_timeout:kill']);
  });

  it('lets go elsewhere what nobody claimed when its runner is lost or would not take it, and only then', () => {
    const live = { presence: 'live' as const, refused: false };
    const told: Session = { ...starting, waiting: { reason: 'no runner', since: at(1) } };
    expect([starting, told].map((session) => isStranded(session, live))).toEqual([false, true]);
    expect(isStranded(starting, { ...live, presence: 'silent' })).toBe(false);
    expect(isStranded(starting, { ...live, presence: 'lost' })).toBe(true);
    expect(isStranded(starting, { ...live, refused: true })).toBe(true);
    expect(steps(starting, 5, { presence: 'silent' })).toEqual(['start']);
    expect(steps(starting, 5, { presence: 'lost' })).toEqual([]);
    expect(steps(starting, 5, { refused: true, waiting: nowhere })).toEqual(['wait:no runner']);
    expect(steps(told, 300)).toEqual([]);
  });

  it('never places again what was claimed: that run is lost', () => {
    for (const session of [claimed, running, { ...running, state: 'paused' as const }, { ...running, state: 'stopping' as const }]) {
      expect(isStranded(session, { presence: 'lost', refused: true })).toBe(false);
      expect(steps(session, 40, { presence: 'lost' })).toEqual(['runner_lost']);
      expect(steps(session, 40, { presence: 'silent' })).not.toContain('runner_lost');
    }
  });

  it('repeats a stop or a kill until the end is there, whatever else is due', () => {
    const stopping: Session = { ...running, state: 'stopping', pendingInputs: [{ inputId: 'inp_1', text: 't', source: 'user', at: at(3) }] };
    expect(steps({ ...stopping, desired: { state: 'stopped', reason: 'r', at: at(3), outcome: 'stopped_by_user' } }, 9_999)).toEqual(['stop']);
    expect(steps({ ...stopping, desired: { state: 'killed', reason: 'r', at: at(3), outcome: 'killed' } }, 9_999)).toEqual(['kill']);
    expect(steps({ ...claimed, desired: { state: 'killed', reason: 'r', at: at(3), outcome: 'killed' } }, 5)).toEqual(['kill']);
  });

  it('sends inputs in order and answers before them, but holds both while paused', () => {
    const answered: Approval = { ...approval, state: 'answered', answer: { optionId: 'o', decision: 'allow', by: 'admin', at: at(4) } };
    const inputs: Session['pendingInputs'] = [{ inputId: 'inp_1', text: 'a', source: 'user', at: at(3) }, { inputId: 'inp_2', text: 'b', source: 'user', at: at(4) }];
    const busy: Session = { ...running, approvals: [answered], pendingInputs: inputs };

    expect(nextSteps(busy, CALM, T0 + 5_000).map(({ key }) => key))
      .toEqual(['answer:appr_1', 'input:inp_1', 'input:inp_2']);
    expect(steps({ ...busy, state: 'paused', desired: { state: 'paused', reason: '', at: at(5) } }, 6)).toEqual([]);
    expect(steps({ ...busy, approvals: [{ ...answered, delivered: true }], pendingInputs: [] }, 6)).toEqual([]);
  });

  it('pauses, resumes and interrupts as wished', () => {
    expect(steps({ ...running, desired: { state: 'paused', reason: '', at: at(3) } }, 4)).toEqual(['pause']);
    expect(steps({ ...running, state: 'paused' }, 4)).toEqual(['resume']);
    expect(steps({ ...running, interruptRequestedAt: at(3) }, 4)).toEqual(['interrupt']);
    expect(steps({ ...running, interruptRequestedAt: at(3), turn: { ...running.turn, active: false } }, 4)).toEqual([]);
  });

  it('closes an approval at its deadline, except while paused', () => {
    const asking: Session = { ...running, approvals: [approval] };
    expect(steps(asking, 2 + 10 * MINUTE - 1)).toEqual([]);
    expect(steps(asking, 2 + 10 * MINUTE)).toEqual(['expire_approvals']);
    expect(steps({ ...asking, state: 'paused', desired: { state: 'paused', reason: '', at: at(3) } }, 60 * MINUTE)).toEqual([]);
  });

  it('ends a reported session 60 s after the report, if its agent knows turns and works on a task', () => {
    const reported: Session = { ...running, report: { kind: 'completed', message: 'done', at: at(10) }, lastFactAt: at(60) };
    expect(steps(reported, 69)).toEqual([]);
    expect(steps(reported, 70)).toEqual(['end:completed']);
    expect(steps({ ...reported, report: { kind: 'failed', message: 'no', at: at(10) } }, 70)).toEqual(['end:reported_failed']);
    expect(steps({ ...reported, mode: 'interactive' }, 70)).toEqual([]);
    expect(steps({ ...reported, turn: { ...reported.turn, active: false, startedAt: null } }, 70)).toEqual([]);
  });

  it('calls a turn stalled after 10 minutes without a frame, 60 with a tool call open', () => {
    expect(steps(running, 2 + 10 * MINUTE - 1)).toEqual([]);
    expect(steps(running, 2 + 10 * MINUTE)).toEqual(['end:stalled']);
    const tool: Session = { ...running, turn: { ...running.turn, openToolCalls: ['t'] } };
    expect(steps(tool, 2 + 60 * MINUTE - 1)).toEqual([]);
    expect(steps(tool, 2 + 60 * MINUTE)).toEqual(['end:stalled']);
  });

  it.each<[string, Session, number, string]>([
    ['a start that never came to anything', claimed, 60, 'end:start_timeout:kill'],
    ['a placement that nobody claimed', starting, 60, 'end:start_timeout:kill'],
    ['a turn that has stalled', running, 2 + 10 * MINUTE, 'end:stalled'],
    ['a report', { ...running, report: { kind: 'completed', message: 'done', at: at(10) }, lastFactAt: at(60) }, 70, 'end:completed'],
    ['the time to answer an approval', { ...running, approvals: [approval] }, 2 + 10 * MINUTE, 'expire_approvals'],
  ])('ends %s at its own time, however often we were away: later only by what a lease gives those who were kept from speaking', (_what, session, due, end) => {
    const back = (seconds: number): Partial<World> => ({ graceSince: T0 + seconds * 1_000 });
    expect(steps(session, due, back(due - 30))).toEqual([end]);
    expect(steps(session, due + 29, back(due))).not.toContain(end);
    expect(steps(session, due + 30, back(due))).toEqual([end]);
    // Away for hours: nobody was there to hear of it, and nobody could be reached.
    expect(steps(session, 10_000, { connected: false })).not.toContain(end);
    expect(steps(session, 10_000, back(9_990))).not.toContain(end);
  });

  it.each([['an hour on', 3_600], ['ten years on', 10 * 365 * 24 * 3_600], ['an hour back', -3_600]])('takes nothing for old because the clock was set %s', (_how, jump) => {
    const set = 30 + jump;
    const world: Partial<World> = { graceSince: T0 + set * 1_000, clockSetAt: T0 + set * 1_000 };
    const reported: Session = { ...running, report: { kind: 'completed', message: 'done', at: at(10) } };
    for (const session of [claimed, starting, reported]) expect(steps(session, set + 59, world).join()).not.toContain('end');
    expect(steps(running, set + 10 * MINUTE - 1, world)).toEqual([]);
    expect(steps(running, set + 10 * MINUTE, world)).toEqual(['end:stalled']);
    expect(steps({ ...running, approvals: [approval] }, set + 10 * MINUTE - 1, world)).toEqual([]);
  });

  it.each<[string, Partial<Session>, string]>([
    ['what it was about', { activity: 'executing', currentTask: 'Bash: npm test' }, `600 s. Last seen at ${at(2)}: executing (Bash: npm test).`],
    ['a tool call that never ended', { activity: 'executing', turn: { ...running.turn, openToolCalls: ['t'] } }, `3600 s. Last seen at ${at(2)}: executing, with a tool call open.`],
    ['several of them', { activity: 'thinking', turn: { ...running.turn, openToolCalls: ['t', 'u'] } }, `3600 s. Last seen at ${at(2)}: thinking, with 2 tool calls open.`],
    ['nothing, where there was nothing', { lastFactAt: null }, '600 s. It never said a word.'],
  ])('says of a stalled turn what was last seen of it: %s', (_what, change, message) => {
    expect(nextSteps({ ...running, ...change }, CALM, T0 + 61 * MINUTE * 1_000)).toEqual([
      { type: 'end', key: 'end', outcome: 'stalled', message: `Nothing was heard of the agent for ${message}`, kill: false },
    ]);
  });

  it('never calls stalled what is idle, paused, or waits for somebody', () => {
    const day = 24 * 60 * MINUTE;
    expect(steps({ ...running, turn: { ...running.turn, active: false } }, day)).toEqual([]);
    expect(steps({ ...running, needsInput: { active: true, message: 'm', since: at(3), source: 'timeline' } }, day)).toEqual([]);
    expect(steps({ ...running, activity: 'waiting_input' }, day)).toEqual([]);
    expect(steps({ ...running, approvals: [approval] }, 9 * MINUTE)).toEqual([]);
    expect(steps({ ...running, state: 'paused', desired: { state: 'paused', reason: '', at: at(3) } }, day)).toEqual([]);
  });

  it('watches an agent without turns only if its entry says how long', () => {
    const plain: Session = { ...running, turn: { ...running.turn, active: false, startedAt: null } };
    expect(steps(plain, 24 * 60 * MINUTE)).toEqual([]);
    expect(steps(plain, 2 + 29, { stallMs: 30_000 })).toEqual([]);
    expect(steps(plain, 2 + 30, { stallMs: 30_000 })).toEqual(['end:stalled']);
  });

  it('leaves what has ended alone, and looks at everything else', () => {
    for (const state of SESSION_STATES) {
      const lost = steps({ ...claimed, state, transitions: [] }, 9_999, { presence: 'lost', waiting: nowhere });
      expect(lost.length > 0).toBe(state !== 'stopped' && state !== 'error');
    }
  });
});
