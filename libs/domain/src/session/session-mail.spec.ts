import { ADMIN, AGENT, SessionHarness } from '../testing/session-harness.js';
import { jsonBytes } from '../kernel/text.js';
import { MAILBOX_MAX, MAIL_BODY_BYTES_MAX, PENDING_INPUTS_BYTES_MAX } from '../limits.js';
import { readMail } from '../work/mail-commands.js';
import type { Mail } from '../work/mail.js';
import { NUDGE } from './prompt.js';

const interactive = () => new SessionHarness({ mode: 'interactive' }).run();
const inTask = (fields = {}) => new SessionHarness(fields).run();
const onItsWay = ({ session }: SessionHarness) => session.pendingInputs.filter(({ source }) => source === 'mail');
const deliver = (harness: SessionHarness) => harness.do({ type: 'deliver_mail' });
/** The runner has said the newest input to the agent, which begins a turn with it. */
const taken = (harness: SessionHarness) => {
  const { inputId } = harness.session.pendingInputs[0];
  return harness.facts({ type: 'turn_started', inputId }, { type: 'input_delivered', inputId });
};
const byInput = ({ id }: Mail, harness: SessionHarness) => harness.mail(id).deliveredBy === 'input';

describe('mail that waits when a turn ends in order', () => {
  it('becomes one input that says all of it, oldest first', () => {
    const harness = interactive();
    const one = harness.gets({ subject: 'First', body: '  Which database?\n' });
    const other = harness.gets({ fromSessionId: null, fromName: 'admin', type: 'status_update', body: 'Half done.', priority: 'high' });
    harness.turnEnds();
    const [input] = onItsWay(harness);
    expect(onItsWay(harness)).toHaveLength(1);
    expect(input).toMatchObject({ source: 'mail', mailIds: [one.id, other.id] });
    expect(input.text).toBe([
      'You have 2 mails.', '',
      '## First', '', `From Other (session \`sess_other\`); query; \`${one.id}\`.`, '', 'Which database?', '',
      '## status update', '', `From admin; status update, high priority; \`${other.id}\`.`, '', 'Half done.', '',
      'Answer with `orbitmesh mail reply <its id> "<your answer>"` where one is wanted, and say with `orbitmesh mail read <its id>` that you have read it. Then go on with your work.',
    ].join('\n'));
    expect(harness.last.find(({ type }) => type === 'input')!.data).toMatchObject({ inputId: input.inputId, source: 'mail', by: 'mail', mailIds: [one.id, other.id] });
  });

  it('alone is told how to be answered by its own id', () => {
    const harness = interactive();
    const { id } = harness.gets();
    harness.turnEnds();
    expect(onItsWay(harness)[0].text).toMatch(new RegExp(`^You have mail\\.[^]*mail reply ${id} [^]*mail read ${id}`));
  });

  it('is delivered when the agent has it, not when its turn is only about to begin', () => {
    const harness = interactive();
    const mails = [harness.gets(), harness.gets()];
    harness.turnEnds();
    const { inputId } = onItsWay(harness)[0];
    expect(mails.map(({ id }) => harness.mail(id).state)).toEqual(['queued', 'queued']);
    harness.facts({ type: 'turn_started', inputId });
    expect(mails.map(({ id }) => harness.mail(id).state)).toEqual(['queued', 'queued']);
    expect(onItsWay(harness)).toHaveLength(1);
    harness.facts({ type: 'input_delivered', inputId });
    expect(onItsWay(harness)).toEqual([]);
    expect(mails.map(({ id }) => harness.mail(id))).toMatchObject([{ state: 'delivered', deliveredBy: 'input', deliveredAt: harness.ctx.now, revision: 2 }, { state: 'delivered' }]);
    expect(harness.all('mail:delivered').map(({ sessionId, data }) => [sessionId, (data as Mail).id])).toEqual(mails.map(({ id }) => ['sess_1', id]));
    harness.facts({ type: 'input_delivered', inputId });
    expect(harness.all('mail:delivered')).toHaveLength(2);
  });

  it('that did not reach the agent stays queued, and is said again', () => {
    const harness = interactive();
    const mail = harness.gets();
    harness.turnEnds();
    const [first] = onItsWay(harness);
    harness.facts({ type: 'input_failed', inputId: first.inputId, reason: 'stdin is full' });
    expect(harness.mail(mail.id)).toBe(mail);
    expect(harness.all('mail:delivered')).toEqual([]);
    expect(deliver(harness).changed).toBe(true);
    expect(onItsWay(harness)).toMatchObject([{ mailIds: [mail.id] }]);
    expect(onItsWay(harness)[0].inputId).not.toBe(first.inputId);
    taken(harness);
    expect(byInput(mail, harness)).toBe(true);
  });

  it('is not said twice while it is on its way', () => {
    const harness = interactive();
    const first = harness.gets();
    harness.turnEnds();
    expect(deliver(harness).changed).toBe(false);
    const second = harness.gets();
    expect(deliver(harness).changed).toBe(true);
    expect(onItsWay(harness).map(({ mailIds }) => mailIds)).toEqual([[first.id], [second.id]]);
    expect(deliver(harness).changed).toBe(false);
  });

  it('follows after the next turn as far as it does not fit into one input', () => {
    const harness = interactive();
    const body = 'x'.repeat(MAIL_BODY_BYTES_MAX - 2);
    const mails = [harness.gets({ body }), harness.gets({ body }), harness.gets({ body: 'short' })];
    harness.turnEnds();
    expect(onItsWay(harness).map(({ mailIds }) => mailIds)).toEqual([[mails[0].id]]);
    taken(harness);
    harness.turnEnds();
    expect(onItsWay(harness).map(({ mailIds }) => mailIds)).toEqual([[mails[1].id, mails[2].id]]);
    taken(harness);
    expect(mails.map((mail) => byInput(mail, harness))).toEqual([true, true, true]);
  });

  it('of a full mailbox is put together without reading it again and again, within what may be on its way', () => {
    const harness = interactive();
    const mails = Array.from({ length: MAILBOX_MAX }, (_, n) => harness.gets({ body: `"${n}"` }));
    let reads = 0;
    harness.mails = mails.map((mail) => ({ ...mail, get body() { reads += 1; return mail.body; } }));
    harness.turnEnds();
    // Each try written anew would be a million reads: seconds in which nobody else is answered.
    expect(reads).toBeLessThan(10 * MAILBOX_MAX);
    const { mailIds = [] } = onItsWay(harness)[0];
    expect(mailIds).toEqual(mails.slice(0, mailIds.length).map(({ id }) => id));
    expect(jsonBytes(harness.session.pendingInputs)).toBeLessThanOrEqual(PENDING_INPUTS_BYTES_MAX);
    expect(jsonBytes(harness.session.pendingInputs)).toBeGreaterThan(PENDING_INPUTS_BYTES_MAX * 0.7);
    taken(harness);
    expect(harness.queued).toHaveLength(MAILBOX_MAX - mailIds.length);
  });

  it('that somebody read, or deleted, while it was on its way is not delivered any more', () => {
    const harness = interactive();
    const [read, gone] = [harness.gets(), harness.gets()];
    harness.turnEnds();
    harness.mails = [readMail(read, harness.ctx).doc];
    taken(harness);
    expect(harness.mail(read.id)).toMatchObject({ state: 'read', deliveredBy: null });
    expect(harness.mail(gone.id)).toBeUndefined();
    expect(harness.all('mail:delivered')).toEqual([]);
  });
});

