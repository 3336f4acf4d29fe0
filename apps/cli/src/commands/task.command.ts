import { TASK_PRIORITIES, TASK_STATUSES, type Task, type TaskPriority, type TaskStatus } from '@orbitmesh/domain';
import type { TaskQuery } from '@orbitmesh/api-client';
import { projectNeeded, projectOf, type Context } from '../context.js';
import { timeText, type Columns, type Fields } from '../document-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { append, appendOrNone, orNull, type OptionRow } from '../options.js';
import { reportTask, TASK_REPORT_WORDS } from '../report.js';
import { showTaskTree } from '../show-task-tree.js';
import type { Call, Register, Site } from '../site.js';
import { textOf } from '../text-input.js';
import { given } from './project.command.js';

const COLUMNS: Columns<Task> = [['TASK', (one) => one.id], ['STATUS', (one) => one.status], ['PRIORITY', (one) => one.priority], ['TITLE', (one) => one.title]];
const FIELDS: Fields<Task> = [
  ['task', (one) => one.id], ['title', (one) => one.title], ['project', (one) => one.projectId], ['parent', (one) => one.parentId], ['status', (one) => one.status], ['priority', (one) => one.priority],
  ['description', (one) => one.description], ['done when', (one) => one.acceptanceCriteria], ['depends on', (one) => one.dependencies], ['member', (one) => one.teamMemberId],
  ['sessions', (one) => (one.sessionIds ?? []).map((id) => `${id} (${one.taskSessionStatuses?.[id] ?? 'queued'})`)],
  ['due', (one) => timeText(one.dueDate)], ['started', (one) => timeText(one.startedAt)], ['completed', (one) => timeText(one.completedAt)],
  ['created', (one) => timeText(one.createdAt)], ['updated', (one) => timeText(one.updatedAt)], ['revision', (one) => one.revision],
];
const TASK = [['<task>', 'its id']] as const;
const OF_PROJECT: OptionRow = ['-p, --project <project>', 'only of this project (default in a session: its own)'];

/** What a task is made with, and what can change of it. */
interface TaskOptions {
  project?: string; title?: string; parent?: string; description?: string; criterion?: string[]; status?: TaskStatus; priority?: TaskPriority;
  dependsOn?: string[]; member?: string; due?: string;
}
const fields = (list: OptionRow[2], none: string): OptionRow[] => [
  ['--description <text>', 'what is to be done; - reads it from stdin'],
  ['-c, --criterion <text>', `how one sees that it is done; may be repeated${none}`, list],
  ['--status <status>', 'how it stands (default: todo)', TASK_STATUSES],
  ['--priority <priority>', 'how much it matters (default: medium)', TASK_PRIORITIES],
  ['--depends-on <task>', `it is ready only when that one is completed; may be repeated${none}`, list],
];
const CREATE_OPTIONS: readonly OptionRow[] = [
  ['-p, --project <project>', 'its project (default in a session: its own)'], ['--parent <task>', 'the task it is a part of'], ...fields(append, ''),
  ['--member <member>', 'the team member who is to do it'], ['--due <date>', 'by when, as 2026-01-31 or RFC 3339'],
];
const UPDATE_OPTIONS: readonly OptionRow[] = [
  ['--title <title>', 'what to call it'], ['--parent <task>', 'the task it is a part of; none: of none'], ...fields(appendOrNone, '; replaces them all; none: there are none'),
  ['--member <member>', 'the team member who is to do it; none: nobody'], ['--due <date>', 'by when; none: at no time'],
];

