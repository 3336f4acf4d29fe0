import { Inject, Injectable } from '@nestjs/common';
import { AppError, type EventEnvelope, type TimelineEntry } from '@orbitmesh/domain';
import type { MutationReply, RpcRequest, RpcResponse, SessionRpc } from '@orbitmesh/contracts';
import { Store } from '@orbitmesh/storage';
import { assertOwnSession } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { assertSeesSession, sightOf } from '../commands/reader.js';
import { pageBounds, sessionSeqOf } from '../feed/page-bounds.js';
import { assertRevision, sessionOf } from '../store/documents.js';
import { changeSession } from './session-change.js';

type Posted = EventEnvelope<'timeline', TimelineEntry>;

/** What happened to the work, in words; the `timeline` events of a session. */
@Injectable()
export class TimelineService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
  ) {}

  /** @throws SESSION_NOT_FOUND, SESSION_ENDED, TASK_REFERENCE_INVALID, VALIDATION_FAILED, FORBIDDEN */
  post({ id, kind, message, taskId, taskStatus, meta }: RpcRequest<typeof SessionRpc.postTimeline>): Promise<MutationReply<Posted>> {
    return this.commands.run<Posted>(meta, (tx) => {
      const session = sessionOf(tx.view, id);
      assertOwnSession(meta.actor, session.id);
      assertRevision(session, meta.ifMatch);
      const { change } = changeSession(tx, session, {
        type: 'timeline', kind, message, ...(taskId !== undefined && { taskId }), ...(taskStatus !== undefined && { taskStatus }), actor: meta.actor,
      });
      return { status: 201, body: postedIn, ...change };
    });
  }

  /** @throws SESSION_NOT_FOUND, VALIDATION_FAILED for a cursor that is none, CURSOR_GONE for one from the future */
  async list({ id, cursor, limit, reader }: RpcRequest<typeof SessionRpc.listTimeline>): Promise<RpcResponse<typeof SessionRpc.listTimeline>> {
    const { durable } = this.store;
    const session = sessionOf(durable, id, sightOf(durable, reader));
    if (session.parentSessionId === null || reader?.kind !== 'agent' || reader.sessionId !== session.parentSessionId) assertSeesSession(reader, id);
    return this.store.readSessionEvents(id, { ...pageBounds(limit), after: sessionSeqOf(cursor), types: ['timeline'] });
  }
}

function postedIn(events: readonly EventEnvelope[]): Posted {
  const posted = events.find(({ type }) => type === 'timeline');
  if (!posted) throw new AppError('INTERNAL', 'A timeline entry made no event.');
  return posted as Posted;
}
