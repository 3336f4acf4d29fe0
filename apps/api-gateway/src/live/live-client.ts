import type { WebSocket } from 'ws';
import { AppError } from '@orbitmesh/domain';
import { parseJsonBody, SubscribeFrameDto, validateDto, validationError, WS_CLOSE, type ServerFrame } from '@orbitmesh/contracts';
import type { Principal } from '../auth/principal.js';
import {
  INBOX_FRAMES_MAX, LAGGING_MS_MAX, PING_INTERVAL_MS, PINGS_MISSED_MAX, POSITION_INTERVAL_MS, UNSENT_BYTES_HIGH, UNSENT_BYTES_LOW, UNSENT_BYTES_MAX,
} from '../limits.js';
import { FeedReader } from './feed-reader.js';
import type { EventPager } from './event-pager.js';
import type { EventTail } from './event-tail.js';

export interface LiveClientOptions { principal: Principal; token: string; tail: EventTail; pager: EventPager; onFault: (error: unknown) => void }

/** One WebSocket: its frames handled one by one, in order; its events sent only as fast as it reads them. */
export class LiveClient {
  readonly principal: Principal;
  readonly token: string;
  private readonly reader: FeedReader;
  private inbox: Promise<void> = Promise.resolve();
  private inboxFrames = 0;
  private laggingSince: number | null = null;
  private pingsMissed = 0;
  private nextPing: number;
  private nextPosition: number;

  constructor(private readonly socket: WebSocket, private readonly options: LiveClientOptions) {
    this.principal = options.principal;
    this.token = options.token;
    const now = performance.now();
    this.nextPing = now + PING_INTERVAL_MS;
    this.nextPosition = now + POSITION_INTERVAL_MS;
    this.reader = new FeedReader(options.tail, options.pager, {
      ready: () => this.isWritable(),
      event: (frame) => this.send(frame),
      frame: (frame) => this.sendFrame(frame),
      fault: options.onFault,
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => this.onMessage(data, isBinary));
    socket.on('pong', () => { this.pingsMissed = 0; });
    socket.on('close', () => this.reader.stop());
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
      this.close(WS_CLOSE.slow, 'too slow; resume from your cursor');
      return;
    }
    if (now >= this.nextPing) this.ping(now);
    if (now >= this.nextPosition) this.sendPosition(now);
    this.reader.wake();
  }

  sendPosition(now: number): void {
    this.nextPosition = now + POSITION_INTERVAL_MS;
    const { cursor } = this.reader;
    if (cursor !== null && this.laggingSince === null) this.sendFrame({ type: 'position', cursor });
  }

  close(code: number, reason: string): void {
    this.reader.stop();
    this.socket.close(code, reason);
  }

  /** What close could not end. */
  terminate(): void {
    this.socket.terminate();
  }

  private onMessage(data: Buffer, isBinary: boolean): void {
    this.inboxFrames += 1;
    if (this.inboxFrames > INBOX_FRAMES_MAX) {
      this.close(1008, 'too many frames at once');
      return;
    }
    this.inbox = this.inbox.then(() => this.handle(data, isBinary)).catch((error: unknown) => this.refuse(error)).finally(() => { this.inboxFrames -= 1; });
  }

  /** @throws VALIDATION_FAILED */
  private async handle(data: Buffer, isBinary: boolean): Promise<void> {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (isBinary) throw validationError([{ pointer: '', detail: 'must be a text frame' }], 'body');
    const frame = parseJsonBody(data);
    const type = (frame as { type?: unknown } | null)?.type;
    if (type === 'ping') this.sendFrame({ type: 'pong' });
    else if (type === 'unsubscribe') this.reader.stop();
    else {
      // Whatever else it is, this says what is wrong with it.
      const { filter, after } = validateDto(SubscribeFrameDto, frame);
      await this.reader.subscribe(filter ?? {}, after, this.principal.agent);
    }
  }

  private refuse(error: unknown): void {
    if (!(error instanceof AppError)) this.options.onFault(error);
    const failure = error instanceof AppError ? error : new AppError('INTERNAL');
    this.sendFrame({ type: 'error', code: failure.code, detail: failure.message });
  }

  private ping(now: number): void {
    this.nextPing = now + PING_INTERVAL_MS;
    if (this.pingsMissed >= PINGS_MISSED_MAX) {
      this.terminate();
      return;
    }
    this.pingsMissed += 1;
    this.socket.ping();
  }

  private isTooSlow(now: number): boolean {
    return this.socket.bufferedAmount > UNSENT_BYTES_MAX || (this.laggingSince !== null && now - this.laggingSince > LAGGING_MS_MAX);
  }

  /** No more is sent between the high mark and the low one; the reader goes on by itself when the client has read. */
  private isWritable(): boolean {
    if (this.socket.readyState !== this.socket.OPEN) return false;
    const unsent = this.socket.bufferedAmount;
    if (unsent > UNSENT_BYTES_HIGH) this.laggingSince ??= performance.now();
    else if (unsent < UNSENT_BYTES_LOW) this.laggingSince = null;
    return this.laggingSince === null;
  }

  private sendFrame(frame: ServerFrame): void {
    this.send(Buffer.from(JSON.stringify(frame)));
  }

  private send(frame: Buffer): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(frame, { binary: false }, this.onSent);
  }

  private readonly onSent = (): void => {
    if (this.laggingSince !== null && this.isWritable()) this.reader.wake();
  };
}