export const registerTask: Register = (program) => {
  const task = program.noun('task', 'what is to be done, with acceptance criteria; its status is yours');
  task.change<Task, TaskOptions>({
    name: 'create', about: 'make a task; prints its id', args: [['<title>', 'what to call it']], options: CREATE_OPTIONS,
    send: async ({ client, context, call: { args: [title], options } }, how) => client.createTask({ projectId: projectNeeded(context, options.project), title, ...await bodyOf(context, options) }, how),
  });
  addList(task, 'list', 'list the tasks', {});
  addList(task, 'ready', 'list the tasks that can be begun: todo, and all they depend on completed', { ready: true });
  task.show<Task>({ about: 'show one task', args: TASK, get: ({ client, call }) => client.task(call.args[0]), fields: FIELDS });
  task.add<{ project?: string; ascii?: boolean }, [task?: string]>({
    name: 'tree', about: 'draw the tasks as a tree, in their order, with what holds them up', args: [['[task]', 'only this one and those below it']], prints: 'documents',
    options: [OF_PROJECT, ['--ascii', 'draw it with ASCII alone']], more: 'With --json one task a line, in the order of the tree, with its depth and blockedBy: what it depends on and is not completed.',
  }, showTaskTree);
  task.change<Task, TaskOptions>({
    name: 'update', about: 'change what is given, and nothing else', args: TASK, options: UPDATE_OPTIONS, revisioned: true,
    send: async ({ client, context, call: { args: [id], options } }, how) => client.updateTask(id, given({ title: options.title, ...await bodyOf(context, options) }), how),
    text: (one) => `${one.id}: ${one.status}, revision ${one.revision}`,
  });
  task.add<MoveOptions>({
    name: 'move', about: 'make a task part of another one, or place it among its siblings', args: TASK,
    options: [
      ['--parent <task>', 'the task it becomes a part of; none: of none'],
      ['--before <task>', 'place it before that one, and below the same task as that'], ['--after <task>', 'the same, after it'],
    ],
  }, move);
  task.remove({ about: 'delete a task and all below it', args: TASK, send: (client, id, how) => client.deleteTask(id, how) });
  task.add({ ...TASK_REPORT_WORDS, name: 'report' }, reportTask);
};

function addList(site: Site, name: string, about: string, fixed: TaskQuery): void {
  const status: OptionRow[] = fixed.ready ? [] : [['--status <status>', 'only with this status', TASK_STATUSES], ['--ready', 'only those that can be begun']];
  site.list<Task, { project?: string; status?: TaskStatus; parent?: string; ready?: boolean }>({
    name, about, options: [OF_PROJECT, ['--parent <task>', 'only the parts of this one'], ...status],
    page: ({ client, context, call: { options: { project, status: only, parent, ready } } }, query) => (
      client.tasks({ projectId: projectOf(context, project), status: only, parentId: parent, ready, ...fixed, ...query })),
    columns: COLUMNS, none: 'No task.',
  });
}

async function bodyOf(context: Context, { parent, description, criterion, status, priority, dependsOn, member, due }: TaskOptions) {
  return { parentId: orNull(parent), description: await textOf(context, description), acceptanceCriteria: criterion, status, priority, dependencies: dependsOn, teamMemberId: orNull(member), dueDate: orNull(due) };
}

interface MoveOptions { parent?: string; before?: string; after?: string }

/** Beside another task means below the same parent: only among siblings does the order show. */
async function move(context: Context, { args: [id], options: { parent, before, after } }: Call<MoveOptions>): Promise<void> {
  const beside = before ?? after;
  if (before !== undefined && after !== undefined) throw new CliError(EXIT.usage, 'Either --before or --after.');
  if (parent === undefined && beside === undefined) throw new CliError(EXIT.usage, 'Where to? --parent, --before or --after.');
  const client = await context.client();
  let task = await client.task(id);
  const parentId = parent === undefined && beside !== undefined ? (await client.task(beside)).parentId : orNull(parent);
  if (parentId !== undefined && parentId !== task.parentId) task = (await client.updateTask(id, { parentId })).body;
  if (beside !== undefined) await client.moveInOrdering('task', task.projectId, { id, before, after });
  const { printer } = context;
  printer.result(task, () => `${task.id}: ${task.parentId === null ? 'of no other task' : `part of ${task.parentId}`}${beside === undefined ? '' : `, ${before ? 'before' : 'after'} ${beside}`}`);
}
