import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { Lifecycle, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { Authenticator } from '../auth/authenticator.js';
import type { Principal } from '../auth/principal.js';
import { TokenStore } from '../auth/token.store.js';
import { Rates } from '../http/rates.js';
import { Shares } from '../http/shares.js';
import { AGENT_RECHECK_MS, CLIENT_TICK_MS, CLIENTS_MAX, CLOSE_GRACE_MS, TOKEN_RECHECK_MS } from '../limits.js';
import { EventPager } from './event-pager.js';
import { EventTail, type TailChange } from './event-tail.js';
import type { FeedClient, FeedClientOptions, FeedCounts } from './feed-client.js';
import { TokenWatch } from './token-watch.js';

/** Everybody who follows the feed, by whatever kind of connection: woken, looked after, and told when to go (design §5). */
@Injectable()
export class LiveClients implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly clients = new Set<FeedClient>();
  private readonly shares = new Shares(CLIENTS_MAX);
  private timer: NodeJS.Timeout | undefined;
  private nextRecheck = 0;
  private nextAgentRecheck = 0;
  private readonly watch: TokenWatch;
  private readonly counts: FeedCounts = { events: 0, slow: 0 };

  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(TokenStore) private readonly tokens: TokenStore,
    @Inject(EventTail) private readonly tail: EventTail, @Inject(EventPager) private readonly pager: EventPager, @Inject(Rates) private readonly rates: Rates,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle, @Inject(Metrics) metrics: Metrics, @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.watch = new TokenWatch(tail);
    metrics.gaugeOf('orbitmesh_live_clients', 'Clients that follow the feed, by WebSocket or event stream.', () => this.clients.size);
    metrics.counterOf('orbitmesh_live_events_sent_total', 'Events sent to them.', () => this.counts.events);
    metrics.counterOf('orbitmesh_live_clients_cut_total', 'Of them, cut as they did not read; each goes on from its cursor.', () => this.counts.slow);
    metrics.gaugeOf('orbitmesh_live_unsent_bytes', 'What waits for them to read.', () => [...this.clients].reduce((sum, { unsent }) => sum + unsent, 0));
  }

  onApplicationBootstrap(): void {
    this.tail.onChange((change) => this.onTail(change));
    this.tokens.onChange(() => void this.recheck(this.people()));
    this.timer = setInterval(() => this.tick(), CLIENT_TICK_MS);
  }

  /** Everybody is told to come back, and cut off if they do not close in time. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    for (const client of this.clients) client.close('shutdown');
    const until = performance.now() + CLOSE_GRACE_MS;
    while (this.clients.size > 0 && performance.now() < until) await new Promise((resolve) => { setTimeout(resolve, 10); });
    for (const client of this.clients) client.terminate();
  }

  /** @throws UNAVAILABLE when there is no place for one more of this token */
  checkRoom(principal: Principal): void {
    if (this.lifecycle.stopping || !this.shares.hasRoomFor(principal)) throw new AppError('UNAVAILABLE');
  }

  optionsFor(principal: Principal, token: string): FeedClientOptions {
    return { principal, token, take: () => this.rates.take(principal), tail: this.tail, pager: this.pager, onFault: (error) => this.logger.error({ err: error }, 'live client failed'), counts: this.counts };
  }

  add(client: FeedClient): void {
    this.clients.add(client);
    this.shares.take(client.principal);
    if (this.lifecycle.stopping) client.close('shutdown');
    // Its token may have ended while it was on its way in, when nobody would have told it.
    else void this.recheck([client]);
  }

  delete(client: FeedClient): void {
    if (this.clients.delete(client)) this.shares.leave(client.principal);
  }

  private onTail(change: TailChange): void {
    const now = performance.now();
    void this.recheck(this.watch.affected(this.clients));
    for (const client of this.clients) {
      if (change === 'degraded') client.degraded();
      else if (change === 'reset') client.reset();
      client.wake();
      if (change === 'recovered') client.sendPosition(now);
    }
  }

  private tick(): void {
    const now = performance.now();
    for (const client of this.clients) {
      if ((client.principal.endsAt ?? Infinity) <= Date.now()) client.close('unauthenticated');
      else client.tick(now);
    }
    if (now >= this.nextRecheck) {
      this.nextRecheck = now + TOKEN_RECHECK_MS;
      void this.recheck(this.people());
    }
    if (now >= this.nextAgentRecheck) {
      this.nextAgentRecheck = now + AGENT_RECHECK_MS;
      void this.recheck([...this.clients].filter(({ principal }) => principal.agent));
    }
  }

  private people(): FeedClient[] {
    return [...this.clients].filter(({ principal }) => !principal.agent);
  }

  /** A token may end before its connection does: it was revoked or rotated, an agent's run is over. Each is asked for once, however many came by it. */
  private async recheck(clients: readonly FeedClient[]): Promise<void> {
    const byToken = new Map<string, FeedClient[]>();
    for (const client of clients) byToken.set(client.token, [...byToken.get(client.token) ?? [], client]);
    await Promise.all([...byToken].map(async ([token, of]) => {
      if (await this.isOver(token)) for (const client of of) client.close('unauthenticated');
    }));
  }

  private async isOver(token: string): Promise<boolean> {
    try {
      const { scopes } = await this.authenticator.authenticate(token);
      return scopes !== undefined && !scopes.includes('read');
    } catch (error) {
      return error instanceof AppError && error.code === 'UNAUTHENTICATED';
    }
  }
}
