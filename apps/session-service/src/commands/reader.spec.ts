import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { agent, meta, TestService } from '../testing/test-service.js';

describe('what an agent sees and reaches', () => {
  let service: TestService;
  let projectId: string;
  let otherId: string;
  /** The agent's own session, one beside it, and one of another project. */
  let own: string;
  let beside: string;
  let foreign: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    otherId = (await service.project('/work/other', 'Other')).id;
    own = (await service.spawn({ projectId })).id;
    beside = (await service.spawn({ projectId, parentSessionId: own })).id;
    foreign = (await service.spawn({ projectId: otherId })).id;
  });
  afterEach(() => service.remove());

  const as = (id = own) => ({ reader: agent(id).actor });
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode) => expect(attempt()).rejects.toMatchObject({ code });
  const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id);

  it('is its project, and nothing of another: that is not there', async () => {
    expect((await service.call(SessionRpc.getProject, { id: projectId, ...as() })).id).toBe(projectId);
    await refused(() => service.call(SessionRpc.getProject, { id: otherId, ...as() }), 'PROJECT_NOT_FOUND');
    expect((await service.call(SessionRpc.getProject, { id: otherId })).id).toBe(otherId);
  });

  it('is its project\'s sessions, named or listed', async () => {
    expect((await service.call(SessionRpc.getSession, { id: beside, ...as() })).id).toBe(beside);
    await refused(() => service.call(SessionRpc.getSession, { id: foreign, ...as() }), 'SESSION_NOT_FOUND');
    expect(idsOf(await service.call(SessionRpc.listSessions, as()))).toEqual([own, beside]);
    expect(idsOf(await service.call(SessionRpc.listSessions, { parentSessionId: own, ...as() }))).toEqual([beside]);
    await refused(() => service.call(SessionRpc.listSessions, { projectId: otherId, ...as() }), 'FORBIDDEN');
    expect(idsOf(await service.call(SessionRpc.listSessions, {}))).toEqual([own, beside, foreign]);
  });

  it('is its project\'s tasks, named or listed', async () => {
    const [mine, child, theirs] = [await service.task(projectId, 'mine'), await service.task(projectId, 'child'), await service.task(otherId, 'theirs')];
    await service.call(SessionRpc.updateTask, { id: child.id, body: { parentId: mine.id }, meta: meta() });
    expect((await service.call(SessionRpc.getTask, { id: mine.id, ...as() })).id).toBe(mine.id);
    await refused(() => service.call(SessionRpc.getTask, { id: theirs.id, ...as() }), 'TASK_NOT_FOUND');
    expect(idsOf(await service.call(SessionRpc.listTasks, as()))).toEqual([mine.id, child.id]);
    expect(idsOf(await service.call(SessionRpc.listTasks, { parentId: mine.id, ...as() }))).toEqual([child.id]);
    await refused(() => service.call(SessionRpc.listTasks, { parentId: theirs.id, ...as() }), 'TASK_NOT_FOUND');
    await refused(() => service.call(SessionRpc.listTasks, { projectId: otherId, ...as() }), 'FORBIDDEN');
  });

  it('does not tell by a filter whether something of another project is there', async () => {
    const theirs = await service.task(otherId, 'theirs');
    for (const taskId of [theirs.id, 'task_none']) await refused(() => service.call(SessionRpc.listSessions, { taskId, ...as() }), 'TASK_NOT_FOUND');
    for (const parentSessionId of [foreign, 'sess_none']) await refused(() => service.call(SessionRpc.listSessions, { parentSessionId, ...as() }), 'SESSION_NOT_FOUND');
    for (const threadId of ['mail_x', 'mail_none']) expect(idsOf(await service.call(SessionRpc.listMail, { threadId, ...as() }))).toEqual([]);
    expect(idsOf(await service.call(SessionRpc.listSessions, { taskId: theirs.id }))).toEqual([]);
  });

  it('is no way to what is of another project, for a command either', async () => {
    const theirs = await service.task(otherId, 'theirs');
    const command = (body: object) => service.call(SessionRpc.createTask, { body: { projectId, title: 'x', ...body }, meta: meta(agent(own)) });
    await refused(() => command({ projectId: otherId }), 'PROJECT_NOT_FOUND');
    await refused(() => service.call(SessionRpc.updateTask, { id: theirs.id, body: { title: 'x' }, meta: meta(agent(own)) }), 'TASK_NOT_FOUND');
    await refused(() => service.spawn({ projectId, taskIds: [theirs.id] }, agent(own)), 'TASK_NOT_FOUND');
  });

  it('is nothing any more once its session is gone', async () => {
    for (const attempt of [
      () => service.call(SessionRpc.listSessions, as('sess_gone')), () => service.call(SessionRpc.listTasks, as('sess_gone')), () => service.call(SessionRpc.getProject, { id: projectId, ...as('sess_gone') }),
      () => service.call(SessionRpc.getSession, { id: own, ...as('sess_gone') }), () => service.call(SessionRpc.listTeamMembers, as('sess_gone')),
      () => service.call(SessionRpc.getOrdering, { entityType: 'task', projectId, ...as('sess_gone') }), () => service.call(SessionRpc.listMail, as('sess_gone')),
    ]) await refused(attempt, 'UNAUTHENTICATED');
  });

  it('is for people, named as such or not, everything', async () => {
    for (const reader of [undefined, { kind: 'admin' as const }, { kind: 'user' as const, tokenId: 'tok_1' }, { kind: 'system' as const }]) {
      expect(idsOf(await service.call(SessionRpc.listSessions, { ...(reader && { reader }) }))).toEqual([own, beside, foreign]);
    }
  });
});
