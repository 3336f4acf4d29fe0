import { Inject, Injectable } from '@nestjs/common';
import { AppError, emptyOrdering, moveInOrdering, orderingId, replaceOrdering, withoutIds, type OrderedEntity, type Ordering, type Written } from '@orbitmesh/domain';
import { validationError, type CommandMeta, type MutationReply, type RpcRequest, type SessionRpc } from '@orbitmesh/contracts';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import type { Change, Decide } from '../commands/decision.js';
import { sightOf } from '../commands/reader.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, projectOf, put, sessionOf, taskOf } from '../store/documents.js';
import { Indexes } from '../store/indexes.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;
interface Named { entityType: OrderedEntity; projectId: string }

/** In which order people want to see a project's tasks and sessions. */
@Injectable()
export class OrderingService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {}

  /** @throws PROJECT_NOT_FOUND */
  get({ entityType, projectId, reader }: Request<'getOrdering'>): Ordering {
    const view = this.store.durable;
    projectOf(view, projectId, sightOf(view, reader));
    return orderingOf(view, { entityType, projectId });
  }

  /** @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, SESSION_NOT_FOUND, REVISION_MISMATCH, VALIDATION_FAILED, ORDERING_TOO_LONG, FORBIDDEN */
  replace({ entityType, projectId, ids, meta }: Request<'replaceOrdering'>): Promise<MutationReply<Ordering>> {
    return this.change({ entityType, projectId }, meta, (ordering, tx) => {
      if (new Set(ids).size < ids.length) throw validationError([{ pointer: '/ids', detail: 'must name each id once' }], 'body');
      const written = replaceOrdering(ordering, ids, tx);
      for (const id of ids) assertThere(tx.view, { entityType, projectId }, id);
      return written;
    });
  }

  /** @throws as `replace` does */
  move({ entityType, projectId, body: { id, before, after }, meta }: Request<'moveInOrdering'>): Promise<MutationReply<Ordering>> {
    return this.change({ entityType, projectId }, meta, (ordering, tx) => {
      if ((before === undefined) === (after === undefined)) throw validationError([{ pointer: '', detail: 'must have either before or after' }], 'body');
      const beside = before === undefined ? { after: after! } : { before };
      for (const named of [id, before ?? after!]) assertThere(tx.view, { entityType, projectId }, named);
      const index = entityType === 'task' ? this.indexes.tasksOfProject : this.indexes.sessionsOfProject;
      const created = index.ids(projectId).filter((one) => tx.view.has(index.collection, one));
      return moveInOrdering(ordering, id, beside, created, tx);
    });
  }

  private change(named: Named, meta: CommandMeta, decide: (ordering: Ordering, tx: Decide) => Written<Ordering>): Promise<MutationReply<Ordering>> {
    return this.commands.run(meta, (tx) => {
      assertNotAgent(meta.actor, 'reorder');
      projectOf(tx.view, named.projectId);
      const ordering = orderingOf(tx.view, named);
      assertRevision(ordering, meta.ifMatch);
      const { doc, events } = decide(ordering, tx);
      return { status: 200, body: doc, puts: doc === ordering ? [] : [put(COLLECTIONS.orderings, doc)], events };
    });
  }
}

/** What the deletion of tasks or sessions takes out of their project's ordering, for the same commit. */
export function dropFromOrdering(tx: Decide, entityType: OrderedEntity, projectId: string, gone: readonly string[]): Required<Pick<Change, 'puts' | 'events'>> {
  const written = withoutIds(orderingOf(tx.view, { entityType, projectId }), new Set(gone), tx);
  return written ? { puts: [put(COLLECTIONS.orderings, written.doc)], events: written.events } : { puts: [], events: [] };
}

function orderingOf(view: View, { entityType, projectId }: Named): Ordering {
  return view.get<Ordering>(COLLECTIONS.orderings, orderingId(entityType, projectId)) ?? emptyOrdering(entityType, projectId);
}

/** @throws TASK_NOT_FOUND, SESSION_NOT_FOUND */
function assertThere(view: View, { entityType, projectId }: Named, id: string): void {
  if (entityType === 'task') taskOf(view, id, projectId);
  else if (entityType === 'session') sessionOf(view, id, projectId);
  else throw new AppError('VALIDATION_FAILED', 'Only tasks and sessions are ordered.', { entityType });
}
