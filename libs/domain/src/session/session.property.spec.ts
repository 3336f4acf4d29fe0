import fc from 'fast-check';
import { ADMIN, SessionHarness, deepFreeze, taskNamed } from '../testing/session-harness.js';
import { life, live } from '../testing/session-life.js';
import type { FeedEvent } from '../feed/envelope.js';
import { jsonBytes } from '../kernel/text.js';
import { decide } from './decide.js';
import { evolve } from './evolve.js';
import { handleSession } from './handle-session.js';
import { OUTCOMES } from './outcome.js';
import type { Session } from './session.js';
import { canTransition, isTerminal } from './session-state.js';
import { sessionView, statusOf } from './session-status.js';

/** One document, one event (design §2). */
const ON_THE_WIRE_BYTES_MAX = 256 * 1024;

/** More of them in `npm run test:faults`. */
const RUNS = { numRuns: process.env.ORBITMESH_TEST_FAULTS === '1' ? 1_000 : 100 };
const END_NOTIFICATION = /^notify:session_(completed|failed|stopped)$/;
const count = (events: FeedEvent[], type: RegExp | string): number =>
  events.filter((event) => (typeof type === 'string' ? event.type === type : type.test(event.type))).length;

describe('any sequence of commands', () => {
  it('takes only legal edges, and tells of each of them in one chain', () => {
    fc.assert(fc.property(life, (a) => {
      const { session, events } = live(a);
      let state = 'created';
      for (const { from, to } of session.transitions) {
        expect(from).toBe(state);
        expect(canTransition(from, to)).toBe(true);
        state = to;
      }
      expect(session.state).toBe(state);
      const told = events.filter(({ type }) => type === 'status_change').map(({ data }) => data as { oldState: string; newState: string });
      expect(told.map(({ oldState, newState }) => [oldState, newState])).toEqual(session.transitions.map(({ from, to }) => [from, to]));
    }), RUNS);
  });

  it('leaves an ended session as it ended, and tells of the end exactly once', () => {
    fc.assert(fc.property(life, (a) => {
      const { session, events } = live(a, ({ before, after }) => {
        if (!before || !isTerminal(before)) return;
        const { name, updatedAt, revision } = after; // a name may still be given
        expect({ ...after, name, updatedAt, revision }).toEqual({ ...before, name, updatedAt, revision });
      });
      expect(count(events, END_NOTIFICATION)).toBe(isTerminal(session) ? 1 : 0);
      expect(session.outcome !== null).toBe(isTerminal(session));
      expect(session.endedAt !== null).toBe(isTerminal(session));
    }), RUNS);
  });

  it('calls work completed only on evidence, and never what was killed without a report', () => {
    fc.assert(fc.property(life, (a) => {
      const { session } = live(a);
      if (!isTerminal(session)) return;
      const { code, reported } = session.outcome!;
      if (session.state === 'stopped') expect(statusOf(session)).toBe(OUTCOMES[code].status);
      expect(reported).toBe(session.report !== null);
      if (session.report) expect(statusOf(session)).toBe(session.report.kind === 'completed' ? 'completed' : 'failed');
      if (session.desired.state === 'killed' && !session.report) expect(statusOf(session)).toBe('failed');
      if (session.state === 'error') expect(session.error).not.toBeNull();
    }), RUNS);
  });

  it('asks for somebody once an episode, and leaves nothing open at the end', () => {
    fc.assert(fc.property(life, (a) => {
      const { session } = live(a, ({ before, after, events }) => {
        // Within one commit an episode may begin and end again; it never begins twice without having ended.
        const began = before?.needsInput === null && after.needsInput !== null;
        const told = count(events, 'notify:needs_input');
        if (began) expect(told).toBeGreaterThanOrEqual(1);
        // One that began in the millisecond in which the one before ended cannot be told from it by its time.
        if (before?.needsInput && after.needsInput?.since === before.needsInput.since && after.updatedAt !== before.needsInput.since) expect(told).toBe(0);
        const open = after.approvals.filter(({ state }) => state === 'open');
        if (open.length > 0) expect(after.needsInput).not.toBeNull();
        for (const approval of after.approvals) expect(approval.answer === undefined).toBe(approval.state === 'open');
      });
      if (!isTerminal(session)) return;
      expect(session).toMatchObject({ needsInput: null, pendingInputs: [], waiting: null, turn: { active: false } });
      expect(session.approvals.filter(({ state }) => state === 'open')).toEqual([]);
    }), RUNS);
  });

  it('answers an approval once: what was answered stays so', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, ({ before, after }) => {
        for (const approval of before?.approvals ?? []) {
          if (approval.state === 'open') continue;
          const now = after.approvals.find(({ id }) => id === approval.id);
          if (now) expect({ ...now, delivered: approval.delivered }).toEqual(approval);
        }
      });
    }), RUNS);
  });

  it('takes every fact once and in order', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, ({ before, after, command }) => {
        if (command.type !== 'facts' || !before) return;
        const [was, is] = [before.run!.ackedRunSeq, after.run!.ackedRunSeq];
        expect(is).toBeGreaterThanOrEqual(was);
        const taken = command.facts.filter(({ runSeq }) => runSeq > was && runSeq <= is).map(({ runSeq }) => runSeq);
        expect(taken).toEqual(Array.from({ length: is - was }, (_, i) => was + 1 + i));
      });
    }), RUNS);
  });

  it('updates each entity at most once a commit, last, with what is kept', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, ({ before, after, events, tasks, changed }) => {
        const updates = events.filter(({ type }) => /^(session|task):updated$/.test(type));
        const names = updates.map(({ type, sessionId, taskId }) => `${type} ${sessionId ?? taskId}`);
        expect(new Set(names).size).toBe(names.length);
        expect(events.slice(events.length - updates.length)).toEqual(updates);
        for (const { type, taskId, data } of updates) {
          expect(data).toEqual(type === 'session:updated' ? sessionView(after) : tasks.find(({ id }) => id === taskId));
        }
        if (before) expect(after.revision).toBe(before.revision + (changed ? 1 : 0));
        if (!changed) expect(after).toBe(before);
        if (isTerminal(after)) for (const task of tasks) expect(['completed', 'failed', 'skipped']).toContain(task.taskSessionStatuses[after.id]);
        for (const { projectId, data } of events) {
          expect(projectId).toBe('proj_1');
          expect(data).toBeDefined();
        }
      });
    }), RUNS);
  });

  it('is the fold of its changes', () => {
    fc.assert(fc.property(life, (a) => {
      const ctx = () => ({ now: '2025-03-03T00:00:00.000Z', newId: (kind: string) => `${kind}_id` });
      live(a, ({ before, command }) => {
        const changes = decide(before, command, ctx());
        const folded = changes.reduce<Session | null>((session, change) => evolve(deepFreeze(session), change), before);
        expect(folded).toEqual(handleSession(before, command, ctx(), [taskNamed('task_1'), taskNamed('task_2')]).session);
      });
    }), RUNS);
  });

  it('makes the same bytes again with the same commands, clock and ids', () => {
    fc.assert(fc.property(life, (a) => {
      const [one, other] = [live(a), live(a)];
      expect(JSON.stringify(one.events)).toBe(JSON.stringify(other.events));
      expect(JSON.stringify(one.session)).toBe(JSON.stringify(other.session));
    }), { numRuns: 50 });
  });
});

