import { FakeContext, SessionHarness, deepFreeze, taskNamed } from '../testing/session-harness.js';
import { ENTITY_USER_BYTES_MAX } from '../limits.js';
import { createProject, projectDeleted, updateProject } from './project-commands.js';
import { createTask, deleteTask, updateTask } from './task-commands.js';
import { assertNoCycle, assertTaskReferences, descendantsOf, taskReady } from './task-graph.js';
import type { Task, TaskStatus } from './task.js';

const byId = (...tasks: Task[]) => new Map(tasks.map((task) => [task.id, task]));

describe('a project', () => {
  it('is created and updated, an event for each, with the document as it is kept', () => {
    const ctx = new FakeContext();
    const { doc, events } = createProject({ name: 'Rocket', workingDir: '/work' }, ctx);
    expect(doc).toEqual({ id: 'proj_1', name: 'Rocket', workingDir: '/work', description: '', trustRepository: false, runnerLabels: {}, maxSessions: null, createdAt: ctx.now, updatedAt: ctx.now, revision: 1 });
    expect(events).toEqual([{ type: 'project:created', timestamp: ctx.now, projectId: 'proj_1', data: doc }]);
    ctx.advance(1_000);
    const updated = updateProject(deepFreeze(doc), { description: 'Flies.' }, ctx);
    expect(updated.doc).toEqual({ ...doc, description: 'Flies.', updatedAt: ctx.now, revision: 2 });
    expect(updated.events).toEqual([{ type: 'project:updated', timestamp: ctx.now, projectId: 'proj_1', data: updated.doc }]);
    expect(projectDeleted(doc, ctx)).toMatchObject({ type: 'project:deleted', projectId: 'proj_1', data: { id: 'proj_1' } });
  });

  it('is left as it is by an update that names nothing', () => {
    const { doc } = createProject({ name: 'Rocket', workingDir: '/work' }, new FakeContext());
    expect(updateProject(doc, { name: undefined }, new FakeContext())).toEqual({ doc, events: [] });
  });

  it('trusts its repository only when somebody said so, and another directory not until that is said again', () => {
    const ctx = new FakeContext();
    const { doc } = createProject({ name: 'Rocket', workingDir: '/work' }, ctx);
    const trusted = updateProject(doc, { trustRepository: true }, ctx).doc;
    const after = (patch: object) => updateProject(trusted, patch, ctx).doc.trustRepository;
    expect([doc.trustRepository, trusted.trustRepository]).toEqual([false, true]);
    expect([after({ name: 'R' }), after({ workingDir: '/work' }), after({ workingDir: '/other' }), after({ workingDir: '/other', trustRepository: true })]).toEqual([true, true, false, true]);
  });

  it('too large to keep is refused', () => {
    const large = { name: 'Rocket', workingDir: '/work', description: 'x'.repeat(ENTITY_USER_BYTES_MAX) };
    expect(() => createProject(large, new FakeContext())).toThrow(expect.objectContaining({
      code: 'DOCUMENT_TOO_LARGE', message: expect.stringContaining(String(ENTITY_USER_BYTES_MAX)), details: expect.objectContaining({ max: ENTITY_USER_BYTES_MAX }),
    }));
  });
});

describe('a task', () => {
  it('has its defaults', () => {
    const { doc, events } = createTask({ projectId: 'proj_1', title: 'Do it', dependencies: ['task_0', 'task_0'] }, new FakeContext());
    expect(doc).toMatchObject({ id: 'task_1', status: 'todo', priority: 'medium', dependencies: ['task_0'], sessionIds: [], startedAt: null, completedAt: null, revision: 1 });
    expect(events.map(({ type, projectId, taskId, sessionId }) => [type, projectId, taskId, sessionId])).toEqual([['task:created', 'proj_1', 'task_1', undefined]]);
  });

  it('knows when it was begun and completed', () => {
    const ctx = new FakeContext();
    let task = taskNamed('task_1');
    const become = (status: TaskStatus) => { task = updateTask(deepFreeze(task), { status }, ctx.advance(1_000)).doc; };
    become('in_progress');
    const begun = ctx.now;
    become('completed');
    expect(task).toMatchObject({ startedAt: begun, completedAt: ctx.now, revision: 3 });
    become('todo');
    expect(task).toMatchObject({ startedAt: begun, completedAt: null });
  });

  it.each([['completed', 'notify:task_completed'], ['blocked', 'notify:task_blocked'], ['in_review', 'notify:task_in_review']] as const)(
    'that becomes %s is a notification, once', (status, type) => {
      const ctx = new FakeContext();
      const { doc, events } = updateTask(taskNamed('task_1'), { status }, ctx);
      expect(events.map((event) => event.type)).toEqual([type, 'task:updated']);
      expect(events[0]).toMatchObject({ projectId: 'proj_1', taskId: 'task_1', data: { message: 'Title of task_1' } });
      expect(events[0].sessionId).toBeUndefined();
      expect(updateTask(doc, { status }, ctx).events.map((event) => event.type)).toEqual(['task:updated']);
    });

  it('is updated as often as it is told to, with a revision and an event each', () => {
    let task = taskNamed('task_1');
    const events = Array.from({ length: 10 }, () => {
      const written = updateTask(task, { title: 'The same' }, new FakeContext());
      task = written.doc;
      return written.events;
    }).flat();
    expect(events).toHaveLength(10);
    expect(task.revision).toBe(11);
    expect(updateTask(task, {}, new FakeContext())).toEqual({ doc: task, events: [] });
  });

  it('can be edited however many sessions it remembers, and no larger than is left room for', () => {
    const sessionIds = Array.from({ length: 400 }, (_, i) => `sess_${i}`.padEnd(64, 'x'));
    const busy = taskNamed('task_1', { sessionIds, taskSessionStatuses: Object.fromEntries(sessionIds.map((id) => [id, 'completed' as const])) });
    expect(() => updateTask(busy, { description: 'x'.repeat(ENTITY_USER_BYTES_MAX - 2_000) }, new FakeContext())).not.toThrow();
    expect(() => updateTask(busy, { description: 'x'.repeat(ENTITY_USER_BYTES_MAX) }, new FakeContext())).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }));
  });
});

