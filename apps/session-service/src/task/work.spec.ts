import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ErrorCode } from '@orbitmesh/domain';
import { SessionRpc, type UpdateTaskBody } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { AGENT_PROJECT_TASKS_MAX } from '../limits.js';
import { Indexes } from '../store/indexes.js';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { traceOf } from '../testing/trace.js';

describe('projects and tasks', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const update = (id: string, body: UpdateTaskBody, more = {}) => service.call(SessionRpc.updateTask, { id, body, meta: meta(more) });
  const remove = (id: string, more = {}) => service.call(SessionRpc.deleteTask, { id, meta: meta(more) });
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };

  it('keeps a project that is not empty, and one that only people may touch', async () => {
    const empty = await service.project('/work/empty');
    const task = await service.task(projectId);
    const drop = (id: string, more = {}) => service.call(SessionRpc.deleteProject, { id, meta: meta(more) });

    await refused(() => drop(projectId), 'PROJECT_NOT_EMPTY');
    await refused(() => drop('proj_none'), 'PROJECT_NOT_FOUND');
    await refused(() => drop(empty.id, { ifMatch: 7 }), 'REVISION_MISMATCH');
    expect(await drop(empty.id, { ifMatch: 1 })).toMatchObject({ status: 204, body: null });
    await remove(task.id);
    const { id } = await service.spawn({ projectId });
    await refused(() => drop(projectId), 'PROJECT_NOT_EMPTY');
    await refused(() => service.call(SessionRpc.updateProject, { id: projectId, body: { workingDir: '/' }, meta: meta(agent(id)) }), 'FORBIDDEN');
    await refused(() => service.call(SessionRpc.createProject, { body: { name: 'P', workingDir: '/' }, meta: meta(agent(id)) }), 'FORBIDDEN');
  });

  it('takes no more tasks from agents where there are very many, and from people all the same', async () => {
    const { id } = await service.spawn({ projectId });
    jest.spyOn(service.get(Indexes).tasksOfProject, 'size').mockReturnValue(AGENT_PROJECT_TASKS_MAX);
    const create = (more = {}) => service.call(SessionRpc.createTask, { body: { projectId, title: 'One more' }, meta: meta(more) });

    await refused(() => create(agent(id)), 'LIMIT_REACHED');
    expect((await create()).status).toBe(201);
  });

  it('normalises a project directory and refuses one that is none', async () => {
    expect((await service.project('/work//a/./b/')).workingDir).toBe('/work/a/b');
    await refused(() => service.project('work'), 'WORKING_DIR_INVALID');
    await refused(() => service.project(service.home), 'WORKING_DIR_INVALID');
  });

  it('has a runner look at a project directory, and takes it as it is when there is none', async () => {
    const looked: string[] = [];
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { directories: (path) => { looked.push(path); return path === '/work/there'; } }).join();
    const move = (workingDir: string, more = {}) => service.call(SessionRpc.updateProject, { id: projectId, body: { workingDir }, meta: meta(more) });

    await refused(() => service.project('/work/missing'), 'WORKING_DIR_INVALID');
    await refused(() => move('/work/missing'), 'WORKING_DIR_INVALID');
    expect((await service.project('/work/x/../there/')).workingDir).toBe('/work/there');
    expect((await move('/work/there')).body.workingDir).toBe('/work/there');
    const { length } = looked;
    await service.call(SessionRpc.updateProject, { id: projectId, body: { name: 'N' }, meta: meta() });
    await refused(() => move('/work/missing', agent('sess_x')), 'FORBIDDEN');
    await refused(() => move('/work/missing', { ifMatch: 1 }), 'REVISION_MISMATCH');
    expect(looked).toHaveLength(length);

    runner.leave();
    service.bus.forget('slot-0');
    expect((await move('/work/missing')).body.workingDir).toBe('/work/missing');
  });

  it('refuses references that are missing, foreign, or lead back', async () => {
    const other = await service.project('/work/other');
    const foreign = await service.task(other.id);
    const [a, b, c] = [await service.task(projectId, 'a'), await service.task(projectId, 'b'), await service.task(projectId, 'c')];
    await update(b.id, { dependencies: [a.id], parentId: a.id });
    await update(c.id, { dependencies: [b.id], parentId: b.id });

    await refused(() => service.task('proj_none'), 'PROJECT_NOT_FOUND');
    await refused(() => service.task(projectId, 'x', { parentId: 'task_none' }), 'TASK_NOT_FOUND');
    await refused(() => service.task(projectId, 'x', { parentId: '../x' }), 'TASK_NOT_FOUND');
    await refused(() => service.task(projectId, 'x', { dependencies: [foreign.id] }), 'TASK_REFERENCE_INVALID');
    await refused(() => service.task(projectId, 'x', { teamMemberId: 'tm_none' }), 'TEAM_MEMBER_NOT_FOUND');
    await refused(() => update(a.id, { dependencies: [a.id] }), 'TASK_REFERENCE_INVALID');
    await refused(() => update(a.id, { dependencies: [c.id] }), 'TASK_REFERENCE_INVALID');
    await refused(() => update(a.id, { parentId: c.id }), 'TASK_REFERENCE_INVALID');
    await refused(() => update('task_none', { title: 'x' }), 'TASK_NOT_FOUND');
    await refused(() => service.task(projectId, 'x', { description: 'x'.repeat(300_000) }), 'DOCUMENT_TOO_LARGE');
  });

  it('refuses the second of two updates that only together make a cycle', async () => {
    const [a, b] = [await service.task(projectId, 'a'), await service.task(projectId, 'b')];
    const results = await Promise.allSettled([update(a.id, { dependencies: [b.id] }), update(b.id, { dependencies: [a.id] })]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('knows which tasks are ready', async () => {
    const a = await service.task(projectId, 'a');
    const b = await service.task(projectId, 'b', { dependencies: [a.id] });
    const ready = async (yes: boolean) => (await service.call(SessionRpc.listTasks, { projectId, ready: yes })).items.map(({ id }) => id);
    expect(await ready(true)).toEqual([a.id]);
    expect(await ready(false)).toEqual([b.id]);
    await update(a.id, { status: 'completed' });
    expect(await ready(true)).toEqual([b.id]);
    expect((await service.call(SessionRpc.listTasks, { status: 'completed', parentId: undefined })).items).toMatchObject([{ id: a.id }]);
  });

  it('deletes a task with all below it, children first, and frees what depended on them', async () => {
    const root = await service.task(projectId, 'root');
    const child = await service.task(projectId, 'child', { parentId: root.id });
    const leaf = await service.task(projectId, 'leaf', { parentId: child.id });
    const waiting = await service.task(projectId, 'waiting', { dependencies: [leaf.id] });
    const cursor = service.store.head().cursor;

    await remove(root.id);

    const events = await service.events(cursor);
    expect(events.map(({ type, taskId }) => [type, taskId])).toEqual([
      ['task:deleted', leaf.id], ['task:deleted', child.id], ['task:deleted', root.id], ['task:updated', waiting.id],
    ]);
    expect((await service.call(SessionRpc.listTasks, { projectId })).items).toMatchObject([{ id: waiting.id, dependencies: [] }]);
  });

  it('keeps a task that a live session holds, also one above it', async () => {
    const root = await service.task(projectId, 'root');
    const leaf = await service.task(projectId, 'leaf', { parentId: root.id });
    const { id } = await service.spawn({ projectId, taskIds: [leaf.id] });

    await refused(() => remove(root.id), 'TASK_IN_USE');
    await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    await remove(root.id);
  });

  it('lets an agent work on tasks of its own project, and delete none', async () => {
    await new ScriptedRunner(service.bus, service.clock).join();
    const other = await service.project('/work/other');
    const foreign = await service.task(other.id);
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running');
    const as = agent(id);

    const { body: task } = await service.call(SessionRpc.createTask, { body: { projectId, title: 'found' }, meta: meta(as) });
    expect(await update(task.id, { status: 'completed' }, as)).toMatchObject({ body: { status: 'completed' } });
    await refused(() => update(foreign.id, { status: 'completed' }, as), 'TASK_NOT_FOUND');
    await refused(() => service.call(SessionRpc.createTask, { body: { projectId: other.id, title: 'x' }, meta: meta(as) }), 'PROJECT_NOT_FOUND');
    await refused(() => remove(task.id, as), 'FORBIDDEN');
  });
});
