import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { REQUEST_TIMEOUT_MS, SessionRpc, type Page } from '@orbitmesh/contracts';
import { AppError, type Mail } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import { Authenticator } from '../auth/authenticator.js';
import { Relay } from '../http/relay.js';
import type { Call } from '../http/request-context.js';
import { Shares } from '../http/shares.js';
import { Traffic } from '../http/traffic.js';
import { MAIL_WAIT_SLICE_MS, MAIL_WAITS_MAX } from '../limits.js';

export interface MailWait { sessionId: string; after?: string }

/** Waits for mail: apart from ordinary requests, and over at once when their client or this gateway goes. */
@Injectable()
export class MailWaits implements OnModuleDestroy {
  private readonly sliceMs = MAIL_WAIT_SLICE_MS;
  private readonly leaving = new Set<() => void>();
  /** Until session-service has answered, also where nobody listens any more. */
  private readonly places = new Shares(MAIL_WAITS_MAX);
  private stopping = false;

  constructor(
    @Inject(Relay) private readonly relay: Relay, @Inject(Authenticator) private readonly authenticator: Authenticator, @Inject(Traffic) private readonly traffic: Traffic,
    @Inject(Metrics) metrics: Metrics,
  ) {
    metrics.gaugeOf('orbitmesh_mail_waits', 'Waits for mail that session-service has not answered.', () => this.places.taken);
  }

  /** Everybody is answered, with nothing: who asks again finds another gateway, or this one back. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const leave of this.leaving) leave();
  }

  /** @throws TOO_MANY_REQUESTS, and whatever session-service says */
  async wait(call: Call, wait: MailWait, timeoutMs: number): Promise<Page<Mail>> {
    const nothing: Page<Mail> = { items: [], nextCursor: wait.after ?? null };
    if (this.stopping) return nothing;
    const { principal } = call.request;
    if (!principal) throw new AppError('UNAUTHENTICATED');
    if (!this.places.take(principal)) throw new AppError('TOO_MANY_REQUESTS');
    this.traffic.hold(call.request);
    let isOver = false;
    let leave = (): void => undefined;
    const waitId = randomUUID();
    const over = new Promise<void>((resolve) => { leave = resolve; }).then(() => {
      isOver = true;
      this.callOff(call, waitId);
      return nothing;
    });
    this.leaving.add(leave);
    call.reply.raw.once('close', leave);
    try {
      return await Promise.race([this.ask(call, { ...wait, waitId }, timeoutMs, () => isOver).finally(() => this.places.leave(principal)), over]);
    } finally {
      this.leaving.delete(leave);
      call.reply.raw.off('close', leave);
    }
  }

  /** What comes now would count as delivered to nobody. Where this is not heard, the slice ends it. */
  private callOff(call: Call, waitId: string): void {
    this.relay.read(call, SessionRpc.callOffWait, { waitId }).catch(() => undefined);
  }

  /** In slices: a request over NATS cannot be called back, and one to a service that died is noticed only by its time. */
  private async ask(call: Call, wait: MailWait & { waitId: string }, timeoutMs: number, isOver: () => boolean): Promise<Page<Mail>> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const since = performance.now();
      const slice = Math.max(0, Math.min(this.sliceMs, Math.ceil(until - since)));
      const page = await this.relay.read(call, SessionRpc.waitForMail, { ...wait, timeoutMs: slice }, { timeoutMs: slice + REQUEST_TIMEOUT_MS });
      const now = performance.now();
      // Nothing, and long before its time: there is nothing to wait for, and asking again would only be a busy loop.
      if (page.items.length > 0 || isOver() || now >= until || now - since < slice / 2) return page;
      // As long as it waits, its token may end.
      await this.authenticator.authenticate(call.request.token);
    }
  }
}
