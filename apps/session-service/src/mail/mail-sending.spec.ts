import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MAILBOX_MAX, MAIL_BODY_BYTES_MAX, PEOPLE_MAILBOX_MAX, QUEUED_MAIL_CHARS_MAX, type ErrorCode, type Mail, type MailBroadcast } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type SendMailBody } from '@orbitmesh/contracts';
import { Commands } from '../commands/commands.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { inFull } from '@orbitmesh/testing';
import { traceOf } from '../testing/trace.js';

type More = Partial<CommandMeta>;

describe('sending mail', () => {
  let service: TestService;
  let projectId: string;
  let otherId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    otherId = (await service.project('/work/other', 'Other')).id;
  });
  afterEach(() => service.remove());

  const send = async (body: Omit<SendMailBody, 'body'> & { body?: string }, more: More = {}) => service.call(SessionRpc.sendMail, { body: { body: 'words', ...body }, meta: meta(more) });
  const mail = async (body: Omit<SendMailBody, 'body'> & { body?: string }, more: More = {}) => (await send(body, more)).body as Mail;
  const recipients = async (to: NonNullable<SendMailBody['to']>, more: More & { from?: string } = {}) => {
    const { from, ...rest } = more;
    return ((await send({ to, ...(from && { fromSessionId: from }) }, rest)).body as MailBroadcast).recipients.map(({ toSessionId }) => toSessionId);
  };
  const session = async (more: object = {}, as: More = {}) => (await service.spawn({ projectId, ...more }, as)).id;
  const stop = (id: string) => service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };
  const member = async (name: string, of: string | null = projectId) => (await service.call(SessionRpc.createTeamMember, { body: { name, projectId: of }, meta: meta() })).body.id;

  it('to one session is one queued mail and one event of its recipient', async () => {
    const [a, b] = [await session({ name: 'A' }), await session()];
    const cursor = service.store.head().cursor;

    const reply = await send({ toSessionId: b, fromSessionId: a, type: 'query', subject: 'DB?', body: 'A or B?', priority: 'high' });

    expect(reply).toMatchObject({
      status: 201,
      body: { projectId, fromSessionId: a, fromName: 'A', toSessionId: b, type: 'query', subject: 'DB?', body: 'A or B?', priority: 'high', state: 'queued', replyToMailId: null, broadcastId: null, revision: 1 },
    });
    const { id, threadId } = reply.body as Mail;
    expect(threadId).toBe(id);
    expect(await service.call(SessionRpc.getMail, { id })).toEqual(reply.body);
    expect((await service.events(cursor)).map(({ type, sessionId, projectId: of, data }) => [type, sessionId, of, data])).toEqual([['mail:received', b, projectId, reply.body]]);
  });

  it('is a directive of a person, with no subject, unless it says otherwise', async () => {
    const to = await session();
    expect(await mail({ to: { kind: 'session', id: to } }, { actor: { kind: 'user', tokenId: 'tok_7' } })).toMatchObject({
      fromSessionId: null, fromName: 'user:tok_7', toSessionId: to, type: 'directive', subject: '', priority: 'normal',
    });
  });

  it('comes from the member that its sender works as', async () => {
    const ada = await member('Ada');
    const [from, to] = [await session({ teamMemberId: ada, name: 'Session' }), await session()];
    expect((await mail({ toSessionId: to, fromSessionId: from })).fromName).toBe('Ada');
  });

  it('answers who wrote, stays in the thread, and goes on from one\'s own', async () => {
    const [a, b] = [await session({ name: 'A' }), await session({ name: 'B' })];
    const asked = await mail({ toSessionId: b, fromSessionId: a, subject: 'DB?', priority: 'high' });
    const answer = await mail({ replyToMailId: asked.id }, agent(b));
    expect(answer).toMatchObject({ fromSessionId: b, toSessionId: a, type: 'response', subject: 'Re: DB?', priority: 'high', threadId: asked.id, replyToMailId: asked.id });
    expect(await mail({ replyToMailId: answer.id, subject: 'Other', type: 'status_update', priority: 'low' }, agent(b))).toMatchObject({
      fromSessionId: b, toSessionId: a, type: 'status_update', subject: 'Other', priority: 'low', threadId: asked.id,
    });
    expect(await mail({ replyToMailId: answer.id }, agent(a))).toMatchObject({ fromSessionId: a, toSessionId: b, subject: 'Re: DB?' });
    expect(await mail({ replyToMailId: asked.id })).toMatchObject({ fromSessionId: null, toSessionId: a });
  });

  it('to a person who wrote is for people, of that project, and they answer back', async () => {
    const a = await session();
    const asked = await mail({ toSessionId: a, subject: 'How far?' });
    const cursor = service.store.head().cursor;
    const answer = await mail({ replyToMailId: asked.id }, agent(a));
    expect(answer).toMatchObject({ projectId, fromSessionId: a, toSessionId: null, subject: 'Re: How far?', threadId: asked.id });
    expect((await service.events(cursor)).map(({ type, sessionId, projectId: of }) => [type, sessionId, of])).toEqual([['mail:received', undefined, projectId]]);
    expect(await mail({ replyToMailId: answer.id })).toMatchObject({ fromSessionId: null, toSessionId: a, threadId: asked.id });
    expect(await mail({ replyToMailId: asked.id })).toMatchObject({ fromSessionId: null, toSessionId: a });
    expect(await mail({ replyToMailId: answer.id }, agent(a))).toMatchObject({ fromSessionId: a, toSessionId: null });
  });

  it('to an audience reaches who belongs to it now, is at work, and is not the sender', async () => {
    const ada = await member('Ada');
    const everybody = await member('Everybody', null);
    const parent = await session();
    const [one, two, gone] = [await session({ parentSessionId: parent }), await session({ parentSessionId: parent, teamMemberId: ada }), await session({ parentSessionId: parent })];
    const grandchild = await session({ parentSessionId: one, teamMemberId: everybody });
    const foreign = (await service.spawn({ projectId: otherId, teamMemberId: everybody })).id;
    await stop(gone);

    expect(await recipients({ kind: 'children' }, { from: parent })).toEqual([one, two]);
    expect(await recipients({ kind: 'children' }, agent(one))).toEqual([grandchild]);
    expect(await recipients({ kind: 'siblings' }, agent(one))).toEqual([two]);
    expect(await recipients({ kind: 'project' }, agent(one))).toEqual([parent, two, grandchild]);
    expect(await recipients({ kind: 'project', id: projectId })).toEqual([parent, one, two, grandchild]);
    expect(await recipients({ kind: 'project' }, { from: parent })).toEqual([one, two, grandchild]);
    expect(await recipients({ kind: 'project', id: otherId })).toEqual([foreign]);
    expect(await recipients({ kind: 'team_member', id: ada })).toEqual([two]);
    expect(await recipients({ kind: 'team_member', id: everybody })).toEqual([grandchild, foreign]);
    expect(await recipients({ kind: 'team_member', id: everybody }, agent(one))).toEqual([grandchild]);
    expect(await recipients({ kind: 'team_member', id: ada }, agent(two))).toEqual([]);
  });

  it('to an audience is one commit and one thread; to nobody it is no mail and no mistake', async () => {
    const parent = await session();
    const nobody = await traceOf(service);
    for (const kind of ['children', 'siblings'] as const) {
      const { status, body } = await send({ to: { kind }, fromSessionId: parent });
      expect([status, body]).toEqual([201, { broadcastId: expect.stringMatching(/^bc_/), threadId: (body as MailBroadcast).broadcastId, type: 'directive', recipients: [], full: [] }]);
    }
    expect(await traceOf(service)).toEqual(nobody);
    const children = [await session({ parentSessionId: parent }), await session({ parentSessionId: parent })];
    const cursor = service.store.head().cursor;

    const sent = (await send({ to: { kind: 'children' }, type: 'assignment' }, agent(parent))).body as MailBroadcast;

    const events = await service.events(cursor);
    expect(events.map(({ type, sessionId, commitEnd, data }) => [type, sessionId, commitEnd, (data as Mail).id])).toEqual(
      sent.recipients.map(({ mailId, toSessionId }, n) => ['mail:received', toSessionId, n === 1, mailId]));
    expect(sent.recipients.map(({ toSessionId }) => toSessionId)).toEqual(children);
    const thread = await service.call(SessionRpc.listMail, { threadId: sent.threadId });
    expect(thread.items.map(({ id, broadcastId, threadId, type }) => [id, broadcastId, threadId, type])).toEqual(
      sent.recipients.map(({ mailId }) => [mailId, sent.broadcastId, sent.broadcastId, 'assignment']));
  });

  it('to who is not there, or not meant, is refused without a trace', async () => {
    const a = await session();
    const b = await session();
    const foreign = (await service.spawn({ projectId: otherId })).id;
    const strangers = await mail({ toSessionId: b });
    const foreignMember = await member('Eve', otherId);
    await refused(() => send({ toSessionId: 'sess_none' }), 'SESSION_NOT_FOUND');
    await refused(() => send({ to: { kind: 'session', id: '../x' } }), 'SESSION_NOT_FOUND');
    await refused(() => send({ toSessionId: b, fromSessionId: 'sess_none' }), 'SESSION_NOT_FOUND');
    await refused(() => send({ to: { kind: 'team_member', id: 'tm_none' } }), 'TEAM_MEMBER_NOT_FOUND');
    await refused(() => send({ to: { kind: 'project', id: 'proj_none' } }), 'PROJECT_NOT_FOUND');
    await refused(() => send({ replyToMailId: 'mail_none' }), 'MAIL_NOT_FOUND');
    await refused(() => send({ toSessionId: a }, agent(a)), 'MAIL_RECIPIENT_INVALID');
    await refused(() => send({ toSessionId: a, fromSessionId: a }), 'MAIL_RECIPIENT_INVALID');
    await refused(() => send({}), 'VALIDATION_FAILED');
    await refused(() => send({ toSessionId: b, replyToMailId: strangers.id }), 'VALIDATION_FAILED');
    for (const kind of ['session', 'team_member'] as const) await refused(() => send({ to: { kind } }), 'VALIDATION_FAILED');
    for (const kind of ['children', 'siblings', 'project'] as const) await refused(() => send({ to: { kind } }), 'VALIDATION_FAILED');
    await refused(() => send({ toSessionId: b, body: 'x'.repeat(MAIL_BODY_BYTES_MAX) }), 'DOCUMENT_TOO_LARGE');
    // What is another project's looks missing to an agent, and so is mail between others.
    await refused(() => send({ toSessionId: foreign }, agent(a)), 'SESSION_NOT_FOUND');
    await refused(() => send({ to: { kind: 'project', id: otherId } }, agent(a)), 'PROJECT_NOT_FOUND');
    await refused(() => send({ to: { kind: 'team_member', id: foreignMember } }, agent(a)), 'TEAM_MEMBER_NOT_FOUND');
    await refused(() => send({ replyToMailId: strangers.id }, agent(a)), 'MAIL_NOT_FOUND');
    await refused(() => send({ toSessionId: b, fromSessionId: b }, agent(a)), 'FORBIDDEN');
    await stop(a);
    await refused(() => send({ toSessionId: b }, agent(a)), 'UNAUTHENTICATED');
  });

  it('to a session that takes none any more says so, and which one goes on with it', async () => {
    const a = await session();
    await stop(a);
    await expect(send({ toSessionId: a })).rejects.toMatchObject({
      code: 'SESSION_ENDED', message: expect.stringContaining('has ended and takes no mail. Set keepForContinuation'), details: { sessionId: a, state: 'stopped' },
    });
    await refused(() => send({ toSessionId: a }), 'SESSION_ENDED');
    const kept = await mail({ toSessionId: a, keepForContinuation: true });
    expect(kept).toMatchObject({ toSessionId: a, state: 'queued' });
    await refused(() => send({ replyToMailId: kept.id }), 'SESSION_ENDED');
    expect(await recipients({ kind: 'project', id: projectId })).toEqual([]);
  });

  it('is bounded by what its recipient has not got yet, so that a continuation takes all of it at once', async () => {
    const { id: sessionId } = await service.spawn({ projectId });
    const body = 'x'.repeat(60_000);
    let waiting = 0;
    for (; waiting < QUEUED_MAIL_CHARS_MAX; waiting += body.length) await send({ toSessionId: sessionId, body });
    await expect(send({ toSessionId: sessionId, body: 'one more' })).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: { sessionId, max: QUEUED_MAIL_CHARS_MAX } });
    await service.call(SessionRpc.waitForMail, { sessionId, timeoutMs: 0 });
    await send({ toSessionId: sessionId, body: 'there is room again' });
  });

  it('to a mailbox that is full is refused until something is deleted, and of an audience all others get it', async () => {
    const [to, other] = [await session(), await session()];
    const one = await mail({ toSessionId: to });
    const copies = Array.from({ length: MAILBOX_MAX - 1 }, (_, n): Mail => ({ ...one, id: `mail_${n}` }));
    await service.get(Commands).apply(() => ({ puts: copies.map((copy) => put(COLLECTIONS.mail, copy)), result: undefined }));
    const full = { code: 'LIMIT_REACHED', details: { sessionId: to, max: MAILBOX_MAX } };
    await expect(send({ toSessionId: to })).rejects.toMatchObject(full);
    expect((await send({ to: { kind: 'project', id: projectId } })).body).toMatchObject({ recipients: [{ toSessionId: other }], full: [to] });
    expect((await service.call(SessionRpc.listInbox, { sessionId: other })).items).toHaveLength(1);
    await service.call(SessionRpc.deleteMail, { id: one.id, meta: meta() });
    await send({ toSessionId: to });
    await stop(to);
    await service.call(SessionRpc.deleteSession, { id: to, meta: meta() });
    expect(service.store.durable.count(COLLECTIONS.mail)).toBe(1);
  });

  inFull('to people is bounded too, so that their project can still be deleted', async () => {
    const a = await session();
    const asked = await mail({ toSessionId: a });
    const answer = await mail({ replyToMailId: asked.id }, agent(a));
    const copies = Array.from({ length: PEOPLE_MAILBOX_MAX - 1 }, (_, n): Mail => ({ ...answer, id: `mail_${String(n).padStart(26, '0')}` }));
    for (let at = 0; at < copies.length; at += 2_000) {
      await service.get(Commands).apply(() => ({ puts: copies.slice(at, at + 2_000).map((copy) => put(COLLECTIONS.mail, copy)), result: undefined }));
    }
    await expect(send({ replyToMailId: asked.id }, agent(a))).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: { projectId, max: PEOPLE_MAILBOX_MAX } });
    await service.call(SessionRpc.deleteMail, { id: copies[0].id, meta: meta() });
    await send({ replyToMailId: asked.id }, agent(a));
    await stop(a);
    await service.call(SessionRpc.deleteSession, { id: a, meta: meta() });
    await service.call(SessionRpc.deleteProject, { id: projectId, meta: meta() });
    expect(service.store.durable.count(COLLECTIONS.mail)).toBe(0);
  });

  it('in great numbers at once keeps each, in order, with one event each', async () => {
    const to = await session();
    const cursor = service.store.head().cursor;
    const sent = await Promise.all(Array.from({ length: 200 }, (_, n) => mail({ toSessionId: to, body: `${n}` })));
    const events = await service.events(cursor);
    expect(events.map(({ data }) => (data as Mail).id)).toEqual(sent.map(({ id }) => id));
    const bodies: string[] = [];
    for (let next: string | null | undefined; next !== null;) {
      const page = await service.call(SessionRpc.listInbox, { sessionId: to, limit: 30, ...(next && { cursor: next }) });
      bodies.push(...page.items.map(({ body }) => body));
      next = page.nextCursor;
    }
    expect(bodies).toEqual(sent.map((_, n) => `${n}`));
  });
});