describe('mail is not said to an agent', () => {
  const withMail = (harness: SessionHarness) => { harness.gets(); return harness; };
  const idle = () => { const harness = interactive(); harness.turnEnds(); return harness; };
  const pausing = (harness: SessionHarness) => { harness.do({ type: 'pause', reason: '', actor: ADMIN }); return harness; };

  it.each(['cancelled', 'error', 'refusal', 'max_tokens', 'max_turn_requests'] as const)('after a turn that ended with %s', (stopReason) => {
    const harness = withMail(interactive());
    harness.turnEnds(stopReason);
    deliver(harness);
    expect(onItsWay(harness)).toEqual([]);
    harness.facts({ type: 'turn_started' });
    harness.turnEnds();
    expect(onItsWay(harness)).toHaveLength(1);
  });

  const never: [string, () => SessionHarness][] = [
    ['that is not there yet', () => new SessionHarness()],
    ['before its first turn', () => new SessionHarness({ mode: 'interactive' }).run({ turn: false })],
    ['in the middle of a turn', interactive],
    ['that is to pause', () => pausing(idle())],
    ['that is paused', () => { const harness = pausing(idle()); harness.facts({ type: 'paused' }); return harness; }],
    ['that is to resume and has not yet', () => {
      const harness = pausing(idle());
      harness.facts({ type: 'paused' });
      harness.do({ type: 'resume', reason: '', actor: ADMIN });
      return harness;
    }],
    ['that is to end', () => { const harness = idle(); harness.stop(); return harness; }],
    ['that has ended', () => { const harness = idle(); harness.stop(); harness.runEnds(); return harness; }],
    ['that has reported in mode task', () => { const harness = inTask(); harness.report('completed'); return harness; }],
  ];
  it.each(never)('%s', (_name, start) => {
    const harness = withMail(start());
    const before = harness.session;
    expect(deliver(harness)).toMatchObject({ changed: false, mails: [], events: [] });
    expect(harness.session).toBe(before);
  });

  it('whose reported task ends with this turn', () => {
    const harness = withMail(inTask());
    harness.report('completed');
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'stopping', pendingInputs: [] });
    harness.runEnds();
    expect(harness.queued).toHaveLength(1);
  });

  it('that ends before it has taken it', () => {
    const harness = withMail(interactive());
    harness.turnEnds();
    harness.runEnds({ cause: 'crashed' });
    expect(harness.session.pendingInputs).toEqual([]);
    expect(harness.queued).toHaveLength(1);
    expect(harness.all('mail:delivered')).toEqual([]);
  });

  it('unless there is any', () => {
    expect(deliver(idle()).changed).toBe(false);
  });
});

