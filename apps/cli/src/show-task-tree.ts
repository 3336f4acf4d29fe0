import type { Project, Task } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import { projectOf, type Context } from './context.js';
import { oneLine } from './document-text.js';
import { itemsOf, PAGE_ITEMS } from './pages.js';
import type { Call } from './site.js';
import { treeOf, treeText } from './task-tree.js';

/** One project's tasks, or those of all of them, one after another. */
export async function showTaskTree(context: Context, { args: [rootId], options }: Call<{ project?: string; ascii?: boolean }, [task?: string]>): Promise<void> {
  const client = await context.client();
  const { printer } = context;
  let none = true;
  for await (const project of projectsOf(context, client, rootId, options.project)) {
    const tasks = await tasksOf(client, project.id);
    if (tasks.length === 0) continue;
    none = false;
    const nodes = treeOf(tasks, (await client.ordering('task', project.id)).ids, rootId);
    if (printer.json) for (const { task, depth, blockedBy } of nodes) printer.document({ ...task, depth, blockedBy });
    else printer.line(`${printer.style('bold', oneLine(project.name))}  ${printer.style('dim', project.id)}\n${treeText(printer, nodes, options.ascii ?? !speaksUtf8(context.terminal.env))}`);
  }
  if (none && !printer.json) printer.line('No task.');
}

async function* projectsOf(context: Context, client: ApiClient, rootId: string | undefined, given: string | undefined): AsyncGenerator<Project> {
  const id = rootId === undefined ? projectOf(context, given) : (await client.task(rootId)).projectId;
  if (id !== undefined) yield await client.project(id);
  else yield* itemsOf((cursor) => client.projects({ cursor, limit: PAGE_ITEMS }));
}

async function tasksOf(client: ApiClient, projectId: string): Promise<Task[]> {
  const tasks: Task[] = [];
  for await (const task of itemsOf((cursor) => client.tasks({ projectId, cursor, limit: PAGE_ITEMS }))) tasks.push(task);
  return tasks;
}

/** POSIX: the first of these that is set decides; a terminal that says nothing is taken for a modern one. */
function speaksUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'];
  return locale === undefined || /utf-?8/i.test(locale);
}
