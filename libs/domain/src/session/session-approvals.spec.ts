import { ADMIN, AGENT, SessionHarness } from '../testing/session-harness.js';
import { APPROVALS_BYTES_MAX, APPROVALS_OPEN_MAX, APPROVAL_DEADLINE_MS } from '../limits.js';
import { jsonBytes } from '../kernel/text.js';
import type { ApprovalOption } from './session.js';
import type { Actor } from './session-command.js';

const OPTIONS: ApprovalOption[] = [
  { optionId: 'always', name: 'Always', kind: 'allow_always' },
  { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
  { optionId: 'no', name: 'No', kind: 'reject_once' },
];
const asks = (harness: SessionHarness, approvalId = 'appr_1', options = OPTIONS, toolCall: Record<string, unknown> = { title: 'rm -rf build' }) =>
  harness.facts({ type: 'approval_requested', approvalId, title: `May I (${approvalId})?`, toolCall, options });
const running = (fields = {}) => new SessionHarness(fields).run();
const approval = (harness: SessionHarness, id = 'appr_1') => harness.session.approvals.find((candidate) => candidate.id === id)!;
const answer = (harness: SessionHarness, fields: { optionId?: string; decision?: 'allow' | 'deny' }, actor: Actor = ADMIN) =>
  harness.do({ type: 'answer_approval', approvalId: 'appr_1', ...fields, actor });

describe('an approval', () => {
  it('is asked of a person, with ten minutes to answer', () => {
    const harness = running();
    asks(harness);
    const open = approval(harness);
    expect(open).toMatchObject({ state: 'open', sessionId: 'sess_1', runId: 'run_1', options: OPTIONS, delivered: false });
    expect(Date.parse(open.deadline) - Date.parse(open.requestedAt)).toBe(APPROVAL_DEADLINE_MS);
    expect(harness.session.needsInput).toMatchObject({ source: 'approval', message: 'May I (appr_1)?' });
    expect(harness.lastTypes).toEqual(['approval_requested', 'notify:needs_input', 'session:updated']);
  });

  it('still needs somebody when what its agent waited for before has come', () => {
    const harness = running();
    harness.facts({ type: 'activity', activity: 'waiting_input', currentTask: 'Pick a colour' });
    asks(harness);
    harness.facts({ type: 'activity', activity: 'executing' });
    expect(harness.session.needsInput).toMatchObject({ source: 'approval', message: 'May I (appr_1)?' });
  });

  it.each([
    [{ decision: 'allow' as const }, 'yes', 'allow'], [{ decision: 'deny' as const }, 'no', 'deny'],
    [{ optionId: 'always' }, 'always', 'allow'], [{ optionId: 'no' }, 'no', 'deny'],
  ])('is answered by %j with %s', (fields, optionId, decision) => {
    const harness = running();
    asks(harness);
    answer(harness, fields);
    expect(approval(harness)).toMatchObject({ state: 'answered', delivered: false, answer: { optionId, decision, by: 'admin' } });
    expect(harness.session.needsInput).toBeNull();
    expect(harness.lastTypes).toEqual(['approval_resolved', 'session:updated']);
    harness.facts({ type: 'approval_delivered', approvalId: 'appr_1' });
    expect(approval(harness).delivered).toBe(true);
  });

  it('is answered once: the second is told who won', () => {
    const harness = running();
    asks(harness);
    answer(harness, { decision: 'allow' }, { kind: 'user', tokenId: 'tok_1' });
    const before = harness.session;
    expect(() => answer(harness, { decision: 'deny' })).toThrow(expect.objectContaining({
      code: 'APPROVAL_ALREADY_ANSWERED', message: 'user:tok_1 answered first: allow.', details: expect.objectContaining({ by: 'user:tok_1', decision: 'allow', optionId: 'yes' }),
    }));
    expect(harness.session).toBe(before);
  });

  it('refuses answers it does not offer, and any of the agent that asks', () => {
    const harness = running();
    asks(harness);
    for (const fields of [{}, { optionId: 'yes', decision: 'allow' as const }, { optionId: 'maybe' }]) {
      expect(() => answer(harness, fields)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
    }
    expect(() => answer(harness, { decision: 'allow' }, AGENT)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(() => harness.do({ type: 'answer_approval', approvalId: 'appr_9', decision: 'deny', actor: ADMIN })).toThrow(expect.objectContaining({ code: 'APPROVAL_NOT_FOUND' }));
    expect(approval(harness).state).toBe('open');
  });

  it.each([['allow', 'yes', 'allow'], ['deny', 'no', 'deny']] as const)('with permissionMode %s is answered in the commit that asks', (permissionMode, optionId, decision) => {
    const harness = running({ permissionMode });
    asks(harness);
    expect(approval(harness)).toMatchObject({ state: 'answered', answer: { optionId, decision, by: 'policy' } });
    expect(harness.lastTypes).toEqual(['approval_requested', 'approval_resolved']);
    expect(harness.all('notify:needs_input')).toHaveLength(0);
  });

  it('that cannot be allowed by policy is asked of a person; one that cannot be denied is cancelled', () => {
    const allow = running({ permissionMode: 'allow' });
    asks(allow, 'appr_1', [OPTIONS[2]]);
    expect(approval(allow).state).toBe('open');
    const deny = running({ permissionMode: 'deny' });
    asks(deny, 'appr_1', [OPTIONS[1]]);
    expect(approval(deny)).toMatchObject({ state: 'answered', answer: { optionId: null, decision: 'deny' } });
  });

  it('is denied when nobody answered in time, not a moment before', () => {
    const harness = running();
    asks(harness);
    harness.ctx.advance(APPROVAL_DEADLINE_MS - 2_000);
    expect(harness.do({ type: 'expire_approvals' }).changed).toBe(false);
    expect(harness.do({ type: 'expire_approvals' }).changed).toBe(true);
    expect(approval(harness)).toMatchObject({ state: 'expired', answer: { optionId: 'no', decision: 'deny', by: 'deadline' } });
    expect(harness.all('timeline').at(-1)?.data).toMatchObject({ kind: 'error', by: 'system', message: expect.stringMatching(/^Nobody answered in time, so it was denied: /) });
    expect(() => answer(harness, { decision: 'allow' })).toThrow(expect.objectContaining({ code: 'APPROVAL_ALREADY_ANSWERED' }));
  });

  it('is held while the session is paused, and has its whole time again afterwards', () => {
    const harness = running();
    asks(harness);
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.facts({ type: 'paused' });
    harness.ctx.advance(2 * APPROVAL_DEADLINE_MS);
    expect(harness.do({ type: 'expire_approvals' }).changed).toBe(false);
    harness.do({ type: 'resume', reason: '', actor: ADMIN });
    harness.facts({ type: 'resumed' });
    expect(harness.do({ type: 'expire_approvals' }).changed).toBe(false);
    expect(approval(harness).state).toBe('open');
  });

  it('that the agent takes back is cancelled, and nothing is left to deliver', () => {
    const harness = running();
    asks(harness);
    harness.facts({ type: 'approval_withdrawn', approvalId: 'appr_1', reason: 'turn cancelled' });
    expect(approval(harness)).toMatchObject({ state: 'cancelled', delivered: true, answer: { decision: 'cancel', by: 'agent' } });
    expect(harness.session.needsInput).toBeNull();
  });

  it('is cancelled by the end of the session', () => {
    for (const act of [(h: SessionHarness) => h.stop(), (h: SessionHarness) => h.runEnds({ cause: 'crashed' })]) {
      const harness = running();
      asks(harness, 'appr_1');
      asks(harness, 'appr_2');
      act(harness);
      expect(harness.session.approvals.map(({ state, answer: given }) => [state, given!.by])).toEqual([['cancelled', 'system'], ['cancelled', 'system']]);
      expect(harness.last.filter(({ type }) => type === 'approval_resolved')).toHaveLength(2);
      expect(harness.session.needsInput).toBeNull();
    }
  });

  it('of a session that is ending is cancelled at once', () => {
    const harness = running();
    harness.stop();
    asks(harness);
    expect(approval(harness).state).toBe('cancelled');
    expect(harness.session.needsInput).toBeNull();
  });

  it('keeps its episode until the last open one is answered, and an input answers none of them', () => {
    const harness = running();
    asks(harness, 'appr_1');
    asks(harness, 'appr_2');
    harness.do({ type: 'input', inputId: 'inp_x', text: 'hi', source: 'user', actor: ADMIN });
    answer(harness, { decision: 'allow' });
    expect(harness.session.needsInput).toMatchObject({ source: 'approval', message: 'May I (appr_2)?' });
    harness.do({ type: 'answer_approval', approvalId: 'appr_2', decision: 'allow', actor: ADMIN });
    expect(harness.session.needsInput).toBeNull();
    expect(harness.all('notify:needs_input')).toHaveLength(1);
  });

  it('beyond the bound of open ones is denied at once, and the document stays small whatever is asked', () => {
    const harness = running();
    const wide = Array.from({ length: 20 }, (_, i): ApprovalOption => ({ optionId: `o${i}`, name: 'n'.repeat(1_000), kind: 'reject_once' }));
    for (let i = 0; i < APPROVALS_OPEN_MAX; i++) asks(harness, `appr_${i}`, wide, { toolCallId: 'call', rawInput: '"\u0000é'.repeat(20_000) });
    expect(harness.session.approvals.filter(({ state }) => state === 'open')).toHaveLength(APPROVALS_OPEN_MAX);
    asks(harness, 'appr_more', wide);
    expect(approval(harness, 'appr_more')).toMatchObject({ state: 'answered', answer: { decision: 'deny', by: 'policy' } });
    expect(approval(harness, 'appr_0').toolCall).toMatchObject({ toolCallId: 'call', truncated: { field: 'toolCall' } });
    for (let i = 0; i < 50; i++) asks(harness, `appr_late_${i}`, wide, { rawInput: 'x'.repeat(5_000) });
    expect(jsonBytes(harness.session.approvals)).toBeLessThanOrEqual(APPROVALS_BYTES_MAX);
    expect(harness.session.approvals.filter(({ state }) => state === 'open')).toHaveLength(APPROVALS_OPEN_MAX);
  });
});
