import { Inject, Injectable } from '@nestjs/common';
import {
  AppError, deleteSession, isTerminal, mailDeleted, sessionView, type Capabilities, type Manifest, type ManifestInput, type Session, type SessionView, type Task,
  type Transition,
} from '@orbitmesh/domain';
import type { MutationReply, Page, RpcRequest, SessionRpc } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store } from '@orbitmesh/storage';
import { assertNotAgent, assertOwnSession } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { listedProject, sightOf } from '../commands/reader.js';
import type { Decide, Decision } from '../commands/decision.js';
import { dropFromOrdering } from '../ordering/ordering.service.js';
import { RunnerRegistry } from '../runner/runner-registry.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, manifestInputOf, manifestOf, projectOf, put, sessionOf, taskOf } from '../store/documents.js';
import { Indexes, statusIn, type Group } from '../store/indexes.js';
import { changeSession } from './session-change.js';
import { UnrecordedEnd } from './unrecorded-end.js';

type Request<K extends keyof typeof SessionRpc> = RpcRequest<(typeof SessionRpc)[K]>;
type Reply = Promise<MutationReply<SessionView>>;

/** What people and agents see of sessions and want of them. Wishes are recorded; the supervisor makes them true. */
@Injectable()
export class SessionService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(UnrecordedEnd) private readonly unrecorded: UnrecordedEnd,
    @Inject(Indexes) private readonly indexes: Indexes,
  ) {}

  get({ id, reader }: Request<'getSession'>): SessionView {
    const view = this.store.durable;
    return sessionView(sessionOf(view, id, sightOf(view, reader)));
  }

  /** @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, SESSION_NOT_FOUND for a filter that names what is not there */
  list({ projectId: asked, state, status, taskId, parentSessionId, reader, ...query }: Request<'listSessions'>): Page<SessionView> {
    const view = this.store.durable;
    const projectId = listedProject(view, reader, asked);
    if (projectId !== undefined) projectOf(view, projectId);
    const sight = sightOf(view, reader);
    if (taskId !== undefined) taskOf(view, taskId, sight);
    if (parentSessionId !== undefined) sessionOf(view, parentSessionId, sight);
    const { childrenOfSession, sessionsIn, sessionsOfProject, sessionsOfTask } = this.indexes;
    const wanted = (session: Session): boolean =>
      (projectId === undefined || session.projectId === projectId)
      && (state === undefined || session.state === state)
      && (status === undefined || statusIn(session) === status)
      && (taskId === undefined || session.taskIds.includes(taskId))
      && (parentSessionId === undefined || session.parentSessionId === parentSessionId);
    const groups: Group<Session>[] = [[childrenOfSession, parentSessionId], [sessionsOfTask, taskId], [sessionsIn, state], [sessionsIn, status], [sessionsOfProject, projectId]];
    const sessions = this.indexes.matching(view, COLLECTIONS.sessions, { groups, wanted, after: query.cursor });
    return pageOf(viewsOf(sessions), query, ({ id }) => id);
  }

  manifest({ id }: { id: string }): Manifest {
    return manifestOf(this.store.durable, id, this.store);
  }

  manifestInput({ id }: { id: string }): ManifestInput {
    return manifestInputOf(this.store.durable, id, this.store);
  }

  transitions({ id }: { id: string }): { items: Transition[]; nextCursor: null } {
    return { items: sessionOf(this.store.durable, id).transitions, nextCursor: null };
  }

  /** @throws SESSION_NOT_FOUND, REVISION_MISMATCH, FORBIDDEN */
  rename({ id, body, meta }: Request<'updateSession'>): Reply {
    return this.commands.run(meta, (tx) => {
      const session = this.target(sessionOf(tx.view, id), meta);
      if (body.name === undefined) return { status: 200, body: sessionView(session) };
      const { session: renamed, change } = changeSession(tx, session, { type: 'rename', name: body.name });
      return { status: 200, body: sessionView(renamed), ...change };
    });
  }

  /**
   * 202 when an intent was recorded, 200 when there is nothing left to do.
   * @throws SESSION_NOT_FOUND, REVISION_MISMATCH, INVALID_TRANSITION {from, to, allowed}, NOT_SUPPORTED, FORBIDDEN;
   * STORAGE_FULL, STORAGE_WRITE when it is not recorded: the runner is told of a stop or a kill all the same
   */
  async act({ id, action, reason, meta }: Request<'actOnSession'>): Reply {
    const why = reason ?? `${action} by ${meta.actor.kind}`;
    // Only a wish that was found to be allowed is told: a refusal, too, may come out as a failed write.
    let allowed = false;
    try {
      return await this.commands.run(meta, (tx) => {
        const decision = this.decideAction(tx, id, action, why, meta);
        allowed = true;
        return decision;
      });
    } catch (error) {
      if (!allowed || (action !== 'stop' && action !== 'kill')) throw error;
      throw await this.unrecorded.after(error, { sessionId: id, action, reason: why });
    }
  }

  /** @throws SESSION_NOT_FOUND, SESSION_ENDED, NOT_SUPPORTED, LIMIT_REACHED, FORBIDDEN */
  input({ id, text, steer, meta }: Request<'inputToSession'>): Reply {
    return this.commands.run(meta, (tx) => {
      const session = this.target(sessionOf(tx.view, id), meta);
      if (!isTerminal(session)) this.assertCan(session, 'input');
      if (!isTerminal(session) && steer) this.assertCan(session, 'steer');
      const { session: after, change } = changeSession(tx, session, { type: 'input', inputId: tx.newId('input'), text, source: 'user', steer, actor: meta.actor });
      return { status: 202, body: sessionView(after), ...change };
    });
  }

  /** @throws SESSION_NOT_FOUND, REVISION_MISMATCH, SESSION_NOT_TERMINAL, FORBIDDEN */
  remove({ id, meta }: Request<'deleteSession'>): Promise<MutationReply<null>> {
    return this.commands.run<null>(meta, (tx) => {
      assertNotAgent(meta.actor, 'delete sessions');
      const session = this.target(sessionOf(tx.view, id), meta);
      const tasks = session.taskIds.flatMap((taskId) => tx.view.get<Task>(COLLECTIONS.tasks, taskId) ?? []);
      const { tasks: unlinked, events } = deleteSession(session, tasks, tx);
      // What it sent is its recipients'; what it got goes with it.
      const mails = [...this.indexes.in(tx.view, this.indexes.mailToSession, session.id)].filter(({ toSessionId }) => toSessionId === session.id);
      const ordering = dropFromOrdering(tx, 'session', session.projectId, [session.id]);
      return {
        status: 204, body: null, events: [...mails.map((mail) => mailDeleted(mail, tx)), ...ordering.events, ...events],
        puts: [...unlinked.map((task) => put(COLLECTIONS.tasks, task)), ...ordering.puts],
        deletes: [
          ...mails.map(({ id: mailId }) => ({ collection: COLLECTIONS.mail, id: mailId })),
          ...[COLLECTIONS.sessions, COLLECTIONS.manifests, COLLECTIONS.manifestInputs].map((collection) => ({ collection, id: session.id })),
        ],
      };
    });
  }

  private decideAction(tx: Decide, id: string, action: Request<'actOnSession'>['action'], why: string, meta: Request<'actOnSession'>['meta']): Decision<SessionView> {
    const session = this.target(sessionOf(tx.view, id), meta);
    if (action === 'interrupt') assertTurn(session);
    if (action === 'interrupt' || action === 'pause') this.assertCan(session, action);
    const { session: after, change } = changeSession(tx, session, { type: action, reason: why, actor: meta.actor });
    const nothingLeft = (action === 'stop' || action === 'kill') && isSettled(session);
    return { status: nothingLeft ? 200 : 202, body: sessionView(after), ...change };
  }

  private target(session: Session, meta: Request<'actOnSession'>['meta']): Session {
    assertOwnSession(meta.actor, session.id);
    assertRevision(session, meta.ifMatch);
    return session;
  }

  /** What nobody knows yet (no runner has told) is taken as an intent. @throws NOT_SUPPORTED */
  private assertCan(session: Session, what: keyof typeof DEEDS): void {
    const can: Capabilities | undefined = this.registry.capabilities(session.providerType, session.run?.runnerId);
    if (can && (can[what] === false || can[what] === 'none')) {
      throw new AppError('NOT_SUPPORTED', `The driver of ${session.providerType} cannot ${DEEDS[what]}.`, { capability: what, providerType: session.providerType });
    }
  }
}

function* viewsOf(sessions: Iterable<Session>): Iterable<SessionView> {
  for (const session of sessions) yield sessionView(session);
}

/** What a driver may not be able to do, in words. */
const DEEDS = { pause: 'pause', interrupt: 'interrupt', input: 'take input', steer: 'take input into a turn that runs' } as const;

const isSettled = (session: Session): boolean => session.state === 'stopping' || isTerminal(session);

/** @throws INVALID_TRANSITION when there is nothing to break off */
function assertTurn({ id, state, turn }: Session): void {
  if (state !== 'running' || !turn.active) {
    throw new AppError('INVALID_TRANSITION', `The session ${id} has no turn to interrupt.`, { from: state, to: state, allowed: [] });
  }
}
