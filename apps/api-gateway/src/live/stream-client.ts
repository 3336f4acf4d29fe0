import type { ServerResponse } from 'node:http';
import { AppError } from '@orbitmesh/domain';
import { STREAM_EVENTS, type EventFilterDto, type ServerFrame } from '@orbitmesh/contracts';
import { SLOW_CLOSE_MS_MAX, STREAM_HEARTBEAT_MS, STREAM_MS_MAX, STREAM_RETRY_MS } from '../limits.js';
import type { LiveEvent } from './event-ring.js';
import { FeedClient, type Farewell, type FeedClientOptions } from './feed-client.js';

const END_OF_EVENT = '\n\n';
const HEARTBEAT = ':\n\n';
const FAREWELLS: Readonly<Record<Farewell, { code: string; detail: string }>> = {
  shutdown: { code: 'UNAVAILABLE', detail: 'The gateway is shutting down; come back with your Last-Event-ID.' },
  unauthenticated: { code: 'UNAUTHENTICATED', detail: 'The token is not valid any more.' },
  slow: { code: 'LIMIT_REACHED', detail: 'Too slow; come back with your Last-Event-ID.' },
};

/**
 * One event stream (`text/event-stream`): a subscription for as long as its answer lasts. Whatever says where the client is
 * carries an `id`, so that it comes back to exactly there by itself. Nothing tells us that its other end is gone: TCP takes a
 * quarter of an hour, and a proxy in between may never say it. So every stream ends after a while, and who is there comes back.
 */
export class StreamClient extends FeedClient {
  private ended = false;
  /** Not all at once that came at once. */
  private readonly endsAt = performance.now() + STREAM_MS_MAX * (0.75 + Math.random() / 4);

  /** @param response its head already written */
  constructor(private readonly response: ServerResponse, options: FeedClientOptions) {
    super(options, STREAM_HEARTBEAT_MS);
    response.once('close', () => this.reader.stop());
  }

  open(filter: EventFilterDto, after: string | undefined): void {
    this.reader.subscribe(filter, after, this.principal.agent).catch((error: unknown) => this.fault(error));
  }

  override tick(now: number): void {
    super.tick(now);
    if (now < this.endsAt || !this.isOpen) return;
    this.sendPosition(now);
    this.end(null);
  }

  close(why: Farewell): void {
    this.end(FAREWELLS[why]);
  }

  terminate(): void {
    this.response.destroy();
  }

  protected get isOpen(): boolean {
    return !this.ended && !this.response.destroyed;
  }

  protected get unsentBytes(): number {
    return this.response.writableLength;
  }

  protected sendEvent(event: LiveEvent): void {
    this.write(event.envelope.cursor, event.envelope.type, event.json);
  }

  protected sendFrame(frame: ServerFrame): void {
    if (frame.type === 'event' || frame.type === 'pong' || frame.type === 'approval_answered') return;
    const { type, ...data } = frame;
    this.write('cursor' in frame ? frame.cursor : null, STREAM_EVENTS[type], JSON.stringify(data));
  }

  protected beat(): void {
    if (this.isOpen) this.response.write(HEARTBEAT);
  }

  /** A subscription that cannot go on is over, and with it the stream. */
  protected override fault(error: unknown): void {
    const known = error instanceof AppError;
    if (!known) super.fault(error);
    this.end(known ? { code: error.code, detail: error.message } : { code: 'INTERNAL', detail: 'Something went wrong on our side.' });
  }

  /** The parts leave as one chunk, the event's own bytes uncopied. */
  private write(id: string | null, type: string, data: Buffer | string): void {
    if (!this.isOpen) return;
    this.response.cork();
    this.response.write(`${id === null ? '' : `id: ${id}\n`}event: ${type}\ndata: `);
    this.response.write(data);
    this.response.write(END_OF_EVENT, this.onSent);
    this.response.uncork();
  }

  /** `error` null: there is nothing wrong. */
  private end(error: { code: string; detail: string } | null): void {
    if (!this.isOpen) return;
    this.reader.stop();
    this.response.write(`retry: ${STREAM_RETRY_MS}\n`);
    if (error) this.write(null, STREAM_EVENTS.error, JSON.stringify(error));
    else this.response.write('\n');
    this.ended = true;
    this.response.end();
    const cut = setTimeout(() => this.terminate(), SLOW_CLOSE_MS_MAX).unref();
    this.response.once('close', () => clearTimeout(cut));
  }
}
