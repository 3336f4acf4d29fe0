import { Inject, Injectable } from '@nestjs/common';
import { AppError, type SessionView } from '@orbitmesh/domain';
import type { MutationReply, RpcRequest, SessionRpc } from '@orbitmesh/contracts';
import { Store } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import { LIVE_SESSIONS_MAX } from '../limits.js';
import { homesOf } from '../project/project.service.js';
import { ProviderCatalog } from '../provider/provider-catalog.js';
import { DirectoryCheck } from '../runner/directory-check.js';
import { SessionServiceConfig } from '../session-service.config.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { decideSpawn, planSpawn, type SpawnRules } from './spawn-plan.js';

/** `POST /api/sessions/spawn` (design §4.3): everything is checked, then one commit, or no trace at all. */
@Injectable()
export class SpawnService {
  readonly rules: SpawnRules;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(ProviderCatalog) private readonly catalog: ProviderCatalog,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(DirectoryCheck) private readonly directories: DirectoryCheck,
    @Inject(SessionServiceConfig) config: SessionServiceConfig,
  ) {
    this.rules = { catalog, roots: config.roots, homes: homesOf(config.home) };
  }

  /** @throws what `planSpawn` and `decideSpawn` do; WORKING_DIR_INVALID also from the runner that looked */
  spawn({ body, meta }: RpcRequest<typeof SessionRpc.spawn>): Promise<MutationReply<SessionView>> {
    return this.commands.run(
      meta,
      (tx, workingDir) => {
        // While the runner looked, anything may have changed; what it looked at is what is used.
        const plan = planSpawn(tx.view, { ...body, workingDir }, meta.actor, this.rules);
        if (this.live.count >= LIVE_SESSIONS_MAX) throw new AppError('LIMIT_REACHED', `At most ${LIVE_SESSIONS_MAX} sessions at once.`);
        return decideSpawn(tx, plan, meta);
      },
      async () => {
        await this.catalog.refresh();
        const { workingDir, roots } = planSpawn(this.store.pending, body, meta.actor, this.rules);
        await this.directories.assertUsable(workingDir, roots);
        return workingDir;
      },
    );
  }
}
