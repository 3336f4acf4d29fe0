import { AppError } from '@orbitmesh/domain';
import { eventMatchOf, type EventFilterDto, type EventMatch, type ServerFrame } from '@orbitmesh/contracts';
import type { Principal } from '../auth/principal.js';
import { RESUME_PAGES_MAX } from '../limits.js';
import type { EventPager, LogPage } from './event-pager.js';
import type { LiveEvent } from './event-ring.js';
import { cursorOf, type EventTail, type FeedPosition } from './event-tail.js';

/** Who the events are read for. */
export interface FeedReceiver {
  /** May another event be sent now? When it may again, the receiver calls `wake`. */
  ready(): boolean;
  event(event: LiveEvent): void;
  frame(frame: ServerFrame): void;
  /** The subscription cannot go on, and is over. */
  fault(error: unknown): void;
}

interface Subscription {
  match: EventMatch;
  after: string | undefined;
  /** The last event looked at; null until the feed told where that is. */
  position: FeedPosition | null;
  /** Read from the log, not yet looked at. */
  page: LiveEvent[];
  /** The log is being asked where `after` is. */
  opening: boolean;
}

/**
 * One subscription's way through the feed: a position that only moves forward, out of the tail's memory where it can, from
 * the log where it must. Live and catch-up are the same walk, so nothing can fall between them or come twice.
 */
export class FeedReader {
  private subscription: Subscription | null = null;
  private busy = false;

  constructor(private readonly tail: EventTail, private readonly pager: EventPager, private readonly receiver: FeedReceiver) {}

  /** Everything up to it has been sent, where it matched. */
  get cursor(): string | null {
    const position = this.subscription?.position;
    return position ? cursorOf(position) : null;
  }

  /**
   * Replaces the subscription. Resolves when `subscribed` was sent, or when that has to wait for the feed (then `degraded` was).
   * @throws VALIDATION_FAILED for a cursor that is none
   */
  async subscribe(filter: EventFilterDto, after: string | undefined, agent: Principal['agent']): Promise<void> {
    const subscription: Subscription = { match: visibleTo(agent, eventMatchOf(filter)), after, position: null, page: [], opening: false };
    this.subscription = subscription;
    await this.open(subscription);
    if (this.subscription === subscription && !subscription.position) this.receiver.frame({ type: 'degraded', reason: 'The feed is not reachable; the subscription begins when it is.' });
  }

  stop(): void {
    this.subscription = null;
  }

  /** The log is another one: whoever has a position in the old one starts over at the head. */
  reset(): void {
    const { subscription } = this;
    const { position } = this.tail;
    if (!subscription?.position || !position) return;
    if (subscription.position.logId !== position.logId || subscription.position.seq > position.seq) this.begin(subscription, 'gap', position);
  }

  wake(): void {
    const { subscription } = this;
    if (!subscription || this.busy) return;
    if (subscription.position) this.advance(subscription);
    else this.run(() => this.open(subscription));
  }

  /** Keeps nothing for a receiver that takes nothing: what was read is read again when it does. */
  letGo(): void {
    if (this.subscription) this.subscription.page = [];
  }

  private async open(subscription: Subscription): Promise<void> {
    const head = this.tail.position;
    if (!head || this.tail.degraded || subscription.opening) return;
    if (subscription.after === undefined) {
      this.begin(subscription, 'ok', head);
      return;
    }
    subscription.opening = true;
    try {
      await this.resume(subscription, subscription.after, head);
    } catch (error) {
      if (!(error instanceof AppError) || !error.retryable) {
        if (this.subscription === subscription) this.subscription = null;
        throw error;
      }
      // Asked again with the next wake.
    } finally {
      subscription.opening = false;
    }
  }

  private async resume(subscription: Subscription, after: string, head: FeedPosition): Promise<void> {
    const given = positionOf(after);
    if (given?.logId === head.logId && given.seq <= head.seq && this.tail.after(given.seq) !== null) {
      this.begin(subscription, 'ok', given);
      return;
    }
    try {
      const { events, nextCursor } = await this.pageOfTail(subscription, after);
      // The log took the cursor, which may be of a name that it had before a restore (ADR-0021): from here on they are its numbers.
      const next = positionOf(nextCursor);
      if (next) this.begin(subscription, 'ok', { logId: next.logId, seq: events.length > 0 ? events[0].envelope.seq - 1 : next.seq }, events);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CURSOR_GONE') throw error;
      this.begin(subscription, 'gap', headOf(error) ?? this.tail.position ?? head);
    }
  }

