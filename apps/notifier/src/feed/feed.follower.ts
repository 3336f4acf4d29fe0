import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError, type EventEnvelope } from '@orbitmesh/domain';
import { PAGE_ITEMS_MAX, SessionRpc, Topics } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { InboxRepository } from '../inbox/inbox.repository.js';
import { isNotifyEvent, notificationOf } from '../inbox/notification.js';
import { samePlace, type FeedPlace } from '../inbox/position.js';
import { POSITION_SAVE_MS, RETRY_MS_MAX, RETRY_MS_MIN } from '../limits.js';

/**
 * Reads session-service's feed from our own position: live while messages follow one another without a gap, by pages whenever they do
 * not. Anything missed, a lost last message too (the head says so), ends in the same loop, which is also how it begins.
 */
@Injectable()
export class FeedFollower implements OnApplicationBootstrap, OnModuleDestroy {
  /** How far we read. Ahead of the saved position only over events that notify nobody. */
  private at: FeedPlace | null = null;
  /** The position as last handed to the repository. */
  private saved: FeedPlace | null = null;
  private head: { logId: string; seq: number } | null = null;
  private lastError: string | null = null;
  private retries = 0;
  private wanted = false;
  private running: Promise<void> | undefined;
  private stopped = false;
  private endWait: () => void = () => undefined;
  private endAsking: () => void = () => undefined;
  private readonly cleanups: (() => void)[] = [];

  constructor(private readonly bus: Bus, private readonly inbox: InboxRepository, @Inject(LOGGER) private readonly logger: Logger) {}

  onApplicationBootstrap(): void {
    this.rewind();
    const saver = setInterval(() => void this.savePosition(), POSITION_SAVE_MS);
    this.cleanups.push(
      () => clearInterval(saver),
      this.bus.subscribe(Topics.committed, (message) => this.onCommitted(message)),
      this.bus.subscribe(Topics.head, (message) => this.onHead(message)),
      this.bus.onStatus((status) => { if (status === 'connected') this.wake(true); }),
    );
    this.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    for (const clean of this.cleanups.splice(0)) clean();
    this.endWait();
    this.endAsking();
    await this.running;
    await this.savePosition();
  }

  /** For health: where we are, and how far behind. */
  state(): Record<string, unknown> {
    const lag = this.head === null ? null : this.head.logId === this.at?.logId ? Math.max(0, this.head.seq - this.at.seq) : this.head.seq;
    return { cursor: this.at?.cursor ?? null, lag, paging: this.running !== undefined, retries: this.retries, lastError: this.lastError };
  }

  private onCommitted({ logId, events }: { logId: string; events: EventEnvelope[] }): void {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last || this.stopped) return;
    this.head = { logId, seq: last.seq };
    const follows = this.at !== null && this.at.logId === logId && first.seq <= this.at.seq + 1;
    if (!follows || this.running) this.wake();
    else if (last.seq > this.at!.seq) this.take(events).catch((error: unknown) => this.onFailure(error));
  }

  private onHead({ logId, seq }: { logId: string; seq: number }): void {
    if (this.stopped) return;
    this.head = { logId, seq };
    // A head behind us is not ours either: the page tells (CURSOR_GONE, or nothing because the beacon was late).
    if (this.at === null ? seq > 0 : !samePlace(this.at, { logId, seq, cursor: '' })) this.wake();
  }

  /** Reads pages, now or once more when it is doing so. `now` also ends the wait after a failure. */
  private wake(now = false): void {
    this.wanted = true;
    if (now) this.endWait();
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.wanted && !this.stopped) this.wake();
    });
  }

  private async run(): Promise<void> {
    let wait = RETRY_MS_MIN;
    while (this.wanted && !this.stopped) {
      this.wanted = false;
      try {
        await this.readPages();
        this.lastError = null;
        wait = RETRY_MS_MIN;
      } catch (error) {
        this.onFailure(error);
        await this.pause(wait);
        wait = Math.min(wait * 2, RETRY_MS_MAX);
      }
    }
  }

  private async readPages(): Promise<void> {
    while (!this.stopped) {
      const base = this.at;
      const page = await this.pageAfter(base);
      // A live write may have failed meanwhile and taken us back: then this page does not follow.
      if (page === null || !samePlace(base, this.at)) continue;
      if (page.length === 0) return this.takeName();
      await this.take(page);
    }
  }

  /** null when the place is gone: then we are before the oldest event now. And when we are to stop. */
  private async pageAfter(place: FeedPlace | null): Promise<EventEnvelope[] | null> {
    try {
      return (await this.untilStop(this.bus.request(SessionRpc.eventPage, { after: place?.cursor, limit: PAGE_ITEMS_MAX })))?.items ?? null;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CURSOR_GONE' || place === null) throw error;
      const { oldest, newest } = error.details;
      // There is a hole that nobody can fill: keep a record of it.
      await this.inbox.jump({ at: new Date().toISOString(), from: place, reason: error.code, oldest: textOrNull(oldest), newest: textOrNull(newest) });
      this.logger.warn({ from: place.cursor, oldest }, 'feed position is gone, going on from the oldest event');
      this.rewind();
      return null;
    }
  }

  /** Takes events that follow the position; what it already covers is left out. */
  private async take(events: EventEnvelope[]): Promise<void> {
    const { at } = this;
    const fresh = events.filter((event) => at === null || event.seq > at.seq);
    const last = fresh.at(-1);
    if (!last) return;
    this.at = { logId: logOf(last), seq: last.seq, cursor: last.cursor };
    const entries = fresh.filter(isNotifyEvent).map((event) => notificationOf(logOf(event), event));
    if (entries.length === 0) return;
    const from = this.saved;
    this.saved = this.at;
    await this.inbox.add(entries, from, this.at);
  }

  /** We are at the end of the log, which goes by another name since it was restored (ADR-0021). */
  private takeName(): void {
    const { at, head } = this;
    if (at === null || head === null || head.seq !== at.seq) return;
    this.at = { ...head, cursor: `${head.logId}.${head.seq}` };
  }

  private async savePosition(): Promise<void> {
    const { at, saved } = this;
    if (at === null || samePlace(at, saved) || (this.running && !this.stopped)) return;
    this.saved = at;
    try {
      await this.inbox.add([], saved, at);
    } catch (error) {
      this.onFailure(error);
    }
  }

  /** After any failure the truth is what the repository holds; what was read past it is read again. */
  private onFailure(error: unknown): void {
    this.lastError = error instanceof AppError ? error.code : String(error);
    this.retries += 1;
    // While session-service is away this is the ordinary state of things, visible in health.
    const away = error instanceof AppError && (error.code === 'UNAVAILABLE' || error.code === 'TIMEOUT');
    this.logger[away ? 'debug' : 'error']({ err: error }, 'feed not read, trying again');
    this.rewind();
    if (!this.stopped) this.wake();
  }

  /** null when we are to stop first: where nobody answers, a request takes longer than we are given for that. */
  private untilStop<T>(answer: Promise<T>): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.endAsking = () => resolve(null);
      answer.then(resolve, reject);
    });
  }

  private rewind(): void {
    this.saved = this.inbox.position().place;
    this.at = this.saved;
  }

  private async pause(ms: number): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endWait = () => { clearTimeout(timer); resolve(); };
    });
    this.endWait = () => undefined;
  }
}

/** `<logId>.<seq>` (design §5). */
function logOf(event: EventEnvelope): string {
  return event.cursor.slice(0, event.cursor.lastIndexOf('.'));
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
