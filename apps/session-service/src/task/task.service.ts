import { Inject, Injectable } from '@nestjs/common';
import {
  AppError, assertTaskReferences, createTask, deleteTask, isId, taskReady, updateTask, type Task
} from '@orbitmesh/domain';
import type { MutationReply, Page, RpcRequest, SessionRpc } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { assertOneCommit } from '../commands/decision.js';
import { listedProject, sightOf, type Sight } from '../commands/reader.js';
import { AGENT_PROJECT_TASKS_MAX, TASKS_DELETED_MAX } from '../limits.js';
import { dropFromOrdering } from '../ordering/ordering.service.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, projectOf, put, taskOf, teamMemberOf } from '../store/documents.js';
import { filtered } from '../store/filtered.js';
import { Indexes, type Group } from '../store/indexes.js';
import { LiveSessions } from '../supervisor/live-sessions.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;

@Injectable()
export class TaskService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {}

  /** @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, TEAM_MEMBER_NOT_FOUND, TASK_REFERENCE_INVALID, DOCUMENT_TOO_LARGE, LIMIT_REACHED for an agent */
  create({ body, meta }: Request<'createTask'>): Promise<MutationReply<Task>> {
    return this.commands.run(meta, (tx) => {
      const sight = sightOf(tx.view, meta.actor);
      projectOf(tx.view, body.projectId, sight);
      if (meta.actor.kind === 'agent') this.assertRoomFor(body.projectId);
      const { doc, events } = createTask(body, tx);
      assertReferences(tx.view, doc, sight);
      return { status: 201, body: doc, puts: [put(COLLECTIONS.tasks, doc)], events };
    });
  }

  get({ id, reader }: Request<'getTask'>): Task {
    const view = this.store.durable;
    return taskOf(view, id, sightOf(view, reader));
  }

  /** @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND for a filter that names what is not there */
  list({ projectId: asked, status, parentId, ready, reader, ...query }: Request<'listTasks'>): Page<Task> {
    const view = this.store.durable;
    const projectId = listedProject(view, reader, asked);
    if (projectId !== undefined) projectOf(view, projectId);
    if (parentId !== undefined) taskOf(view, parentId, sightOf(view, reader));
    const byId = lookupIn(view);
    const { tasksInStatus, tasksOfParent, tasksOfProject } = this.indexes;
    const wanted = (task: Task): boolean =>
      (projectId === undefined || task.projectId === projectId)
      && (status === undefined || task.status === status)
      && (parentId === undefined || task.parentId === parentId)
      && (ready !== true || task.status === 'todo');
    const groups: Group<Task>[] = [[tasksOfProject, projectId], [tasksOfParent, parentId], [tasksInStatus, ready === true ? 'todo' : status]];
    const tasks = this.indexes.matching(view, COLLECTIONS.tasks, { groups, wanted, after: query.cursor });
    return pageOf(filtered(tasks, (task) => ready === undefined || taskReady(task, byId) === ready), query, ({ id }) => id);
  }

  /** @throws TASK_NOT_FOUND, REVISION_MISMATCH, TEAM_MEMBER_NOT_FOUND, TASK_REFERENCE_INVALID, DOCUMENT_TOO_LARGE */
  update({ id, body, meta }: Request<'updateTask'>): Promise<MutationReply<Task>> {
    return this.commands.run(meta, (tx) => {
      const sight = sightOf(tx.view, meta.actor);
      const task = taskOf(tx.view, id, sight);
      assertRevision(task, meta.ifMatch);
      const { doc, events } = updateTask(task, body, tx);
      if (doc !== task) assertReferences(tx.view, doc, sight);
      return { status: 200, body: doc, puts: doc === task ? [] : [put(COLLECTIONS.tasks, doc)], events };
    });
  }

  /** With its descendants, children first. @throws TASK_NOT_FOUND, REVISION_MISMATCH, TASK_IN_USE, LIMIT_REACHED, FORBIDDEN */
  remove({ id, meta }: Request<'deleteTask'>): Promise<MutationReply<null>> {
    return this.commands.run<null>(meta, (tx) => {
      assertNotAgent(meta.actor, 'delete tasks');
      const task = taskOf(tx.view, id);
      assertRevision(task, meta.ifMatch);
      const siblings = this.indexes.in(tx.view, this.indexes.tasksOfProject, task.projectId);
      const { deletedIds, tasks, events } = deleteTask(task, siblings, this.live.pending(), tx);
      if (deletedIds.length + tasks.length > TASKS_DELETED_MAX) {
        throw new AppError('LIMIT_REACHED', `One deletion takes at most ${TASKS_DELETED_MAX} tasks; delete the ones below it first.`, { tasks: deletedIds.length });
      }
      assertOneCommit(tasks, 'Take it out of the dependencies of some of them first.');
      const ordering = dropFromOrdering(tx, 'task', task.projectId, deletedIds);
      return {
        status: 204, body: null, events: [...events, ...ordering.events],
        puts: [...tasks.map((other) => put(COLLECTIONS.tasks, other)), ...ordering.puts],
        deletes: deletedIds.map((deleted) => ({ collection: COLLECTIONS.tasks, id: deleted })),
      };
    });
  }

  /** Tasks are kept in memory, and an agent that makes them without end would take all of it. @throws LIMIT_REACHED */
  private assertRoomFor(projectId: string): void {
    if (this.indexes.tasksOfProject.size(projectId) < AGENT_PROJECT_TASKS_MAX) return;
    throw new AppError('LIMIT_REACHED', `The project has ${AGENT_PROJECT_TASKS_MAX} tasks; an agent adds no more to them.`, { projectId, max: AGENT_PROJECT_TASKS_MAX });
  }
}

const lookupIn = (view: View, sight: Sight = null): { get(id: string): Task | undefined } => ({
  get: (id) => {
    const task = isId(id) ? view.get<Task>(COLLECTIONS.tasks, id) : undefined;
    return sight === null || task?.projectId === sight ? task : undefined;
  },
});

/** Everything the task names is there, in its own project (a member may be global), and leads to no cycle. What is beyond somebody's sight is not there. */
function assertReferences(view: View, task: Task, sight: Sight): void {
  assertTaskReferences(task, lookupIn(view, sight));
  if (task.teamMemberId !== null) teamMemberOf(view, task.teamMemberId, task.projectId);
}
