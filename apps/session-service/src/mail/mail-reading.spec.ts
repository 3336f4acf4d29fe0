import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode, Mail } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type RpcRequest, type SendMailBody } from '@orbitmesh/contracts';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

type More = Partial<CommandMeta>;
type Query<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;

describe('reading mail', () => {
  let service: TestService;
  let projectId: string;
  let otherId: string;
  let a: string;
  let b: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    otherId = (await service.project('/work/other', 'Other')).id;
    a = (await service.spawn({ projectId, name: 'A' })).id;
    b = (await service.spawn({ projectId, name: 'B' })).id;
  });
  afterEach(() => service.remove());

  const mail = async (body: Partial<SendMailBody>, more: More = {}) => (await service.call(SessionRpc.sendMail, { body: { body: 'words', ...body }, meta: meta(more) })).body as Mail;
  const read = (id: string, more: More = {}) => service.call(SessionRpc.readMail, { id, meta: meta(more) });
  const remove = (id: string, more: More = {}) => service.call(SessionRpc.deleteMail, { id, meta: meta(more) });
  const listed = async (query: Query<'listMail'> = {}) => (await service.call(SessionRpc.listMail, query)).items.map(({ id }) => id);
  const inbox = async (query: Query<'listInbox'>) => (await service.call(SessionRpc.listInbox, query)).items.map(({ id }) => id);
  const as = (id: string) => ({ reader: agent(id).actor });
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };

  it('is an explicit act, once, with an event; looking at it is none', async () => {
    const { id } = await mail({ toSessionId: b });
    await inbox({ sessionId: b });
    await service.call(SessionRpc.getMail, { id });
    const cursor = service.store.head().cursor;
    expect((await service.call(SessionRpc.getMail, { id })).state).toBe('queued');

    const first = await read(id, { ifMatch: 1, ...agent(b) });

    expect(first).toMatchObject({ status: 200, body: { id, state: 'read', revision: 2, deliveredBy: null } });
    expect(first.body.readAt).toBe(first.body.deliveredAt);
    const before = await traceOf(service);
    expect((await read(id)).body).toEqual(first.body);
    expect(await traceOf(service)).toEqual(before);
    expect((await service.events(cursor)).map(({ type, sessionId, data }) => [type, sessionId, data])).toEqual([['mail:read', b, first.body]]);
  });

  it('and deleting it are refused where it is not there, not one\'s own, or has changed', async () => {
    const sent = await mail({ toSessionId: b }, agent(a));
    for (const attempt of [read, remove]) {
      await refused(() => attempt('mail_none'), 'MAIL_NOT_FOUND');
      await refused(() => attempt('../x'), 'MAIL_NOT_FOUND');
      // Its sender is not who it is for.
      await refused(() => attempt(sent.id, agent(a)), 'MAIL_NOT_FOUND');
      await refused(() => attempt(sent.id, { ifMatch: 2, ...agent(b) }), 'REVISION_MISMATCH');
    }
    expect((await remove(sent.id, { ifMatch: 1, ...agent(b) })).status).toBe(204);
    await refused(() => read(sent.id), 'MAIL_NOT_FOUND');
  });

  it('is over with a deletion, which everybody is told of by the recipient\'s session', async () => {
    const { id, threadId } = await mail({ toSessionId: b, fromSessionId: a });
    const cursor = service.store.head().cursor;
    await remove(id);
    expect((await service.events(cursor)).map(({ type, sessionId, projectId: of, data }) => [type, sessionId, of, data])).toEqual([
      ['mail:deleted', b, projectId, { id, projectId, fromSessionId: a, toSessionId: b, threadId }],
    ]);
    expect(await listed()).toEqual([]);
    expect(await inbox({ sessionId: b })).toEqual([]);
  });

  it('finds it by who wrote it, who got it, its thread, its project and its state, oldest first', async () => {
    const c = (await service.spawn({ projectId: otherId })).id;
    const one = await mail({ toSessionId: b, fromSessionId: a });
    const two = await mail({ replyToMailId: one.id, fromSessionId: b });
    const three = await mail({ toSessionId: c });
    const four = await mail({ replyToMailId: one.id, fromSessionId: a });
    await read(two.id);
    expect(await listed()).toEqual([one, two, three, four].map(({ id }) => id));
    expect(await listed({ projectId })).toEqual([one.id, two.id, four.id]);
    expect(await listed({ threadId: one.threadId })).toEqual([one.id, two.id, four.id]);
    expect(await listed({ threadId: one.threadId, state: 'queued' })).toEqual([one.id, four.id]);
    expect(await listed({ fromSessionId: a })).toEqual([one.id, four.id]);
    expect(await listed({ toSessionId: a, state: 'read' })).toEqual([two.id]);
    expect(await listed({ toSessionId: b, fromSessionId: a, projectId })).toEqual([one.id, four.id]);
    expect(await listed({ toSessionId: b, projectId: otherId })).toEqual([]);
    expect(await listed({ threadId: 'mail_none' })).toEqual([]);
    await refused(() => listed({ projectId: 'proj_none' }), 'PROJECT_NOT_FOUND');
    await refused(() => listed({ toSessionId: 'sess_none' }), 'SESSION_NOT_FOUND');
    await refused(() => listed({ fromSessionId: 'sess_none' }), 'SESSION_NOT_FOUND');
    const first = await service.call(SessionRpc.listMail, { threadId: one.threadId, limit: 2 });
    expect([first.items.map(({ id }) => id), first.nextCursor]).toEqual([[one.id, two.id], two.id]);
    expect(await listed({ threadId: one.threadId, cursor: two.id })).toEqual([four.id]);
  });

  it('goes through an inbox by state and page by page, also behind mail that is gone', async () => {
    const mails = [await mail({ toSessionId: b }), await mail({ toSessionId: b }), await mail({ toSessionId: b }), await mail({ toSessionId: a })];
    const [one, two, three] = mails.map(({ id }) => id);
    await read(one);
    expect(await inbox({ sessionId: b })).toEqual([one, two, three]);
    expect(await inbox({ sessionId: b, unread: true })).toEqual([two, three]);
    expect(await inbox({ sessionId: b, unread: false })).toEqual([one, two, three]);
    expect(await inbox({ sessionId: b, state: 'read' })).toEqual([one]);
    expect(await inbox({ sessionId: b, state: 'delivered' })).toEqual([]);
    await remove(two);
    expect(await inbox({ sessionId: b, cursor: two })).toEqual([three]);
    await refused(() => inbox({ sessionId: 'sess_none' }), 'SESSION_NOT_FOUND');
  });

  it('shows an agent what it wrote and what it got, and nothing else', async () => {
    const c = (await service.spawn({ projectId: otherId })).id;
    const [mine, toMe, others, foreign] = [
      await mail({ toSessionId: b }, agent(a)), await mail({ toSessionId: a }), await mail({ toSessionId: b }), await mail({ toSessionId: c }),
    ];
    expect(await listed(as(a))).toEqual([mine.id, toMe.id]);
    expect(await listed({ toSessionId: b, ...as(a) })).toEqual([mine.id]);
    expect(await listed({ threadId: others.threadId, ...as(a) })).toEqual([]);
    for (const { id } of [mine, toMe]) expect((await service.call(SessionRpc.getMail, { id, ...as(a) })).id).toBe(id);
    for (const { id } of [others, foreign]) await refused(() => service.call(SessionRpc.getMail, { id, ...as(a) }), 'MAIL_NOT_FOUND');
    await refused(() => listed({ projectId: otherId, ...as(a) }), 'PROJECT_NOT_FOUND');
    await refused(() => listed({ fromSessionId: c, ...as(a) }), 'SESSION_NOT_FOUND');
    await refused(() => inbox({ sessionId: b, ...as(a) }), 'FORBIDDEN');
    expect(await inbox({ sessionId: a, ...as(a) })).toEqual([toMe.id]);
    await refused(() => listed(as('sess_gone')), 'UNAUTHENTICATED');
  });

  it('is not possible any more for what went with its recipient; what that wrote stays', async () => {
    const [got, wrote] = [await mail({ toSessionId: b, fromSessionId: a }), await mail({ toSessionId: a, fromSessionId: b })];
    await service.call(SessionRpc.actOnSession, { id: b, action: 'stop', meta: meta() });
    const cursor = service.store.head().cursor;
    await service.call(SessionRpc.deleteSession, { id: b, meta: meta() });
    expect((await service.events(cursor)).map(({ type, sessionId, commitEnd }) => [type, sessionId, commitEnd])).toEqual([['mail:deleted', b, false], ['session:deleted', b, true]]);
    await refused(() => service.call(SessionRpc.getMail, { id: got.id }), 'MAIL_NOT_FOUND');
    expect(await inbox({ sessionId: a })).toEqual([wrote.id]);
    await refused(() => mail({ replyToMailId: wrote.id }, agent(a)), 'SESSION_NOT_FOUND');
  });

  it('is as it was after a restart', async () => {
    const [one, two] = [await mail({ toSessionId: b }), await mail({ toSessionId: b })];
    await read(one.id);
    await remove(two.id);
    const three = await mail({ replyToMailId: one.id }, agent(b));
    const before = await service.call(SessionRpc.listMail, {});
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    expect(await service.call(SessionRpc.listMail, {})).toEqual(before);
    expect(await inbox({ sessionId: b })).toEqual([one.id]);
    expect(await listed({ threadId: one.id })).toEqual([one.id, three.id]);
  });
});
