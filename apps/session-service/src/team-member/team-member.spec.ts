import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MEMBER_MEMORY_MAX, type ErrorCode, type Task, type TeamMember } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type CreateTeamMemberBody, type UpdateTeamMemberBody } from '@orbitmesh/contracts';
import { Commands } from '../commands/commands.js';
import { MEMBER_TASKS_MAX, ONE_COMMIT_BYTES_MAX } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

type More = Partial<CommandMeta>;

describe('team members', () => {
  let service: TestService;
  let projectId: string;
  let otherId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    otherId = (await service.project('/work/other', 'Other')).id;
  });
  afterEach(() => service.remove());

  const create = async (body: Partial<CreateTeamMemberBody> = {}, more: More = {}) => (await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada', ...body }, meta: meta(more) })).body;
  const update = (id: string, body: UpdateTeamMemberBody, more: More = {}) => service.call(SessionRpc.updateTeamMember, { id, body, meta: meta(more) });
  const archive = (id: string, archived = true, more: More = {}) => service.call(SessionRpc.archiveTeamMember, { id, archived, meta: meta(more) });
  const remember = (id: string, text: string, more: More = {}) => service.call(SessionRpc.addMemory, { id, text, meta: meta(more) });
  const remove = (id: string, more: More = {}) => service.call(SessionRpc.deleteTeamMember, { id, meta: meta(more) });
  const get = (id: string, reader = {}) => service.call(SessionRpc.getTeamMember, { id, ...reader });
  const listed = async (query: object = {}) => (await service.call(SessionRpc.listTeamMembers, query)).items.map(({ id }) => id);
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };
  /** An agent at work, as a member where one is named. */
  const agentAs = async (teamMemberId?: string, of = projectId) => agent((await service.spawn({ projectId: of, ...(teamMemberId && { teamMemberId }) })).id);
  const reading = ({ actor }: ReturnType<typeof agent>) => ({ reader: actor });

  it('go from made to archived and back, each change an event with the member as it is then', async () => {
    const cursor = service.store.head().cursor;
    const ada = await create({ projectId, role: 'Reviewer' });
    const steps = [
      ada, (await update(ada.id, { role: 'Author' }, { ifMatch: 1 })).body, (await remember(ada.id, 'tea', { ifMatch: 2 })).body,
      (await archive(ada.id, true, { ifMatch: 3 })).body, (await archive(ada.id, false)).body,
    ];
    expect(steps.map(({ revision, role, memory, status }) => [revision, role, memory.join(), status])).toEqual([
      [1, 'Reviewer', '', 'active'], [2, 'Author', '', 'active'], [3, 'Author', 'tea', 'active'], [4, 'Author', 'tea', 'archived'], [5, 'Author', 'tea', 'active'],
    ]);
    expect(await get(ada.id)).toEqual(steps.at(-1));
    const events = await service.events(cursor);
    expect(events.map(({ type, projectId: of }) => [type, of])).toEqual([['team_member:created', projectId], ...Array.from({ length: 4 }, () => ['team_member:updated', projectId])]);
    expect(events.map(({ data }) => data)).toEqual(steps);
    expect((await remove(ada.id, { ifMatch: 5 })).status).toBe(204);
    await refused(() => get(ada.id), 'TEAM_MEMBER_NOT_FOUND');
  });

  it('change nothing where nothing is said, and say so', async () => {
    const ada = await create();
    const before = await traceOf(service);
    expect((await update(ada.id, {})).body).toEqual(ada);
    expect((await archive(ada.id, false)).body).toEqual(ada);
    expect(await traceOf(service)).toEqual(before);
  });

  it('are refused where they cannot be, without a trace', async () => {
    const ada = await create({ projectId });
    const large = 'x'.repeat(200_000);
    await refused(() => create({ projectId: 'proj_none' }), 'PROJECT_NOT_FOUND');
    await refused(() => create({ identity: large }), 'DOCUMENT_TOO_LARGE');
    await refused(() => update(ada.id, { identity: large }), 'DOCUMENT_TOO_LARGE');
    await refused(() => remember(ada.id, large), 'DOCUMENT_TOO_LARGE');
    for (const id of ['tm_none', '../x', '', projectId]) {
      await refused(() => get(id), 'TEAM_MEMBER_NOT_FOUND');
      await refused(() => update(id, { name: 'x' }), 'TEAM_MEMBER_NOT_FOUND');
      await refused(() => archive(id), 'TEAM_MEMBER_NOT_FOUND');
      await refused(() => remember(id, 'x'), 'TEAM_MEMBER_NOT_FOUND');
      await refused(() => remove(id), 'TEAM_MEMBER_NOT_FOUND');
    }
    for (const attempt of [update(ada.id, { name: 'x' }, { ifMatch: 7 }), archive(ada.id, true, { ifMatch: 7 }), remember(ada.id, 'x', { ifMatch: 7 }), remove(ada.id, { ifMatch: 7 })]) {
      await expect(attempt).rejects.toMatchObject({ code: 'REVISION_MISMATCH', details: { revision: 1 } });
    }
    expect(await get(ada.id)).toEqual(ada);
  });

  it('remember what many tell them at once, each thing once, up to the bound', async () => {
    const ada = await create({ memory: Array.from({ length: MEMBER_MEMORY_MAX - 5 }, (_, n) => `old ${n}`) });
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => remember(ada.id, `new ${n}`)));
    expect(results.map((result) => (result.status === 'fulfilled' ? 200 : (result.reason as { code: string }).code))).toEqual([
      ...Array.from({ length: 5 }, () => 200), ...Array.from({ length: 5 }, () => 'LIMIT_REACHED'),
    ]);
    const { memory } = await get(ada.id);
    expect(memory.slice(-5)).toEqual([0, 1, 2, 3, 4].map((n) => `new ${n}`));
    expect(memory).toHaveLength(MEMBER_MEMORY_MAX);
  });

  it('are listed by project with the global ones, by scope and by status, page by page', async () => {
    const [global, own, foreign] = [await create(), await create({ projectId }), await create({ projectId: otherId })].map(({ id }) => id);
    await archive(own);
    expect(await listed()).toEqual([global, own, foreign]);
    expect(await listed({ projectId })).toEqual([global, own]);
    expect(await listed({ projectId, scope: 'project' })).toEqual([own]);
    expect(await listed({ projectId, scope: 'global' })).toEqual([global]);
    expect(await listed({ scope: 'project' })).toEqual([own, foreign]);
    expect(await listed({ status: 'active' })).toEqual([global, foreign]);
    expect(await listed({ projectId, status: 'archived' })).toEqual([own]);
    const first = await service.call(SessionRpc.listTeamMembers, { limit: 2 });
    expect(first.nextCursor).toBe(own);
    expect(await listed({ cursor: first.nextCursor })).toEqual([foreign]);
    await refused(() => listed({ projectId: 'proj_none' }), 'PROJECT_NOT_FOUND');
  });

  it('free their tasks when they are deleted, in one commit; a project with members is not empty', async () => {
    const ada = await create({ projectId });
    const tasks = [await service.task(projectId, 'a', { teamMemberId: ada.id }), await service.task(projectId, 'b'), await service.task(projectId, 'c', { teamMemberId: ada.id })];
    await refused(() => service.task(otherId, 'x', { teamMemberId: ada.id }), 'TEAM_MEMBER_NOT_FOUND');
    await refused(() => service.call(SessionRpc.deleteProject, { id: projectId, meta: meta() }), 'PROJECT_NOT_EMPTY');
    const cursor = service.store.head().cursor;

    await remove(ada.id);

    const events = await service.events(cursor);
    expect(events.map(({ type, taskId, projectId: of, commitEnd }) => [type, taskId, of, commitEnd])).toEqual([
      ['task:updated', tasks[0].id, projectId, false], ['task:updated', tasks[2].id, projectId, false], ['team_member:deleted', undefined, projectId, true],
    ]);
    expect(events[2].data).toEqual({ id: ada.id, projectId });
    expect((await service.call(SessionRpc.listTasks, { projectId })).items.map(({ teamMemberId, revision }) => [teamMemberId, revision])).toEqual([[null, 2], [null, 1], [null, 2]]);
  });

  it('of no project free the tasks of all projects', async () => {
    const ada = await create();
    const tasks = [await service.task(projectId, 'a', { teamMemberId: ada.id }), await service.task(otherId, 'b', { teamMemberId: ada.id })];
    await remove(ada.id);
    for (const { id } of tasks) expect((await service.call(SessionRpc.getTask, { id })).teamMemberId).toBeNull();
  });

  it('with tasks that are too large for one commit are not deleted, and told why', async () => {
    const ada = await create({ projectId });
    const one = await service.task(projectId, 'a', { teamMemberId: ada.id, description: 'x'.repeat(100_000) });
    const copies = Array.from({ length: 65 }, (_, n): Task => ({ ...one, id: `task_${n}` }));
    for (let n = 0; n < copies.length; n += 13) {
      await service.get(Commands).apply(() => ({ puts: copies.slice(n, n + 13).map((task) => put(COLLECTIONS.tasks, task)), result: undefined }));
    }
    await expect(remove(ada.id)).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: { documents: 66, max: ONE_COMMIT_BYTES_MAX } });
  });

  it('with more tasks than one commit takes are not deleted', async () => {
    const ada = await create({ projectId });
    const one = await service.task(projectId, 'a', { teamMemberId: ada.id });
    const copies = Array.from({ length: MEMBER_TASKS_MAX }, (_, n): Task => ({ ...one, id: `task_${n}` }));
    await service.get(Commands).apply(() => ({ puts: copies.map((task) => put(COLLECTIONS.tasks, task)), result: undefined }));
    await expect(remove(ada.id)).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: { tasks: MEMBER_TASKS_MAX + 1 } });
    await service.call(SessionRpc.updateTask, { id: one.id, body: { teamMemberId: null }, meta: meta() });
    await remove(ada.id);
    expect(service.store.durable.get<Task>(COLLECTIONS.tasks, 'task_7')).toMatchObject({ teamMemberId: null, revision: 2 });
  });

  it('start no session when they are archived, and their sessions keep what they were', async () => {
    const ada = await create({ projectId, memory: ['tea'], permissionMode: 'deny' });
    const session = await service.spawn({ projectId, teamMemberId: ada.id });
    expect(session).toMatchObject({ teamMemberId: ada.id, permissionMode: 'deny' });
    await archive(ada.id);
    await refused(() => service.spawn({ projectId, teamMemberId: ada.id }), 'CONFLICT');
    await remove(ada.id);
    expect((service.session(session.id).teamMember as TeamMember).memory).toEqual(['tea']);
    await refused(() => service.spawn({ projectId, teamMemberId: ada.id }), 'TEAM_MEMBER_NOT_FOUND');
  });

  it('are people\'s to make and change; an agent adds to what its own remembers, and to nothing else', async () => {
    const [own, other] = [await create({ projectId }), await create({ projectId })];
    const as = await agentAs(own.id);
    await refused(() => create({ projectId }, as), 'FORBIDDEN');
    await refused(() => update(own.id, { memory: [] }, as), 'FORBIDDEN');
    await refused(() => archive(own.id, true, as), 'FORBIDDEN');
    await refused(() => remove(own.id, as), 'FORBIDDEN');
    await refused(() => remember(other.id, 'x', as), 'FORBIDDEN');
    await refused(() => remember('tm_none', 'x', as), 'FORBIDDEN');
    const nobody = await agentAs();
    await refused(() => remember(own.id, 'x', nobody), 'FORBIDDEN');

    expect((await remember(own.id, 'tests first', as)).body).toMatchObject({ memory: ['tests first'], revision: 2 });
    await service.call(SessionRpc.actOnSession, { id: as.actor.kind === 'agent' ? as.actor.sessionId : '', action: 'stop', meta: meta() });
    await refused(() => remember(own.id, 'x', as), 'UNAUTHENTICATED');
  });

  it('of another project look missing to an agent, global ones do not', async () => {
    const [global, own, foreign] = [await create(), await create({ projectId }), await create({ projectId: otherId })];
    const reader = reading(await agentAs());
    expect(await get(global.id, reader)).toEqual(global);
    expect(await get(own.id, reader)).toEqual(own);
    await refused(() => get(foreign.id, reader), 'TEAM_MEMBER_NOT_FOUND');
    expect(await listed({ ...reader })).toEqual([global.id, own.id]);
    expect(await listed({ projectId, scope: 'project', ...reader })).toEqual([own.id]);
    await refused(() => listed({ projectId: otherId, ...reader }), 'FORBIDDEN');
    await refused(() => listed({ projectId: 'proj_none', ...reader }), 'FORBIDDEN');
    await refused(() => get(own.id, reading(agent('sess_gone'))), 'UNAUTHENTICATED');
  });
});