describe('the largest legal session', () => {
  it('still fits its document and its event, and can end', () => {
    const harness = new SessionHarness({ name: 'n'.repeat(42 * 1024) }).run();
    const wide = '"'.repeat(5_000);
    for (let i = 0; i < 60; i++) {
      harness.do({ type: 'pause', reason: wide, actor: ADMIN });
      harness.facts({ type: 'paused' });
      harness.do({ type: 'resume', reason: wide, actor: ADMIN });
      harness.facts({ type: 'resumed' });
    }
    for (let i = 0; i < 40; i++) {
      const options = Array.from({ length: 20 }, (_, n) => ({ optionId: `${n}`.padEnd(126, 'o'), name: wide, kind: 'reject_once' as const }));
      harness.facts({ type: 'approval_requested', approvalId: `appr_${i}`.padEnd(64, 'a'), title: wide, toolCall: { rawInput: wide, title: wide, toolCallId: wide }, options });
      harness.facts({ type: 'tool_call', toolCallId: `${i}${wide}`, status: 'in_progress' });
    }
    harness.do({ type: 'input', inputId: 'inp_x', text: 'x'.repeat(100_000), source: 'user', actor: ADMIN });
    harness.facts({ type: 'error', code: wide, message: wide }, { type: 'activity', activity: 'executing', currentTask: wide });
    harness.report('completed', wide);
    expect(jsonBytes(harness.session)).toBeGreaterThan(200 * 1024);
    expect(jsonBytes(harness.session)).toBeLessThanOrEqual(ON_THE_WIRE_BYTES_MAX);
    harness.runEnds({ cause: 'crashed', message: wide });
    expect(jsonBytes(harness.session)).toBeLessThanOrEqual(ON_THE_WIRE_BYTES_MAX);
    for (const event of harness.events) expect(jsonBytes(event)).toBeLessThanOrEqual(ON_THE_WIRE_BYTES_MAX);
  });
});
