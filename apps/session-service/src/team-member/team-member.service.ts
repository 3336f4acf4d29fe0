import { Inject, Injectable } from '@nestjs/common';
import {
  AppError, addMemory, archiveTeamMember, createTeamMember, deleteTeamMember, updateTeamMember, type Session, type Task, type TeamMember, type Written,
} from '@orbitmesh/domain';
import type { CommandMeta, MutationReply, Page, RpcRequest, SessionRpc } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { assertOneCommit, type Decide } from '../commands/decision.js';
import { listedProject, sightOf } from '../commands/reader.js';
import { MEMBER_TASKS_MAX } from '../limits.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, projectOf, put, teamMemberOf } from '../store/documents.js';
import { Indexes } from '../store/indexes.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;
type Reply = Promise<MutationReply<TeamMember>>;

/** Who agents work as. People make and change them; an agent only adds to what its own remembers. */
@Injectable()
export class TeamMemberService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {}

  /** @throws PROJECT_NOT_FOUND, DOCUMENT_TOO_LARGE, FORBIDDEN */
  create({ body, meta }: Request<'createTeamMember'>): Reply {
    return this.commands.run(meta, (tx) => {
      assertNotAgent(meta.actor, 'make team members');
      if (body.projectId) projectOf(tx.view, body.projectId);
      const { doc, events } = createTeamMember(body, tx);
      return { status: 201, body: doc, puts: [put(COLLECTIONS.teamMembers, doc)], events };
    });
  }

  /** @throws TEAM_MEMBER_NOT_FOUND */
  get({ id, reader }: Request<'getTeamMember'>): TeamMember {
    const view = this.store.durable;
    return teamMemberOf(view, id, sightOf(view, reader));
  }

  /** Of a project: its own and the global ones, unless `scope` says which. @throws PROJECT_NOT_FOUND, FORBIDDEN */
  list({ projectId: asked, status, scope = 'all', reader, ...query }: Request<'listTeamMembers'>): Page<TeamMember> {
    const view = this.store.durable;
    const projectId = listedProject(view, reader, asked);
    if (projectId !== undefined) projectOf(view, projectId);
    function* matching(): Iterable<TeamMember> {
      for (const member of view.list<TeamMember>(COLLECTIONS.teamMembers)) {
        const global = member.projectId === null;
        if (status !== undefined && member.status !== status) continue;
        if (projectId !== undefined && !global && member.projectId !== projectId) continue;
        if (scope === 'all' || (scope === 'global') === global) yield member;
      }
    }
    return pageOf(matching(), query, ({ id }) => id);
  }

  /** @throws TEAM_MEMBER_NOT_FOUND, REVISION_MISMATCH, DOCUMENT_TOO_LARGE, FORBIDDEN */
  update({ id, body, meta }: Request<'updateTeamMember'>): Reply {
    return this.change(id, meta, 'change team members', (member, tx) => updateTeamMember(member, body, tx));
  }

  /** @throws TEAM_MEMBER_NOT_FOUND, REVISION_MISMATCH, FORBIDDEN */
  archive({ id, archived, meta }: Request<'archiveTeamMember'>): Reply {
    return this.change(id, meta, 'archive team members', (member, tx) => archiveTeamMember(member, archived, tx));
  }

  /** @throws TEAM_MEMBER_NOT_FOUND, REVISION_MISMATCH, LIMIT_REACHED, DOCUMENT_TOO_LARGE, FORBIDDEN for an agent that works as another */
  addMemory({ id, text, meta }: Request<'addMemory'>): Reply {
    const { actor } = meta;
    const own = (view: View): boolean =>
      actor.kind === 'agent' && view.get<Session>(COLLECTIONS.sessions, actor.sessionId)?.teamMemberId === id;
    return this.change(id, meta, "change another member's memory", (member, tx) => addMemory(member, text, tx), own);
  }

  /** @throws TEAM_MEMBER_NOT_FOUND, REVISION_MISMATCH, LIMIT_REACHED, FORBIDDEN */
  remove({ id, meta }: Request<'deleteTeamMember'>): Promise<MutationReply<null>> {
    return this.commands.run<null>(meta, (tx) => {
      assertNotAgent(meta.actor, 'delete team members');
      const member = teamMemberOf(tx.view, id, null);
      assertRevision(member, meta.ifMatch);
      const { tasks, events } = deleteTeamMember(member, this.tasksOf(tx.view, member), tx);
      if (tasks.length > MEMBER_TASKS_MAX) {
        throw new AppError('LIMIT_REACHED', `More than ${MEMBER_TASKS_MAX} tasks are this member's; archive it, or give them to others first.`, { teamMemberId: id, tasks: tasks.length });
      }
      assertOneCommit(tasks, 'Archive it, or give some of its tasks to others first.');
      return {
        status: 204, body: null, events,
        puts: tasks.map((task) => put(COLLECTIONS.tasks, task)),
        deletes: [{ collection: COLLECTIONS.teamMembers, id: member.id }],
      };
    });
  }

  private change(id: string, meta: CommandMeta, what: string, decide: (member: TeamMember, tx: Decide) => Written<TeamMember>, agentMay = (_view: View): boolean => false): Reply {
    return this.commands.run(meta, (tx) => {
      if (!agentMay(tx.view)) assertNotAgent(meta.actor, what);
      const member = teamMemberOf(tx.view, id, null);
      assertRevision(member, meta.ifMatch);
      const { doc, events } = decide(member, tx);
      return { status: 200, body: doc, puts: doc === member ? [] : [put(COLLECTIONS.teamMembers, doc)], events };
    });
  }

  private *tasksOf(view: View, { id, projectId }: TeamMember): Iterable<Task> {
    const tasks = projectId === null ? view.list<Task>(COLLECTIONS.tasks) : this.indexes.in(view, this.indexes.tasksOfProject, projectId);
    for (const task of tasks) if (task.teamMemberId === id) yield task;
  }
}