describe('the graph of tasks', () => {
  const a = taskNamed('task_a');
  const b = taskNamed('task_b', { dependencies: ['task_a'], parentId: 'task_a' });
  const c = taskNamed('task_c', { dependencies: ['task_b'], parentId: 'task_b' });

  it('makes a task ready when all it depends on is completed', () => {
    expect(taskReady(a, byId())).toBe(true);
    expect(taskReady(b, byId(a))).toBe(false);
    expect(taskReady(b, byId({ ...a, status: 'cancelled' }))).toBe(false);
    expect(taskReady(b, byId({ ...a, status: 'completed' }))).toBe(true);
    expect(taskReady(b, byId())).toBe(true);
    expect(taskReady({ ...a, status: 'in_progress' }, byId())).toBe(false);
  });

  it.each([
    ['on itself', { ...a, dependencies: ['task_a'] }, 'dependencies'], ['in a circle', { ...a, dependencies: ['task_c'] }, 'dependencies'],
    ['below itself', { ...a, parentId: 'task_a' }, 'parentId'], ['below its own descendant', { ...a, parentId: 'task_c' }, 'parentId'],
  ])('refuses a task that hangs %s', (_name, task, through) => {
    expect(() => assertNoCycle(task, byId(a, b, c))).toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID', details: { taskId: 'task_a', through } }));
    expect(() => assertTaskReferences(task, byId(a, b, c))).toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID' }));
  });

  it('takes what is no cycle, also where paths meet again or others hang in a circle already', () => {
    expect(() => assertTaskReferences(taskNamed('task_d', { dependencies: ['task_b', 'task_c', 'task_a'], parentId: 'task_c' }), byId(a, b, c))).not.toThrow();
    const [x, y] = [taskNamed('task_x', { dependencies: ['task_y'] }), taskNamed('task_y', { dependencies: ['task_x'] })];
    expect(() => assertNoCycle(taskNamed('task_z', { dependencies: ['task_x'] }), byId(x, y))).not.toThrow();
  });

  it('refuses what is missing or of another project', () => {
    expect(() => assertTaskReferences(b, byId())).toThrow(expect.objectContaining({ code: 'TASK_NOT_FOUND', details: { taskId: 'task_a' } }));
    expect(() => assertTaskReferences(b, byId({ ...a, projectId: 'proj_2' }))).toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID' }));
  });

  it('names descendants before what they hang below', () => {
    const d = taskNamed('task_d', { parentId: 'task_a' });
    const order = descendantsOf(a, [a, b, c, d]).map(({ id }) => id);
    expect([...order].sort()).toEqual(['task_b', 'task_c', 'task_d']);
    expect(order.indexOf('task_c')).toBeLessThan(order.indexOf('task_b'));
  });
});

describe('deleting a task', () => {
  const a = taskNamed('task_a');
  const b = taskNamed('task_b', { parentId: 'task_a' });
  const other = taskNamed('task_o', { dependencies: ['task_b', 'task_x'] });

  it('takes what is below it, children first, and frees what depended on it', () => {
    const { deletedIds, tasks, events } = deleteTask(a, deepFreeze([a, b, other]), [], new FakeContext());
    expect(deletedIds).toEqual(['task_b', 'task_a']);
    expect(tasks).toEqual([expect.objectContaining({ id: 'task_o', dependencies: ['task_x'], revision: 2 })]);
    expect(events.map(({ type, taskId, projectId }) => [type, taskId, projectId])).toEqual([
      ['task:deleted', 'task_b', 'proj_1'], ['task:deleted', 'task_a', 'proj_1'], ['task:updated', 'task_o', 'proj_1'],
    ]);
    expect(events[0].data).toEqual({ id: 'task_b', projectId: 'proj_1', parentId: 'task_a' });
  });

  it('is refused while a live session holds one of them', () => {
    const { session } = new SessionHarness({}, [b]);
    expect(() => deleteTask(a, [a, b], [session], new FakeContext())).toThrow(expect.objectContaining({ code: 'TASK_IN_USE', details: { taskId: 'task_a', sessionIds: ['sess_1'] } }));
    expect(deleteTask(other, [a, b, other], [session], new FakeContext()).deletedIds).toEqual(['task_o']);
  });
});
