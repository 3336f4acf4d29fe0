import { FakeContext, deepFreeze } from '../testing/session-harness.js';
import { jsonBytes } from '../kernel/text.js';
import { MAIL_BODY_BYTES_MAX, MAIL_RECIPIENTS_MAX, MAIL_SENDING_BYTES_MAX, SUBJECT_BYTES_MAX } from '../limits.js';
import {
  createBroadcast, createMail, deliverMailTo, forwardMail, isWaitingFor, mailDeleted, readMail, replySubject, type Addressee, type Letter,
} from './mail-commands.js';
import type { Mail } from './mail.js';

const letter = (fields: Partial<Letter> = {}): Letter =>
  ({ fromSessionId: 'sess_a', fromName: 'Ada', type: 'query', subject: 'Which database?', body: 'A or B?', priority: 'normal', ...fields });
const TO: Addressee = { projectId: 'proj_1', sessionId: 'sess_b' };
const sent = (fields: Partial<Letter> = {}, to = TO): Mail => deepFreeze(createMail(letter(fields), to, null, new FakeContext()).doc);
const later = () => new FakeContext().advance(1_000);

describe('a mail', () => {
  it('begins a thread of its own, queued, and is told with its recipient\'s session', () => {
    const ctx = new FakeContext();
    const { doc, events } = createMail(letter(), TO, null, ctx);
    expect(doc).toEqual({
      id: 'mail_1', projectId: 'proj_1', fromSessionId: 'sess_a', fromName: 'Ada', toSessionId: 'sess_b', broadcastId: null, type: 'query', subject: 'Which database?',
      body: 'A or B?', priority: 'normal', threadId: 'mail_1', replyToMailId: null, state: 'queued', deliveredBy: null, deliveredAt: null, readAt: null,
      createdAt: ctx.now, updatedAt: ctx.now, revision: 1,
    });
    expect(events).toEqual([{ type: 'mail:received', timestamp: ctx.now, projectId: 'proj_1', sessionId: 'sess_b', data: doc }]);
  });

  it('as an answer stays in the thread, and names what it answers', () => {
    const ctx = new FakeContext();
    const first = createMail(letter(), TO, null, ctx).doc;
    const answer = createMail(letter({ fromSessionId: 'sess_b' }), { projectId: 'proj_1', sessionId: 'sess_a' }, first, ctx).doc;
    const again = createMail(letter(), TO, answer, ctx).doc;
    expect([answer, again].map(({ threadId, replyToMailId }) => [threadId, replyToMailId])).toEqual([['mail_1', 'mail_1'], ['mail_1', 'mail_2']]);
  });

  it('to people is told without a session', () => {
    const { events } = createMail(letter(), { projectId: 'proj_1', sessionId: null }, null, new FakeContext());
    expect(events).toMatchObject([{ type: 'mail:received', projectId: 'proj_1', data: { toSessionId: null } }]);
    expect(events[0]).not.toHaveProperty('sessionId');
  });

  it('is as long as the bound, in bytes of JSON, and no longer', () => {
    const longest = 'é'.repeat((MAIL_BODY_BYTES_MAX - 2) / 2);
    expect(jsonBytes(sent({ body: longest }).body)).toBe(MAIL_BODY_BYTES_MAX);
    const tooLarge = expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE', details: expect.objectContaining({ max: MAIL_BODY_BYTES_MAX }) });
    expect(() => sent({ body: `${longest}x` })).toThrow(tooLarge);
    expect(() => sent({ body: '\u0001'.repeat(MAIL_BODY_BYTES_MAX / 5) })).toThrow(tooLarge);
    expect(() => createBroadcast(letter({ body: `${longest}x` }), [], new FakeContext())).toThrow(tooLarge);
  });
});

