import { TASK_PRIORITIES, TASK_STATUSES, type Task } from '@orbitmesh/domain';
import { NAME_CHARS_MAX, TASK_LIST_MAX, TEXT_CHARS_MAX } from '@orbitmesh/contracts/wire';
import { z } from 'zod';
import { MCP_LIST_ITEMS_DEFAULT } from '../limits.js';
import { CHANGES, PAGE, READS, taskId, tool, type Tool } from './tool.js';

const ids = (about: string) => z.array(taskId('A task.')).max(TASK_LIST_MAX).optional().describe(about);

const FIELDS = {
  description: z.string().max(TEXT_CHARS_MAX).optional().describe('What is to be done.'),
  acceptanceCriteria: z.array(z.string().min(1).max(TEXT_CHARS_MAX)).max(TASK_LIST_MAX).optional().describe('How one sees that it is done, one item each; replaces all there were.'),
  status: z.enum(TASK_STATUSES).optional(),
  priority: z.enum(TASK_PRIORITIES).optional(),
  dependencies: ids('Tasks that must be completed before it can begin; replaces all there were.'),
};
const title = z.string().min(1).max(NAME_CHARS_MAX).describe('What to call it, on one line.');

/** Enough to choose one; `get_task` has the rest. */
function brief({ id, title: name, status, priority, parentId, dependencies, sessionIds, teamMemberId }: Task) {
  return { id, title: name, status, priority, parentId, dependencies, sessionIds, teamMemberId };
}

/** The project's tasks, as far as the session's token reaches. */
export const TASK_TOOLS: readonly Tool[] = [
  tool({
    name: 'list_tasks', title: 'List tasks', annotations: READS, description: "List this session's own tasks, or those of the whole project. get_task shows one whole.",
    input: {
      of: z.enum(['session', 'project']).default('session').describe("session: the tasks this session was started for; project: all of the project's."),
      status: z.enum(TASK_STATUSES).optional().describe('Of the project: only with this status.'),
      parentId: taskId('Of the project: only the parts of this task.').optional(),
      ready: z.boolean().optional().describe('Of the project: only those that can be begun (todo, and all they depend on completed).'),
      ...PAGE,
    },
    run: async ({ client, own }, { of, status, parentId, ready, limit = MCP_LIST_ITEMS_DEFAULT, cursor }, { signal }) => {
      if (of === 'session') {
        const tasks = await Promise.all(own.taskIds.map((id) => client.read('tasks.get', { params: { id } }, { signal })));
        return { data: { items: tasks.map(brief), nextCursor: null } };
      }
      const { items, nextCursor } = await client.read('tasks.list', { query: { projectId: own.projectId, status, parentId, ready, limit, cursor } }, { signal });
      return { data: { items: items.map(brief), nextCursor } };
    },
  }),
  tool({
    name: 'get_task', title: 'Show a task', annotations: READS, description: 'Show one task whole: description, acceptance criteria, dependencies, who works on it.', input: { taskId: taskId('Which task.') },
    run: async ({ client }, { taskId: id }, { signal }) => ({ data: { task: await client.read('tasks.get', { params: { id } }, { signal }) } }),
  }),
  tool({
    name: 'create_task', title: 'Create a task', annotations: CHANGES, description: 'Add a task to the project, as a part of another one with `parentId`. To have it done, spawn_session with its id.',
    input: { title, parentId: taskId('The task it is a part of.').optional(), ...FIELDS },
    run: async ({ client, own }, fields, { change }) => {
      const { body: task } = await client.createTask({ projectId: own.projectId, ...fields }, change);
      return { text: `Created: ${task.id}.`, data: { task } };
    },
  }),
  tool({
    name: 'update_task', title: 'Change a task', annotations: CHANGES, description: 'Change what is given of a task of the project, and nothing else. To say how your own work on it goes, use report_task.',
    input: { taskId: taskId('Which task.'), title: title.optional(), parentId: taskId('Move it: the task it becomes a part of.').optional(), ...FIELDS },
    run: async ({ client }, { taskId: id, ...fields }, { change }) => {
      const { body: task } = await client.updateTask(id, fields, change);
      return { text: `Changed: ${task.id} is ${task.status}.`, data: { task } };
    },
  }),
];
