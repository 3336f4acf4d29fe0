import { Inject, Injectable } from '@nestjs/common';
import { AppError, forwardMail, isTerminal, type ManifestInput, type Session, type SessionView } from '@orbitmesh/domain';
import type { ContinueSessionBody, MutationReply, RpcRequest, SessionRpc, SpawnSessionBody } from '@orbitmesh/contracts';
import { Store, type View } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import type { Change, Decide } from '../commands/decision.js';
import { LIVE_SESSIONS_MAX } from '../limits.js';
import { ProviderCatalog } from '../provider/provider-catalog.js';
import { DirectoryCheck } from '../runner/directory-check.js';
import { RunnerRegistry } from '../runner/runner-registry.js';
import { COLLECTIONS } from '../store/collections.js';
import { assertRevision, manifestInputOf, put, sessionOf } from '../store/documents.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { decideSpawn, planSpawn, type SpawnPlan } from './spawn-plan.js';
import { SpawnService } from './spawn.service.js';

/** `POST /api/sessions/:id/continue` (design §4.1): what has ended is final; a new session goes on in the agent's own conversation. */
@Injectable()
export class ContinueService {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(SpawnService) private readonly spawns: SpawnService,
    @Inject(ProviderCatalog) private readonly catalog: ProviderCatalog,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(DirectoryCheck) private readonly directories: DirectoryCheck,
  ) {}

  /** @throws SESSION_NOT_FOUND, REVISION_MISMATCH, SESSION_NOT_TERMINAL, NOT_SUPPORTED, CONFLICT while another goes on with it, and what a spawn does */
  continue({ id, body, meta }: RpcRequest<typeof SessionRpc.continueSession>): Promise<MutationReply<SessionView>> {
    const planned = (view: View): SpawnPlan => {
      assertNotAgent(meta.actor, 'continue sessions');
      const session = sessionOf(view, id);
      assertRevision(session, meta.ifMatch);
      this.assertContinuable(session);
      return this.planOf(view, session, body);
    };
    return this.commands.run(
      meta,
      (tx) => {
        const plan = planned(tx.view);
        assertNotContinued(tx, plan.continued!);
        if (this.live.count >= LIVE_SESSIONS_MAX) throw new AppError('LIMIT_REACHED', `At most ${LIVE_SESSIONS_MAX} sessions at once.`);
        const decision = decideSpawn(tx, plan, meta);
        const forwarded = forwardQueued(tx, plan.continued!, (decision.body as SessionView).id);
        return { ...decision, puts: [...decision.puts ?? [], ...forwarded.puts], events: [...decision.events ?? [], ...forwarded.events] };
      },
      async () => {
        await this.catalog.refresh();
        const { workingDir, roots } = planned(this.store.pending);
        await this.directories.assertUsable(workingDir, roots);
      },
    );
  }

  /** The same project, directory, provider, member and tasks (those that are still there); the rest as before where nothing else is said. */
  private planOf(view: View, session: Session, body: ContinueSessionBody): SpawnPlan {
    const before: ManifestInput = manifestInputOf(view, session.id, this.store);
    const spawn: SpawnSessionBody = {
      projectId: session.projectId,
      taskIds: session.taskIds.filter((taskId) => view.has(COLLECTIONS.tasks, taskId)),
      providerType: session.providerType,
      workingDir: session.workingDir,
      name: body.name ?? session.name,
      mode: body.mode ?? session.mode,
      ...optional('model', body.model ?? session.model),
      permissionMode: body.permissionMode ?? session.permissionMode,
      ...(session.parentSessionId !== null && view.has(COLLECTIONS.sessions, session.parentSessionId) && { parentSessionId: session.parentSessionId }),
      initialDirective: body.initialDirective,
      ...optional('systemPrompt', body.systemPrompt ?? before.systemPrompt),
      environment: body.environment ?? before.environment,
      secrets: body.secrets ?? before.secrets,
      mcpServers: before.mcpServers,
      custom: body.custom ?? before.custom,
      runnerLabels: session.runnerLabels ?? {},
      priority: session.priority ?? 0,
    };
    // It stays who it was, also where its member was changed, archived or deleted since.
    return { ...planSpawn(view, spawn, { kind: 'admin' }, this.spawns.rules), member: session.teamMember, continued: session };
  }

  /** @throws SESSION_NOT_TERMINAL, NOT_SUPPORTED */
  private assertContinuable(session: Session): void {
    const { id, providerType, agentSessionId, run } = session;
    if (!isTerminal(session)) throw new AppError('SESSION_NOT_TERMINAL', 'Only a session that has ended is continued.', { sessionId: id, state: session.state });
    if (agentSessionId === null) throw new AppError('NOT_SUPPORTED', 'Its agent began no conversation that could be gone on with; spawn a new session.', { capability: 'continue', sessionId: id });
    const can = this.registry.capabilities(providerType, run?.runnerId);
    if (can && !can.continue) throw new AppError('NOT_SUPPORTED', `The driver of ${providerType} cannot continue a session; spawn a new one.`, { capability: 'continue', providerType });
  }
}

/** Two at once would write into one conversation, however far the one is from the other. @throws CONFLICT */
function assertNotContinued({ live }: Decide, { id, providerType, agentSessionId }: Session): void {
  for (const other of live()) {
    if (other.providerType !== providerType || other.agentSessionId !== agentSessionId) continue;
    throw new AppError('CONFLICT', `The session ${other.id} goes on with its conversation already.`, { sessionId: id, continuedBy: other.id });
  }
}

/** All that go on with it, and with those. */
function* continuationsOf(tx: Decide, session: Session): Iterable<Session> {
  for (const next of tx.indexes.in(tx.view, tx.indexes.continuationsOfSession, session.id)) {
    yield next;
    yield* continuationsOf(tx, next);
  }
}

/** What neither it got, nor those that went on with it and have ended. */
function forwardQueued(tx: Decide, session: Session, to: string): Required<Pick<Change, 'puts' | 'events'>> {
  const forwarded = [session, ...continuationsOf(tx, session)].flatMap(({ id }) => tx.indexes.queuedFor(tx.view, id)).map((mail) => forwardMail(mail, to, tx));
  return { puts: forwarded.map(({ doc }) => put(COLLECTIONS.mail, doc)), events: forwarded.flatMap(({ events }) => events) };
}

function optional<K extends string>(key: K, value: string | null): { [P in K]?: string } {
  return value === null ? {} : { [key]: value } as { [P in K]?: string };
}
