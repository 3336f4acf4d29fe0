import { AppError } from '../errors/app-error.js';
import type { Task } from './task.js';

/** Tasks by id; a Map is one. */
export interface TaskLookup { get(id: string): Task | undefined }

/** `todo`, and every dependency completed. A dependency that is no longer there holds nobody up. */
export function taskReady(task: Task, byId: TaskLookup): boolean {
  return task.status === 'todo' && task.dependencies.every((id) => (byId.get(id)?.status ?? 'completed') === 'completed');
}

/**
 * Parent and dependencies are there, in the task's own project, and lead to no cycle.
 * @param task as it is to be written; `byId` may still hold it as it was.
 * @throws TASK_NOT_FOUND, TASK_REFERENCE_INVALID
 */
export function assertTaskReferences(task: Task, byId: TaskLookup): void {
  for (const id of [...(task.parentId === null ? [] : [task.parentId]), ...task.dependencies]) {
    const other = id === task.id ? task : byId.get(id);
    if (!other) throw new AppError('TASK_NOT_FOUND', `There is no task ${id}.`, { taskId: id });
    if (other.projectId !== task.projectId) {
      throw new AppError('TASK_REFERENCE_INVALID', `Task ${id} is of another project.`, { taskId: id });
    }
  }
  assertNoCycle(task, byId);
}

/**
 * Neither the dependencies nor the parents of a task may lead back to it.
 * @throws TASK_REFERENCE_INVALID {taskId, through: 'dependencies' | 'parentId'}
 */
export function assertNoCycle(task: Task, byId: TaskLookup): void {
  const edges = { dependencies: (of: Task) => of.dependencies, parentId: (of: Task) => (of.parentId === null ? [] : [of.parentId]) };
  for (const [through, next] of Object.entries(edges)) {
    if (reaches(task, next, byId)) {
      throw new AppError('TASK_REFERENCE_INVALID', `The ${through} of task ${task.id} lead back to it.`, { taskId: task.id, through });
    }
  }
}

/** Every task below this one, children before their parents. */
export function descendantsOf(task: Task, tasks: Iterable<Task>): Task[] {
  const children = new Map<string, Task[]>();
  for (const other of tasks) {
    if (other.parentId === null) continue;
    const siblings = children.get(other.parentId);
    if (siblings) siblings.push(other);
    else children.set(other.parentId, [other]);
  }
  const found: Task[] = [];
  const open = [...(children.get(task.id) ?? [])];
  for (let next = open.pop(); next; next = open.pop()) {
    found.push(next);
    open.push(...(children.get(next.id) ?? []));
  }
  return found.reverse();
}

function reaches(task: Task, next: (of: Task) => readonly string[], byId: TaskLookup): boolean {
  const seen = new Set<string>();
  const open = [...next(task)];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === task.id) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    const other = byId.get(id);
    if (other) open.push(...next(other));
  }
  return false;
}
