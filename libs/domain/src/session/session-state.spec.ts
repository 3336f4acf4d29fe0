import { SessionHarness } from '../testing/session-harness.js';
import { InvalidTransitionError, SESSION_STATES, SESSION_TRANSITIONS, canTransition, isTerminal } from './session-state.js';
import type { SessionState } from './session-state.js';
import { transition } from './transition.js';
import { TRANSITIONS_BYTES_MAX, TRANSITIONS_MAX } from '../limits.js';
import { jsonBytes } from '../kernel/text.js';

/** Typed in from the specification, not taken from the code. */
const SPEC = `
created → starting
starting → running | error
running → paused | stopping | error
paused → running | stopping
stopping → stopped | error
error → stopping`;

const edges = new Set(SPEC.trim().split('\n').flatMap((line) => {
  const [from, targets] = line.split(' → ');
  return targets.split(' | ').map((to) => `${from} ${to}`);
}));

const pairs = SESSION_STATES.flatMap((from) => SESSION_STATES.map((to) => [from, to] as const));
const inState = (state: SessionState) => ({ ...new SessionHarness().session, state });

describe('the state machine', () => {
  it('has exactly the 11 edges of the specification', () => {
    expect(edges.size).toBe(11);
    expect(Object.values(SESSION_TRANSITIONS).flat()).toHaveLength(11);
    expect(pairs).toHaveLength(49);
  });

  it.each(pairs)('%s → %s is allowed exactly when the specification says so', (from, to) => {
    const session = Object.freeze(inState(from));
    expect(canTransition(from, to)).toBe(edges.has(`${from} ${to}`));
    if (canTransition(from, to)) {
      const next = transition(session, to, 'because', '2025-02-02T00:00:00.000Z');
      expect(next.state).toBe(to);
      expect(next.transitions).toEqual([{ from, to, reason: 'because', at: '2025-02-02T00:00:00.000Z' }]);
    } else {
      const refused = () => transition(session, to, 'because');
      expect(refused).toThrow(InvalidTransitionError);
      expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_TRANSITION', details: { from, to, allowed: [...SESSION_TRANSITIONS[from]] } }));
    }
    expect(session.state).toBe(from);
    expect(session.transitions).toEqual([]);
  });

  it('rests in stopped and in error', () => {
    expect(SESSION_STATES.filter((state) => isTerminal(state))).toEqual(['stopped', 'error']);
  });

  it('keeps the newest transitions, contiguous, and counts those that made room', () => {
    let session = inState('running');
    for (let i = 0; i < TRANSITIONS_MAX; i++) session = transition(transition(session, 'paused', `pause ${i}`), 'running', 'x'.repeat(5_000));
    expect(session.transitions.length + session.transitionsDropped).toBe(2 * TRANSITIONS_MAX);
    expect(session.transitionsDropped).toBeGreaterThan(0);
    expect(jsonBytes(session.transitions)).toBeLessThanOrEqual(TRANSITIONS_BYTES_MAX);
    expect(session.transitions.at(-1)!.reason.endsWith('…')).toBe(true);
    session.transitions.slice(1).forEach((step, i) => expect(step.from).toBe(session.transitions[i].to));
  });
});
