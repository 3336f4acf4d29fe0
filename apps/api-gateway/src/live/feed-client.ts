import type { ServerFrame } from '@orbitmesh/contracts';
import type { Principal } from '../auth/principal.js';
import { HOLDING_MS_MAX, LAGGING_MS_MAX, POSITION_INTERVAL_MS, UNSENT_BYTES_HIGH, UNSENT_BYTES_LOW, UNSENT_BYTES_MAX } from '../limits.js';
import type { EventPager } from './event-pager.js';
import type { LiveEvent } from './event-ring.js';
import type { EventTail } from './event-tail.js';
import { FeedReader } from './feed-reader.js';

export interface FeedClientOptions {
  principal: Principal;
  token: string;
  /** Counts one more thing that was asked for. @throws TOO_MANY_REQUESTS */
  take: () => void;
  tail: EventTail;
  pager: EventPager;
  onFault: (error: unknown) => void;
  counts: FeedCounts;
}

/** Of all clients, since the start. */
export interface FeedCounts {
  /** Events sent. */
  events: number;
  /** Clients cut as they did not read. */
  slow: number;
}

/** Why a client is told to go. */
export type Farewell = 'shutdown' | 'unauthenticated' | 'slow';

/** Somebody who follows the feed, however connected: sent events only as fast as they are read, and looked after. */
export abstract class FeedClient {
  readonly principal: Principal;
  readonly token: string;
  protected readonly take: () => void;
  protected readonly reader: FeedReader;
  private laggingSince: number | null = null;
  private nextBeat: number;
  private nextPosition: number;

  /** @param beatMs how often `beat` is called */
  protected constructor(private readonly options: FeedClientOptions, private readonly beatMs: number) {
    this.principal = options.principal;
    this.token = options.token;
    this.take = options.take;
    const now = performance.now();
    this.nextBeat = now + beatMs;
    this.nextPosition = now + POSITION_INTERVAL_MS;
    this.reader = new FeedReader(options.tail, options.pager, {
      ready: () => this.isWritable(),
      event: (event) => {
        options.counts.events += 1;
        this.sendEvent(event);
      },
      frame: (frame) => this.sendFrame(frame),
      fault: (error) => this.fault(error),
    });
  }

  protected abstract get isOpen(): boolean;
  protected abstract get unsentBytes(): number;
  protected abstract sendEvent(event: LiveEvent): void;
  protected abstract sendFrame(frame: ServerFrame): void;
  /** Shows that the connection is alive, and finds out whether it is. */
  protected abstract beat(): void;

  /** No more events; the client is told why, and has SLOW_CLOSE_MS_MAX to hear it. */
  abstract close(why: Farewell): void;
  /** What close could not end. */
  abstract terminate(): void;

  /** Bytes that wait for it to read. */
  get unsent(): number {
    return this.isOpen ? this.unsentBytes : 0;
  }

  /** Something may be there to send. */
  wake(): void {
    this.reader.wake();
  }

  /** Positions mean something else now. */
  reset(): void {
    this.reader.reset();
  }

  degraded(): void {
    this.sendFrame({ type: 'degraded', reason: 'The feed is not reachable; events will follow, none is lost.' });
  }

  /** Looked after every CLIENT_TICK_MS. */
  tick(now: number): void {
    if (this.isTooSlow(now)) {
      this.options.counts.slow += 1;
      this.close('slow');
      return;
    }
    if (this.laggingSince !== null && now - this.laggingSince > HOLDING_MS_MAX) this.reader.letGo();
    if (now >= this.nextBeat) {
      this.nextBeat = now + this.beatMs;
      this.beat();
    }
    if (now >= this.nextPosition) this.sendPosition(now);
    this.reader.wake();
  }

  sendPosition(now: number): void {
    this.nextPosition = now + POSITION_INTERVAL_MS;
    const { cursor } = this.reader;
    if (cursor !== null && this.laggingSince === null) this.sendFrame({ type: 'position', cursor });
  }

  protected fault(error: unknown): void {
    this.options.onFault(error);
  }

  /** To be called when something written has left for the kernel. */
  protected readonly onSent = (): void => {
    if (this.laggingSince !== null && this.isWritable()) this.reader.wake();
  };

  private isTooSlow(now: number): boolean {
    return this.unsentBytes > UNSENT_BYTES_MAX || (this.laggingSince !== null && now - this.laggingSince > LAGGING_MS_MAX);
  }

  /** No more is sent between the high mark and the low one; the reader goes on by itself when the client has read. */
  private isWritable(): boolean {
    if (!this.isOpen) return false;
    const unsent = this.unsentBytes;
    if (unsent > UNSENT_BYTES_HIGH) this.laggingSince ??= performance.now();
    else if (unsent < UNSENT_BYTES_LOW) this.laggingSince = null;
    return this.laggingSince === null;
  }
}
