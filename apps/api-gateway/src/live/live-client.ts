import type { WebSocket } from 'ws';
import { AppError } from '@orbitmesh/domain';
import {
  CLIENT_FRAMES, HTTP_STATUS, IDEMPOTENCY_KEY_CHARS_MAX, parseJsonBody, SubscribeFrameDto, validateDto, validationError, WS_CLOSE,
  type AuditEntry, type ClientFrame, type ServerFrame,
} from '@orbitmesh/contracts';
import { CLOSE_GRACE_MS, CONTROL_FRAMES_MAX, INBOX_FRAMES_MAX, PING_INTERVAL_MS, PINGS_MISSED_MAX } from '../limits.js';
import type { LiveEvent } from './event-ring.js';
import { FeedClient, type Farewell, type FeedClientOptions } from './feed-client.js';
import type { LiveCommands } from './live-commands.js';

const REASONS: Readonly<Record<Farewell, string>> = {
  shutdown: 'shutting down', unauthenticated: 'the token is not valid any more', slow: 'too slow; resume from your cursor',
};

/** One WebSocket: its frames handled one by one, in order. */
export class LiveClient extends FeedClient {
  private inbox: Promise<void> = Promise.resolve();
  private inboxFrames = 0;
  private pingsMissed = 0;
  /** Pings and pongs of it since the last tick. */
  private controlFrames = 0;
  private readonly handlers: Readonly<Record<ClientFrame, (frame: unknown) => Promise<void> | void>> = {
    subscribe: (frame) => this.subscribe(frame),
    unsubscribe: () => {
      this.take();
      this.reader.stop();
    },
    ping: () => {
      this.take();
      this.sendFrame({ type: 'pong' });
    },
    answer_approval: (frame) => this.answerApproval(frame),
  };

  constructor(private readonly socket: WebSocket, options: FeedClientOptions, private readonly commands: LiveCommands, private readonly from: AuditEntry['from']) {
    super(options, PING_INTERVAL_MS);
    socket.on('message', (data: Buffer, isBinary: boolean) => this.onMessage(data, isBinary));
    socket.on('pong', () => {
      this.pingsMissed = 0;
      this.onControlFrame();
    });
    socket.on('ping', () => this.onControlFrame());
    socket.on('close', () => this.reader.stop());
  }

  override tick(now: number): void {
    this.controlFrames = 0;
    super.tick(now);
  }

  close(why: Farewell): void {
    this.end(WS_CLOSE[why], REASONS[why]);
  }

  terminate(): void {
    this.socket.terminate();
  }

  protected get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  protected get unsentBytes(): number {
    return this.socket.bufferedAmount;
  }

  protected sendEvent(event: LiveEvent): void {
    this.send(event.frame);
  }

  protected sendFrame(frame: ServerFrame): void {
    this.send(Buffer.from(JSON.stringify(frame)));
  }

  protected beat(): void {
    if (this.pingsMissed >= PINGS_MISSED_MAX) {
      this.terminate();
      return;
    }
    this.pingsMissed += 1;
    this.socket.ping();
  }

  /** The socket stays open: it may subscribe again. */
  protected override fault(error: unknown): void {
    this.refuse(error);
  }

  private onMessage(data: Buffer, isBinary: boolean): void {
    this.inboxFrames += 1;
    if (this.inboxFrames > INBOX_FRAMES_MAX) {
      this.cutOff();
      return;
    }
    this.inbox = this.inbox.then(() => this.handle(data, isBinary)).catch((error: unknown) => this.refuse(error)).finally(() => { this.inboxFrames -= 1; });
  }

  private onControlFrame(): void {
    this.controlFrames += 1;
    if (this.controlFrames > CONTROL_FRAMES_MAX) this.cutOff();
  }

  /** It is told, and not heard any more: to read all that it still sends would take the time of all others. */
  private cutOff(): void {
    if (!this.isOpen) return;
    this.end(1008, 'too many frames at once');
    this.socket.pause();
    setTimeout(() => this.terminate(), CLOSE_GRACE_MS).unref();
  }

  /** @throws VALIDATION_FAILED, TOO_MANY_REQUESTS */
  private async handle(data: Buffer, isBinary: boolean): Promise<void> {
    if (!this.isOpen) return;
    const frame = this.read(data, isBinary);
    const type = (frame as { type?: unknown } | null)?.type;
    // Whatever else it is, a subscription's rules say what is wrong with it.
    await this.handlers[CLIENT_FRAMES.find((known) => known === type) ?? 'subscribe'](frame);
  }

  /** What is none counts as well. @throws VALIDATION_FAILED, TOO_MANY_REQUESTS */
  private read(data: Buffer, isBinary: boolean): unknown {
    try {
      if (isBinary) throw validationError([{ pointer: '', detail: 'must be a text frame' }], 'body');
      return parseJsonBody(data);
    } catch (error) {
      this.take();
      throw error;
    }
  }

  private subscribe(frame: unknown): Promise<void> {
    this.take();
    const { filter, after } = validateDto(SubscribeFrameDto, frame);
    return this.reader.subscribe(filter ?? {}, after, this.principal.agent);
  }

  /** A refusal names the frame it is of, and says what a problem says: others may be under way. */
  private async answerApproval(frame: unknown): Promise<void> {
    try {
      this.take();
      this.sendFrame(await this.commands.answerApproval(this.token, this.from, frame));
    } catch (error) {
      const { id } = frame as { id?: unknown };
      this.refuse(error, { ...(typeof id === 'string' && { id: id.slice(0, IDEMPOTENCY_KEY_CHARS_MAX) }), ...detailsOf(error) });
    }
  }

  private refuse(error: unknown, more: { id?: string; details?: Record<string, unknown> } = {}): void {
    if (!(error instanceof AppError)) super.fault(error);
    const failure = error instanceof AppError ? error : new AppError('INTERNAL');
    this.sendFrame({ type: 'error', code: failure.code, detail: failure.message, ...more });
  }

  private end(code: number, reason: string): void {
    this.reader.stop();
    this.socket.close(code, reason);
  }

  private send(frame: Buffer): void {
    if (this.isOpen) this.socket.send(frame, { binary: false }, this.onSent);
  }
}

/** What a problem would have beside; of a fault of ours, nothing. */
function detailsOf(error: unknown): { details?: Record<string, unknown> } {
  return error instanceof AppError && HTTP_STATUS[error.code] < 500 && Object.keys(error.details).length > 0 ? { details: error.details } : {};
}