describe('the way of a mail', () => {
  it('is delivered once, by the first who brings it', () => {
    const ctx = later();
    const { doc, events } = deliverMailTo(sent(), 'wait', ctx);
    expect(doc).toEqual({ ...sent(), state: 'delivered', deliveredBy: 'wait', deliveredAt: ctx.now, updatedAt: ctx.now, revision: 2 });
    expect(events).toEqual([{ type: 'mail:delivered', timestamp: ctx.now, projectId: 'proj_1', sessionId: 'sess_b', data: doc }]);
    expect(deliverMailTo(deepFreeze(doc), 'input', ctx)).toEqual({ doc, events: [] });
  });

  it('is read once, and what was read is not delivered again', () => {
    const ctx = later();
    const delivered = deepFreeze(deliverMailTo(sent(), 'input', ctx).doc);
    const { doc, events } = readMail(delivered, ctx.advance(1_000));
    expect(doc).toEqual({ ...delivered, state: 'read', readAt: ctx.now, updatedAt: ctx.now, revision: 3 });
    expect(events.map(({ type, data }) => [type, data])).toEqual([['mail:read', doc]]);
    expect(readMail(deepFreeze(doc), ctx)).toEqual({ doc, events: [] });
    expect(deliverMailTo(doc, 'wait', ctx)).toEqual({ doc, events: [] });
  });

  it('may be read before it was delivered: then it came by being read', () => {
    const ctx = later();
    expect(readMail(sent(), ctx).doc).toMatchObject({ state: 'read', deliveredBy: null, deliveredAt: ctx.now, readAt: ctx.now });
  });

  it('goes on to a session that continues its recipient, and is told there', () => {
    const { doc, events } = forwardMail(sent(), 'sess_c', later());
    expect(doc).toMatchObject({ id: 'mail_1', toSessionId: 'sess_c', state: 'queued', revision: 2 });
    expect(events).toMatchObject([{ type: 'mail:received', sessionId: 'sess_c', data: { id: 'mail_1', toSessionId: 'sess_c' } }]);
  });

  it('ends with who it was between', () => {
    expect(mailDeleted(sent(), later())).toEqual({
      type: 'mail:deleted', timestamp: later().now, projectId: 'proj_1', sessionId: 'sess_b',
      data: { id: 'mail_1', projectId: 'proj_1', fromSessionId: 'sess_a', toSessionId: 'sess_b', threadId: 'mail_1' },
    });
  });

  it('is waited for by its state; unread is all that was not read', () => {
    const queued = sent();
    const delivered = deliverMailTo(queued, 'wait', later()).doc;
    const read = readMail(queued, later()).doc;
    const all = [queued, delivered, read];
    const waiting = (state: Parameters<typeof isWaitingFor>[1]) => all.filter((mail) => isWaitingFor(mail, state));
    expect(waiting('unread')).toEqual([queued, delivered]);
    expect([waiting('queued'), waiting('delivered'), waiting('read')]).toEqual([[queued], [delivered], [read]]);
  });
});

describe('a broadcast', () => {
  const audience = (n: number): Addressee[] => Array.from({ length: n }, (_, i) => ({ projectId: `proj_${i}`, sessionId: `sess_${i}` }));

  it('is a mail each, in one thread, told to each recipient alone', () => {
    const { broadcast, mails, events } = createBroadcast(letter({ type: 'directive' }), audience(3), new FakeContext());
    expect(broadcast).toEqual({
      broadcastId: 'bc_1', threadId: 'bc_1', type: 'directive',
      recipients: [{ mailId: 'mail_2', toSessionId: 'sess_0' }, { mailId: 'mail_3', toSessionId: 'sess_1' }, { mailId: 'mail_4', toSessionId: 'sess_2' }],
      full: [],
    });
    expect(mails.map((mail) => [mail.id, mail.projectId, mail.toSessionId, mail.broadcastId, mail.threadId, mail.replyToMailId])).toEqual([0, 1, 2].map((i) =>
      [`mail_${i + 2}`, `proj_${i}`, `sess_${i}`, 'bc_1', 'bc_1', null]));
    expect(events.map(({ type, sessionId, projectId, data }) => [type, sessionId, projectId, data])).toEqual(mails.map((mail) =>
      ['mail:received', mail.toSessionId, mail.projectId, mail]));
  });

  it('to nobody is no mail, and no mistake', () => {
    expect(createBroadcast(letter(), [], new FakeContext())).toEqual({
      broadcast: { broadcastId: 'bc_1', threadId: 'bc_1', type: 'query', recipients: [], full: [] }, mails: [], events: [],
    });
  });

  it('has no more recipients, and no more text for all of them, than one commit can hold', () => {
    const tooMany = expect.objectContaining({ code: 'LIMIT_REACHED' });
    expect(createBroadcast(letter(), audience(MAIL_RECIPIENTS_MAX), new FakeContext()).mails).toHaveLength(MAIL_RECIPIENTS_MAX);
    expect(() => createBroadcast(letter(), audience(MAIL_RECIPIENTS_MAX + 1), new FakeContext())).toThrow(tooMany);
    const body = 'x'.repeat(MAIL_BODY_BYTES_MAX - 2);
    const most = MAIL_SENDING_BYTES_MAX / MAIL_BODY_BYTES_MAX;
    expect(createBroadcast(letter({ body }), audience(most), new FakeContext()).mails).toHaveLength(most);
    expect(() => createBroadcast(letter({ body }), audience(most + 1), new FakeContext())).toThrow(tooMany);
  });
});

describe('the subject of an answer', () => {
  it.each([['Which database?', 'Re: Which database?'], ['Re: Which database?', 'Re: Which database?'], ['RE: x', 'RE: x'], ['', 'Re:']])('to "%s" is "%s"', (subject, expected) => {
    expect(replySubject(subject)).toBe(expected);
  });

  it('is cut where it would grow too long', () => {
    const subject = replySubject('ö'.repeat(SUBJECT_BYTES_MAX));
    expect(subject).toMatch(/^Re: ö+…$/);
    expect(jsonBytes(subject) - 2).toBeLessThanOrEqual(SUBJECT_BYTES_MAX);
  });
});
