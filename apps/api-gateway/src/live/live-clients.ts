import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { Lifecycle, LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import { Authenticator } from '../auth/authenticator.js';
import type { Principal } from '../auth/principal.js';
import { Rates } from '../http/rates.js';
import { CLIENT_TICK_MS, CLIENTS_MAX, CLOSE_GRACE_MS, PING_INTERVAL_MS } from '../limits.js';
import { EventPager } from './event-pager.js';
import { EventTail, type TailChange } from './event-tail.js';
import type { FeedClient, FeedClientOptions } from './feed-client.js';

/** Everybody who follows the feed, by whatever kind of connection: woken, looked after, and told when to go (design §5). */
@Injectable()
export class LiveClients implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly clients = new Set<FeedClient>();
  private timer: NodeJS.Timeout | undefined;
  private nextRecheck = 0;

  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(EventTail) private readonly tail: EventTail,
    @Inject(EventPager) private readonly pager: EventPager, @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(Rates) private readonly rates: Rates, @Inject(Metrics) metrics: Metrics, @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.gaugeOf('orbitmesh_live_clients', 'Clients that follow the feed, by WebSocket or event stream.', () => this.clients.size);
  }

  onApplicationBootstrap(): void {
    this.tail.onChange((change) => this.onTail(change));
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

  /** @throws UNAVAILABLE when there is no place for one more */
  checkRoom(): void {
    if (this.lifecycle.stopping || this.clients.size >= CLIENTS_MAX) throw new AppError('UNAVAILABLE');
  }

  optionsFor(principal: Principal, token: string): FeedClientOptions {
    return { principal, token, take: () => this.rates.take(principal), tail: this.tail, pager: this.pager, onFault: (error) => this.logger.error({ err: error }, 'live client failed') };
  }

  add(client: FeedClient): void {
    this.clients.add(client);
    if (this.lifecycle.stopping) client.close('shutdown');
  }

  delete(client: FeedClient): void {
    this.clients.delete(client);
  }

  private onTail(change: TailChange): void {
    const now = performance.now();
    for (const client of this.clients) {
      if (change === 'degraded') client.degraded();
      else if (change === 'reset') client.reset();
      client.wake();
      if (change === 'recovered') client.sendPosition(now);
    }
  }

  private tick(): void {
    const now = performance.now();
    for (const client of this.clients) client.tick(now);
    if (now < this.nextRecheck) return;
    this.nextRecheck = now + PING_INTERVAL_MS;
    for (const client of this.clients) if (client.principal.actor.kind !== 'admin') void this.recheck(client);
  }

  /** A token may end before its connection does: a user's was removed, an agent's session is over. */
  private async recheck(client: FeedClient): Promise<void> {
    try {
      await this.authenticator.authenticate(client.token);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') client.close('unauthenticated');
    }
  }
}
