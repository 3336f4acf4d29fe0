import { Inject, Injectable } from '@nestjs/common';
import { AppError, actorName } from '@orbitmesh/domain';
import type { MutationReply, RpcRequest, RunnerDrain, RunnerView, SessionRpc } from '@orbitmesh/contracts';
import { Store } from '@orbitmesh/storage';
import { assertNotAgent } from '../commands/access.js';
import { Commands } from '../commands/commands.js';
import { COLLECTIONS } from '../store/collections.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { RunnerRegistry } from './runner-registry.js';
import { runnerViewOf } from './runner-view.js';

/** A drain as it is kept: under its runner's id, as long as it is meant, whatever becomes of the runner's process and of ours. */
type KeptDrain = RunnerDrain & { id: string };

/** Which runners take nothing new, because somebody wants it so (ADR-0034). */
@Injectable()
export class RunnerDrains {
  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(LiveSessions) private readonly live: LiveSessions,
  ) {}

  /** By what is pending: a runner gets nothing from the moment on that it was said. */
  has(runnerId: string): boolean {
    return this.store.pending.has(COLLECTIONS.runnerDrains, runnerId);
  }

  /** By what is durable. */
  of(runnerId: string): RunnerDrain | null {
    const kept = this.store.durable.get<KeptDrain>(COLLECTIONS.runnerDrains, runnerId);
    return kept ? { at: kept.at, by: kept.by } : null;
  }

  /** Doing it twice changes nothing. @throws RUNNER_NOT_FOUND, FORBIDDEN */
  set({ id, drained, meta }: RpcRequest<typeof SessionRpc.drainRunner>): Promise<MutationReply<RunnerView>> {
    return this.commands.run(meta, (tx) => {
      assertNotAgent(meta.actor, 'drain runners');
      const runner = this.registry.get(id);
      if (!runner) throw new AppError('RUNNER_NOT_FOUND', `There is no runner ${String(id).slice(0, 80)}.`, { runnerId: String(id).slice(0, 80) });
      const before = tx.view.get<KeptDrain>(COLLECTIONS.runnerDrains, id);
      const kept = drained ? before ?? { id, at: tx.now, by: actorName(meta.actor) } : undefined;
      const body = runnerViewOf(runner, { presence: this.registry.presence(id), drain: kept ? { at: kept.at, by: kept.by } : null, live: this.live });
      if (kept === before) return { status: 200, body };
      const name = { collection: COLLECTIONS.runnerDrains, id };
      return { status: 200, body, ...(kept ? { puts: [{ ...name, doc: kept }] } : { deletes: [name] }) };
    });
  }
}
