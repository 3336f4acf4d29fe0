import type { Task } from '@orbitmesh/domain';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { treeOf } from './task-tree.js';
import { anything } from './testing/any-answer.js';
import { TestHome } from './testing/test-home.js';

const task = (id: string, more: Partial<Task> = {}): Task => ({ ...anything(id), title: `Do ${id}`, status: 'todo', createdAt: '2026-01-01T00:00:00.000Z', ...more } as Task);
const shape = (tasks: Task[], placed: string[] = [], root?: string) => treeOf(tasks, placed, root).map(({ task: { id }, depth }) => `${'-'.repeat(depth)}${id}`);

describe('the tree of tasks', () => {
  it('is in the order in which they were made, below their parents', () => {
    expect(shape([task('b', { parentId: 'a' }), task('a'), task('d'), task('c', { parentId: 'b' }), task('e', { parentId: 'a', createdAt: '2025-01-01T00:00:00.000Z' })])).toEqual(['a', '-e', '-b', '--c', 'd']);
  });

  it('has those that somebody placed first, as they were placed, among their siblings', () => {
    const tasks = [task('a'), task('b'), task('c'), task('d', { parentId: 'a' }), task('e', { parentId: 'a' })];
    expect(shape(tasks, ['c', 'gone', 'e'])).toEqual(['c', 'a', '-e', '-d', 'b']);
  });

  it('shows a part of what is not there by itself, and what is asked for alone', () => {
    expect(shape([task('a', { parentId: 'gone' }), task('b', { parentId: 'a' }), task('c')])).toEqual(['a', '-b', 'c']);
    expect(shape([task('a'), task('b', { parentId: 'a' }), task('c', { parentId: 'b' })], [], 'b')).toEqual(['b', '-c']);
  });

  it('knows what holds a task up: what it depends on and is not completed', () => {
    const nodes = treeOf([task('a'), task('b', { status: 'completed' }), task('c', { dependencies: ['a', 'b', 'deleted'] })], []);
    expect(nodes[2].blockedBy).toEqual(['a']);
  });
});

describe('task tree', () => {
  let home: TestHome;
  beforeEach(async () => {
    home = await TestHome.make();
    home.api.on('GET /api/projects/proj_1', [200, { id: 'proj_1', name: 'Rocket' }]).on('GET /api/ordering/task/proj_1', [200, { ids: ['task_3'] }]).on('GET /api/tasks?projectId=proj_1&limit=200', [200, { items: [
      task('task_1', { title: 'Engine' }), task('task_2', { title: 'Nozzle', parentId: 'task_1', status: 'completed', taskSessionStatuses: { s1: 'failed', s2: 'completed', s3: 'completed' } }),
      task('task_3', { title: 'Plan\u001b', status: 'in_progress', priority: 'high' }), task('task_4', { title: 'Seal', parentId: 'task_1', dependencies: ['task_3', 'task_2'] }),
    ], nextCursor: null }]);
  });
  afterEach(() => home.remove());

  it('draws it', async () => {
    expect((await home.cli(['task', 'tree', '-p', 'proj_1'])).out).toBe([
      'Rocket  proj_1',
      '├─ ◐ Plan␛      in_progress, high  task_3',
      '└─ ○ Engine     todo, medium  task_1',
      '   ├─ ● Nozzle  completed, medium, sessions: 1 failed, 2 completed  task_2',
      '   └─ ○ Seal    todo, medium, blocked by Plan␛  task_4', ''].join('\n'));
  });

  it.each([[['--ascii'], {}], [[], { LANG: 'C' }]])('draws it in ASCII where nothing else is understood: %j %j', async (more, env) => {
    const { out } = await home.cli(['task', 'tree', '-p', 'proj_1', ...more], { env });
    expect(out).toContain('`- [ ] Engine');
    expect(out).toContain('   |- [x] Nozzle');
  });

  it('is of every project that has tasks, where none is named', async () => {
    home.api.on('GET /api/projects?limit=200', [200, { items: [{ id: 'proj_0', name: 'Empty' }, { id: 'proj_1', name: 'Rocket' }], nextCursor: null }]).on('GET /api/tasks?projectId=proj_0&limit=200', [200, { items: [], nextCursor: null }]);
    const { out } = await home.cli(['task', 'tree']);
    expect(out).toContain('Rocket');
    expect(out).not.toContain('Empty');
  });

  it('says to programs how deep each stands, and what holds it up', async () => {
    home.api.on('GET /api/tasks/task_1', [200, { id: 'task_1', projectId: 'proj_1' }]);
    const { out } = await home.cli(['task', 'tree', 'task_1', '--json']);
    expect(out.trim().split('\n').map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ id: 'task_1', depth: 0, blockedBy: [] }), expect.objectContaining({ id: 'task_2', depth: 1 }), expect.objectContaining({ id: 'task_4', depth: 1, blockedBy: ['task_3'] })]);
  });
});