describe('mail in mode task', () => {
  it('that waits is given instead of the question for a report', () => {
    const harness = inTask();
    const { id } = harness.gets();
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: false, pendingInputs: [{ source: 'mail', mailIds: [id] }] });
  });

  it('keeps a session from being finished, and its silent end afterwards still finishes it', () => {
    const harness = inTask();
    harness.turnEnds();
    expect(harness.session.pendingInputs).toMatchObject([{ text: NUDGE }]);
    harness.facts({ type: 'turn_started', inputId: harness.session.pendingInputs[0].inputId });
    harness.gets();
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', desired: { state: 'running' }, pendingInputs: [{ source: 'mail' }] });
    taken(harness);
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', nudged: true, pendingInputs: [{ text: NUDGE }] });
    taken(harness);
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'stopping', desired: { outcome: 'finished' } });
  });

  it('that waits for a pause to be over keeps it from being finished, too', () => {
    const harness = inTask();
    harness.turnEnds();
    taken(harness);
    const { id } = harness.gets();
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', desired: { state: 'paused' }, pendingInputs: [{ text: NUDGE }] });
    harness.facts({ type: 'paused' });
    harness.do({ type: 'resume', reason: '', actor: ADMIN });
    harness.facts({ type: 'resumed' });
    deliver(harness);
    expect(harness.session.pendingInputs).toMatchObject([{ text: NUDGE }, { mailIds: [id] }]);
  });

  it('that comes while the question for a report is on its way is said after it', () => {
    const harness = inTask();
    harness.turnEnds();
    harness.gets();
    deliver(harness);
    expect(harness.session.pendingInputs.map(({ source }) => source)).toEqual(['system', 'mail']);
    taken(harness);
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', pendingInputs: [{ source: 'mail' }] });
    taken(harness);
    harness.report('completed');
    harness.turnEnds();
    harness.runEnds();
    expect(harness.session.outcome).toMatchObject({ code: 'completed' });
    expect(harness.queued).toEqual([]);
  });

  it('keeps an interactive session that has it on its way from counting as idle', () => {
    const harness = interactive();
    harness.gets();
    harness.turnEnds();
    harness.stop();
    expect(harness.session.desired.outcome).toBe('stopped_by_user');
  });
});

describe('a session that needs input', () => {
  const asking = () => {
    const harness = inTask({ parent: { sessionId: 'sess_parent', rootSessionId: 'sess_parent' } });
    harness.do({ type: 'timeline', kind: 'needs_input', message: 'A or B?', actor: AGENT });
    harness.turnEnds();
    return harness;
  };

  it.each([['its parent', 'sess_parent'], ['a person', null]])('is answered by mail of %s, in the commit that says it', (_who, fromSessionId) => {
    const harness = asking();
    harness.gets({ fromSessionId, body: 'B.' });
    deliver(harness);
    expect(harness.session).toMatchObject({ needsInput: null, pendingInputs: [{ source: 'mail' }] });
    taken(harness);
    harness.turnEnds();
    expect(harness.session.pendingInputs).toMatchObject([{ text: NUDGE }]);
  });

  it('is not answered by mail of a stranger, and goes on waiting when it has read that', () => {
    const harness = asking();
    harness.gets({ fromSessionId: 'sess_stranger' });
    deliver(harness);
    expect(harness.session).toMatchObject({ needsInput: { message: 'A or B?' }, pendingInputs: [{ source: 'mail' }] });
    taken(harness);
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', needsInput: { message: 'A or B?' }, pendingInputs: [], nudged: false });
    harness.gets({ fromSessionId: 'sess_stranger' });
    harness.gets({ fromSessionId: 'sess_parent' });
    deliver(harness);
    expect(harness.session.needsInput).toBeNull();
  });

  it('is not answered by what was sent before it asked', () => {
    const harness = inTask({ parent: { sessionId: 'sess_parent', rootSessionId: 'sess_parent' } });
    harness.gets({ fromSessionId: 'sess_parent', body: 'By the way.' });
    harness.do({ type: 'timeline', kind: 'needs_input', message: 'A or B?', actor: AGENT });
    harness.turnEnds();
    expect(harness.session).toMatchObject({ needsInput: { message: 'A or B?' }, pendingInputs: [{ source: 'mail' }] });
    taken(harness);
    harness.turnEnds();
    expect(harness.session).toMatchObject({ state: 'running', needsInput: { message: 'A or B?' }, nudged: false });
  });

  it('without a parent is not answered by just any session', () => {
    const harness = inTask();
    harness.do({ type: 'timeline', kind: 'needs_input', message: 'A or B?', actor: AGENT });
    harness.gets();
    harness.turnEnds();
    expect(harness.session).toMatchObject({ needsInput: { message: 'A or B?' }, pendingInputs: [{ source: 'mail' }] });
  });
});
