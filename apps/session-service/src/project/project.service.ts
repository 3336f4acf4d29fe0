import { realpathSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { AppError, ORDERED_ENTITIES, createProject, mailDeleted, orderingId, projectDeleted, updateProject, type Project, type TeamMember } from '@orbitmesh/domain';
import type { Page, PageQuery, RpcRequest, SessionRpc, MutationReply } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { sightOf } from '../commands/reader.js';
import { DirectoryCheck } from '../runner/directory-check.js';
import { assertOutsideHome, normalDirectory } from '../session/working-dir.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, projectOf, put } from '../store/documents.js';
import type { GroupIndex } from '../store/group-index.js';
import { Indexes } from '../store/indexes.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;

/** Projects. Their working directory is an allowed root of their sessions, so only people set it (design §4.3). */
@Injectable()
export class ProjectService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Indexes) private readonly indexes: Indexes,
    @Inject(DirectoryCheck) private readonly directories: DirectoryCheck,
    @Inject(SessionServiceConfig) private readonly config: SessionServiceConfig,
  ) {}

  /** @throws WORKING_DIR_INVALID, DOCUMENT_TOO_LARGE, FORBIDDEN */
  create({ body, meta }: Request<'createProject'>): Promise<MutationReply<Project>> {
    return this.commands.run(meta, (tx) => {
      assertNotAgent(meta.actor, 'make projects');
      const { doc, events } = createProject({ ...body, workingDir: this.rootOf(body.workingDir) }, tx);
      return { status: 201, body: doc, puts: [put(COLLECTIONS.projects, doc)], events };
    }, () => {
      assertNotAgent(meta.actor, 'make projects');
      return this.look(body.workingDir);
    });
  }

  get({ id, reader }: Request<'getProject'>): Project {
    const view = this.store.durable;
    return projectOf(view, id, sightOf(view, reader));
  }

  list(query: PageQuery): Page<Project> {
    return pageOf(this.store.durable.list<Project>(COLLECTIONS.projects), query, ({ id }) => id);
  }

  /** @throws PROJECT_NOT_FOUND, REVISION_MISMATCH, WORKING_DIR_INVALID, DOCUMENT_TOO_LARGE, FORBIDDEN */
  update({ id, body, meta }: Request<'updateProject'>): Promise<MutationReply<Project>> {
    const { workingDir } = body;
    const target = (view: View): Project => {
      assertNotAgent(meta.actor, 'change projects');
      const project = projectOf(view, id);
      assertRevision(project, meta.ifMatch);
      return project;
    };
    return this.commands.run(meta, (tx) => {
      const project = target(tx.view);
      const patch = workingDir === undefined ? body : { ...body, workingDir: this.rootOf(workingDir) };
      const { doc, events } = updateProject(project, patch, tx);
      return { status: 200, body: doc, puts: doc === project ? [] : [put(COLLECTIONS.projects, doc)], events };
    }, workingDir === undefined ? undefined : () => {
      // Whoever may not change it is told so, and nothing of the directory.
      target(this.store.pending);
      return this.look(workingDir);
    });
  }

  /** @throws PROJECT_NOT_FOUND, REVISION_MISMATCH, PROJECT_NOT_EMPTY, FORBIDDEN */
  remove({ id, meta }: Request<'deleteProject'>): Promise<MutationReply<null>> {
    return this.commands.run<null>(meta, (tx) => {
      assertNotAgent(meta.actor, 'delete projects');
      const project = projectOf(tx.view, id);
      assertRevision(project, meta.ifMatch);
      const held = this.heldBy(tx.view, id);
      if (held.length > 0) throw new AppError('PROJECT_NOT_EMPTY', `The project still has ${held.join(', ')}.`, { projectId: id, held });
      const mail = [...this.indexes.in(tx.view, this.indexes.mailOfProject, id)];
      const orderings = ORDERED_ENTITIES.map((entityType) => orderingId(entityType, id)).filter((ordering) => tx.view.has(COLLECTIONS.orderings, ordering));
      return {
        status: 204, body: null, events: [...mail.map((one) => mailDeleted(one, tx)), projectDeleted(project, tx)],
        deletes: [
          ...mail.map((one) => ({ collection: COLLECTIONS.mail, id: one.id })), ...orderings.map((ordering) => ({ collection: COLLECTIONS.orderings, id: ordering })),
          { collection: COLLECTIONS.projects, id: project.id },
        ],
      };
    });
  }

  /** What keeps a project from being deleted. */
  private heldBy(view: View, projectId: string): string[] {
    const { tasksOfProject, sessionsOfProject } = this.indexes;
    const some = (items: Iterable<unknown>): boolean => !items[Symbol.iterator]().next().done;
    const held = [tasksOfProject, sessionsOfProject].filter((index) => some(this.indexes.in(view, index as GroupIndex<object>, projectId))).map(({ collection }) => collection);
    const members = [...view.list<TeamMember>(COLLECTIONS.teamMembers)].some((member) => member.projectId === projectId);
    return members ? [...held, COLLECTIONS.teamMembers] : held;
  }

  /** It is the root of its sessions: what is no directory would make each of them fail. @throws WORKING_DIR_INVALID */
  private async look(workingDir: string): Promise<void> {
    const path = this.rootOf(workingDir);
    await this.directories.assertUsable(path, [path]);
  }

  private rootOf(workingDir: string): string {
    const path = normalDirectory(workingDir);
    assertOutsideHome(path, homesOf(this.config.home));
    return path;
  }
}

/** The home under both of its names: a link to it is no way in. */
export function homesOf(home: string): string[] {
  return [...new Set([normalDirectory(home), realpathSync(home)])];
}
