import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError, deliverMailTo, isTerminal, isWaitingFor, undeliveredMail, type Mail } from '@orbitmesh/domain';
import { MAIL_WAIT_MS_MAX, type Page, type RpcRequest, type SessionRpc } from '@orbitmesh/contracts';
import { pageOf } from '@orbitmesh/service-kit';
import { Store, type Committed } from '@orbitmesh/storage';
import { Commands } from '../commands/commands.js';
import type { Decide } from '../commands/decision.js';
import { assertSeesSession } from '../commands/reader.js';
import { Clock } from '../kernel/clock.js';
import { MAIL_WAIT_ITEMS_MAX, MAIL_WAITS_MAX } from '../limits.js';
import { changeSession } from '../session/session-change.js';
import { COLLECTIONS } from '../store/collections.js';
import { put, sessionOf } from '../store/documents.js';

type Wait = RpcRequest<typeof SessionRpc.waitForMail>;

/** One client. What wakes it between two looks is remembered. */
class Waiter {
  ended = false;
  wake = (): void => undefined;

  /** Nobody is there any more to give anything to. */
  gone = false;

  constructor(readonly sessionId: string, readonly waitId: string | undefined) {}

  /** Resolves with the next reason to look again; asked for before the look. */
  news(): Promise<void> {
    return new Promise((resolve) => { this.wake = resolve; });
  }

  leave(): void {
    this.gone = true;
    this.end();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }
}

/**
 * Clients that wait for a session's mail. A waiter is known before its mail is looked for, so that nothing can land between.
 * What it is given counts as delivered, and is given again until it was read, or a later wait says by `after` that it has come: an
 * answer that is lost on its way loses no mail.
 */
@Injectable()
export class MailWaits implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly waiters = new Set<Waiter>();
  private closing = false;
  private stop = (): void => undefined;

  constructor(
    @Inject(Store) private readonly store: Store,
    @Inject(Commands) private readonly commands: Commands,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.store.onCommitted((committed) => this.onCommitted(committed));
  }

  /** Everybody is answered with what there is, and so is who asks until the bus has drained: nobody holds that up. */
  onModuleDestroy(): void {
    this.closing = true;
    this.stop();
    for (const waiter of this.waiters) waiter.end();
  }

  /** @throws SESSION_NOT_FOUND, SESSION_ENDED, FORBIDDEN, TOO_MANY_REQUESTS */
  async wait({ sessionId, after, timeoutMs, waitId, reader }: Wait): Promise<Page<Mail>> {
    assertSeesSession(reader, sessionId);
    sessionOf(this.store.durable, sessionId);
    if (this.waiters.size >= MAIL_WAITS_MAX) throw new AppError('TOO_MANY_REQUESTS', 'Too many clients wait for mail.');
    const waiter = new Waiter(sessionId, waitId);
    this.waiters.add(waiter);
    const stopTimer = this.clock.after(Math.min(timeoutMs, MAIL_WAIT_MS_MAX), () => waiter.end());
    try {
      for (;;) {
        const news = waiter.news();
        const page = await this.take(sessionId, after);
        if (page.items.length > 0 || waiter.ended || this.closing || timeoutMs <= 0) return page;
        await news;
        if (waiter.gone) return { items: [], nextCursor: after ?? null };
      }
    } finally {
      stopTimer();
      this.waiters.delete(waiter);
    }
  }

  /** A client that hung up must not be taken for one that was given what comes after. */
  callOff({ waitId }: RpcRequest<typeof SessionRpc.callOffWait>): { waiting: boolean } {
    const left = [...this.waiters].filter((waiter) => waiter.waitId === waitId);
    for (const waiter of left) waiter.leave();
    return { waiting: left.length > 0 };
  }

  private onCommitted({ events }: Committed): void {
    if (this.waiters.size === 0) return;
    for (const { type, sessionId } of events) {
      if (type !== 'mail:received' && type !== 'status_change' && type !== 'session:deleted') continue;
      for (const waiter of this.waiters) if (waiter.sessionId === sessionId) waiter.wake();
    }
  }

  /** What there is now, delivered: durable when this resolves. */
  private take(sessionId: string, after: string | undefined): Promise<Page<Mail>> {
    return this.commands.apply((tx) => {
      // What it did not get before its end is kept for the one that continues it.
      if (isTerminal(sessionOf(tx.view, sessionId))) throw new AppError('SESSION_ENDED', 'The session has ended; no mail will come any more.', { sessionId });
      const found = pageOf(this.waiting(tx, sessionId, after), { limit: MAIL_WAIT_ITEMS_MAX }, ({ id }) => id);
      const written = found.items.map((mail) => deliverMailTo(mail, 'wait', tx));
      const items = written.map(({ doc }) => doc);
      const changed = written.filter(({ events }) => events.length > 0);
      // An answer counts as one, however it comes.
      const { change } = changeSession(tx, sessionOf(tx.view, sessionId), { type: 'take_mail', mails: changed.map(({ doc }) => doc) });
      return {
        puts: [...changed.map(({ doc }) => put(COLLECTIONS.mail, doc)), ...change.puts], events: [...changed.flatMap(({ events }) => events), ...change.events],
        result: { items, nextCursor: items.at(-1)?.id ?? after ?? null },
      };
    });
  }

  private *waiting({ view, indexes }: Decide, sessionId: string, after: string | undefined): Iterable<Mail> {
    const session = sessionOf(view, sessionId);
    const mails = [...indexes.in(view, indexes.mailToSession, sessionId, after)].filter((mail) => mail.toSessionId === sessionId);
    if (after !== undefined) {
      yield* mails;
      return;
    }
    // What is on its way to the agent as its input, or was given to it so, it does not wait for.
    const coming = new Set(undeliveredMail(session, mails).map(({ id }) => id));
    for (const mail of mails) if (coming.has(mail.id) && isWaitingFor(mail, 'unread') && mail.deliveredBy !== 'input') yield mail;
  }
}
