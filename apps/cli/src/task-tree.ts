import type { Task, TaskStatus } from '@orbitmesh/domain';
import { oneLine } from './document-text.js';
import type { Printer, Style } from './printer.js';

/** A task at its place in the tree. */
export interface TreeNode {
  task: Task;
  depth: number;
  /** For each level above it and its own: whether it is the last one there. */
  last: readonly boolean[];
  /** What it depends on and is not completed. */
  blockedBy: readonly string[];
}

/** Siblings follow as somebody placed them, all others in the order in which they were made (design §4.2). */
export function treeOf(tasks: readonly Task[], placed: readonly string[], rootId?: string): TreeNode[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const rank = new Map(placed.map((id, place) => [id, place]));
  const children = new Map<string | null, Task[]>();
  for (const task of [...tasks].sort((a, b) => (rank.get(a.id) ?? placed.length) - (rank.get(b.id) ?? placed.length) || compareMade(a, b))) {
    // A part of what is not there stands by itself.
    const parent = task.parentId !== null && byId.has(task.parentId) ? task.parentId : null;
    children.set(parent, [...(children.get(parent) ?? []), task]);
  }
  const nodes: TreeNode[] = [];
  const open = levelOf(rootId === undefined ? children.get(null) ?? [] : tasks.filter((task) => task.id === rootId), []);
  for (let next = open.pop(); next; next = open.pop()) {
    const { task, last } = next;
    const blockedBy = task.dependencies.filter((id) => (byId.get(id)?.status ?? 'completed') !== 'completed');
    nodes.push({ task, depth: last.length - 1, last, blockedBy });
    open.push(...levelOf(children.get(task.id) ?? [], last));
  }
  return nodes;
}

/** As a stack: the first one is on top. */
function levelOf(siblings: readonly Task[], above: readonly boolean[]): { task: Task; last: readonly boolean[] }[] {
  return siblings.map((task, n) => ({ task, last: [...above, n === siblings.length - 1] })).reverse();
}

function compareMade(a: Task, b: Task): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1;
}

const UNICODE = { branch: '├─ ', lastBranch: '└─ ', trunk: '│  ', mark: { todo: '○', in_progress: '◐', in_review: '◑', blocked: '✗', completed: '●', cancelled: '–' } satisfies Record<TaskStatus, string> };
const ASCII = { branch: '|- ', lastBranch: '`- ', trunk: '|  ', mark: { todo: '[ ]', in_progress: '[>]', in_review: '[?]', blocked: '[!]', completed: '[x]', cancelled: '[-]' } satisfies Record<TaskStatus, string> };
const STYLE_OF: Readonly<Record<TaskStatus, Style>> = { todo: 'bold', in_progress: 'cyan', in_review: 'cyan', blocked: 'yellow', completed: 'green', cancelled: 'dim' };

/** A task a line: its place, mark and title, then how it stands. */
export function treeText(printer: Printer, nodes: readonly TreeNode[], ascii: boolean): string {
  const signs = ascii ? ASCII : UNICODE;
  const titles = new Map(nodes.map(({ task }) => [task.id, oneLine(task.title)]));
  const heads = nodes.map(({ task, last }) => `${last.slice(0, -1).map((over) => (over ? '   ' : signs.trunk)).join('')}${last.at(-1) ? signs.lastBranch : signs.branch}${signs.mark[task.status]} ${oneLine(task.title)}`);
  const width = Math.max(...heads.map((head) => head.length));
  return nodes.map(({ task, blockedBy }, n) => {
    const details = [
      printer.style(STYLE_OF[task.status], task.status), task.priority,
      ...(blockedBy.length > 0 ? [printer.style('yellow', `blocked by ${blockedBy.map((id) => titles.get(id) ?? id).join(', ')}`)] : []),
      ...sessionsText(task),
    ];
    return `${heads[n].padEnd(width)}  ${details.join(', ')}  ${printer.style('dim', task.id)}`;
  }).join('\n');
}

/** How its sessions stand with it, by number. */
function sessionsText({ taskSessionStatuses }: Task): string[] {
  const counts = new Map<string, number>();
  for (const status of Object.values(taskSessionStatuses ?? {})) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts.size === 0 ? [] : [`sessions: ${[...counts].map(([status, n]) => `${n} ${status}`).join(', ')}`];
}