  /** @throws UNAVAILABLE while the log goes by one name and the tail knows it by another: positions in the one would be lost with the other's end */
  private async pageOfTail(subscription: Subscription, after: string): Promise<LogPage> {
    for (let attempt = 1; attempt <= RESUME_PAGES_MAX; attempt += 1) {
      const page = await this.pageAfter(subscription, after);
      if (positionOf(page.nextCursor)?.logId === this.tail.position?.logId) return page;
    }
    throw new AppError('UNAVAILABLE');
  }

  private pageAfter(subscription: Subscription, after: string): Promise<LogPage> {
    return this.pager.page(after, () => this.subscription === subscription);
  }

  private begin(subscription: Subscription, resume: 'ok' | 'gap', at: FeedPosition, page: LiveEvent[] = []): void {
    if (this.subscription !== subscription) return;
    subscription.position = { ...at };
    subscription.page = page;
    this.receiver.frame({ type: 'subscribed', resume, cursor: cursorOf(at) });
    this.advance(subscription);
  }

  private advance(subscription: Subscription): void {
    while (this.subscription === subscription && this.receiver.ready()) {
      const { position } = subscription;
      // Until the tail has learnt of a new log, its numbers mean nothing here.
      if (!position || this.tail.position?.logId !== position.logId) return;
      if (subscription.page.length === 0) {
        const events = this.tail.after(position.seq);
        if (events === null) {
          if (!this.busy) this.run(() => this.fetch(subscription, position));
          return;
        }
        if (events.length === 0) return;
        subscription.page = events;
      }
      this.sendFrom(subscription, position);
    }
  }

  private sendFrom(subscription: Subscription, position: FeedPosition): void {
    const { page, match } = subscription;
    let at = 0;
    while (at < page.length && this.receiver.ready()) {
      const event = page[at++];
      if (event.envelope.seq <= position.seq) continue;
      position.seq = event.envelope.seq;
      if (match(event.envelope)) this.receiver.event(event);
    }
    subscription.page = page.slice(at);
  }

  private async fetch(subscription: Subscription, position: FeedPosition): Promise<void> {
    try {
      const { events } = await this.pageAfter(subscription, cursorOf(position));
      // Begun anew meanwhile, in another log: a page of the old one means nothing there.
      if (subscription.position === position) subscription.page = events;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const head = error.code === 'CURSOR_GONE' ? headOf(error) ?? this.tail.position : null;
      if (subscription.position !== position) return;
      if (head) this.begin(subscription, 'gap', head);
      else if (!error.retryable) throw error;
      // Otherwise asked again with the next wake.
    }
  }

  /** One request at a time; goes on by itself when it brought something. */
  private run(work: () => Promise<void>): void {
    const { subscription } = this;
    this.busy = true;
    work().catch((error: unknown) => {
      if (this.subscription === subscription) this.subscription = null;
      this.receiver.fault(error);
    }).finally(() => {
      this.busy = false;
      const changed = this.subscription !== subscription;
      if (this.subscription && (changed || this.subscription.page.length > 0)) this.wake();
    });
  }
}

/** An agent sees only events of its own session and of its tasks, whatever it asks for. */
function visibleTo(agent: Principal['agent'], match: EventMatch): EventMatch {
  if (!agent) return match;
  return (event) => (event.sessionId === agent.sessionId || (event.taskId !== undefined && agent.taskIds.includes(event.taskId))) && match(event);
}

/** Where the feed goes on when a cursor is gone: the owner of the log knows, the tail may not know it yet. */
function headOf(error: AppError): FeedPosition | null {
  const { newest } = error.details;
  return typeof newest === 'string' ? positionOf(newest) : null;
}

/** Ours are `<logId>.<seq>`. */
function positionOf(cursor: string): FeedPosition | null {
  const dot = cursor.lastIndexOf('.');
  const seq = cursor.slice(dot + 1);
  return dot > 0 && /^\d{1,15}$/.test(seq) ? { logId: cursor.slice(0, dot), seq: Number(seq) } : null;
}
