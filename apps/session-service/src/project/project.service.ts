import { realpathSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { AppError, createProject, isId, projectDeleted, updateProject, type Project } from '@orbitmesh/domain';
import type { Page, PageQuery, RpcRequest, SessionRpc, MutationReply } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { DirectoryCheck } from '../runner/directory-check.js';
import { assertOutsideHome, normalDirectory } from '../session/working-dir.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, projectOf, put } from '../store/documents.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;

/** Projects. Their working directory is an allowed root of their sessions, so only people set it (design §4.3). */
@Injectable()
export class ProjectService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
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

  get({ id }: { id: string }): Project {
    return projectOf(this.store.durable, id);
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
      const held = [COLLECTIONS.tasks, COLLECTIONS.sessions, COLLECTIONS.teamMembers].filter((collection) => holdsAny(tx.view, collection, id));
      if (held.length > 0) throw new AppError('PROJECT_NOT_EMPTY', `The project still has ${held.join(', ')}.`, { projectId: id, held });
      return { status: 204, body: null, deletes: [{ collection: COLLECTIONS.projects, id: project.id }], events: [projectDeleted(project, tx)] };
    });
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

function holdsAny(view: View, collection: string, projectId: string): boolean {
  if (!isId(projectId)) return false;
  for (const doc of view.list<{ projectId: string | null }>(collection)) {
    if (doc.projectId === projectId) return true;
  }
  return false;
}
