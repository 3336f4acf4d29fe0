import { Inject, Injectable } from '@nestjs/common';
import type { Capabilities } from '@orbitmesh/domain';
import type { ProviderView, RunnerView } from '@orbitmesh/contracts';
import { ProviderCatalog } from '../provider/provider-catalog.js';
import { LiveSessions } from '../supervisor/live-sessions.js';
import { RunnerDrains } from './runner-drains.js';
import { RunnerRegistry } from './runner-registry.js';
import { runnerViewOf } from './runner-view.js';

const NOTHING: Capabilities = { pause: 'none', input: false, interrupt: false, steer: false, approvals: false, mcp: false, usage: false, recover: false, continue: false };

/** Runners and providers as `GET /api/runners` and `/api/providers` show them. */
@Injectable()
export class RunnerViews {
  constructor(
    @Inject(RunnerRegistry) private readonly registry: RunnerRegistry,
    @Inject(RunnerDrains) private readonly drains: RunnerDrains,
    @Inject(LiveSessions) private readonly live: LiveSessions,
    @Inject(ProviderCatalog) private readonly catalog: ProviderCatalog,
  ) {}

  runners(): { items: RunnerView[]; nextCursor: null } {
    const items = this.registry.all().map((runner) => {
      const { runnerId } = runner.heartbeat;
      return runnerViewOf(runner, { presence: this.registry.presence(runnerId), drain: this.drains.of(runnerId), live: this.live });
    });
    return { items, nextCursor: null };
  }

  /** Every configured name, with what the runners that know it say of it. */
  async providers(): Promise<{ items: ProviderView[]; nextCursor: null }> {
    await this.catalog.refresh();
    const items = this.catalog.list().map(({ name, driver }): ProviderView => {
      const known = this.registry.all()
        .filter(({ heartbeat }) => this.registry.presence(heartbeat.runnerId) !== 'lost')
        .flatMap(({ heartbeat }) => heartbeat.providers.filter((info) => info.name === name).map((info) => ({ info, runnerId: heartbeat.runnerId })));
      const installed = known.filter(({ info }) => info.installed);
      // Who was told a version knows more than who was not answered in time.
      const best = installed.find(({ info }) => info.version !== null) ?? installed[0] ?? known[0];
      return {
        ...(best?.info ?? { name, driver, installed: false, version: null, detail: 'no connected runner has told about it', capabilities: NOTHING }),
        runnerIds: installed.map(({ runnerId }) => runnerId),
      };
    });
    return { items, nextCursor: null };
  }
}
