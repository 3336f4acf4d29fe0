import { WebSocket } from 'ws';
import type { ErrorCode, EventEnvelope } from '@orbitmesh/domain';
import type { EventFilterDto } from '@orbitmesh/contracts';
import { HTTP_STATUS, WS_CLOSE, WS_PROTOCOL, type ServerFrame } from '@orbitmesh/contracts/wire';
import { ApiError, UnreachableError } from './errors.js';
import { ATTEMPTS_MAX, CLOSE_GRACE_MS, FRAME_BYTES_MAX, QUEUE_BYTES_HIGH, QUEUE_BYTES_LOW, QUEUE_EVENTS_HIGH, QUEUE_EVENTS_LOW, RECONNECT_MS, RECONNECT_MS_MAX, SILENCE_MS_MAX } from './limits.js';
import type { ConnectionOptions } from './transport.js';

export interface FeedOptions {
  filter?: Partial<EventFilterDto>;
  /** A cursor: everything after it comes first. @default now */
  after?: string;
  signal?: AbortSignal;
}

export type FeedItem =
  | { type: 'event'; event: EventEnvelope }
  /** `gap`: something may have been missed; reread by REST, the feed goes on from `cursor`. */
  | { type: 'subscribed'; resume: 'ok' | 'gap'; cursor: string }
  | { type: 'position'; cursor: string }
  | { type: 'degraded'; reason: string }
  /** The connection broke; it is made again from the last cursor. */
  | { type: 'disconnected'; reason: string };

/**
 * The live feed as a list that ends only when `signal` says so, or when the token is refused. A reader that is slow slows the
 * socket, never the memory. Every event is given once, in order; a hole is closed by subscribing again from the last cursor.
 */
export class Feed implements AsyncIterable<FeedItem> {
  private readonly queue: { item: FeedItem; bytes: number }[] = [];
  private queuedBytes = 0;
  private wakeReader: (() => void) | null = null;
  private socket: WebSocket | null = null;
  private silence: NodeJS.Timeout | undefined;
  private retry: NodeJS.Timeout | undefined;
  private failure: Error | null = null;
  private ended = false;
  private everConnected = false;
  private attempts = 0;
  private connectingSince = 0;
  private cursor: string | undefined;
  private lastSeq: number | null = null;
  private lastSessionSeq: number | null = null;
  private holeBefore: number | null = null;
  private sparse = false;
  private awaiting = 0;

  constructor(private readonly connection: ConnectionOptions, private readonly options: FeedOptions = {}) {
    this.cursor = options.after;
  }

  /** @throws ApiError when the server refuses us for good; UnreachableError when it was never reached */
  async *[Symbol.asyncIterator](): AsyncGenerator<FeedItem, void, undefined> {
    const { signal } = this.options;
    const abort = () => this.end(null);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) return;
    this.connectingSince = performance.now();
    this.connect();
    try {
      for (;;) {
        const next = this.queue.shift();
        if (next) {
          this.queuedBytes -= next.bytes;
          if (this.queue.length < QUEUE_EVENTS_LOW && this.queuedBytes < QUEUE_BYTES_LOW && this.socket?.isPaused) this.goOnReading(this.socket);
          yield next.item;
        } else if (this.ended) {
          if (this.failure) throw this.failure;
          return;
        } else {
          await new Promise<void>((resolve) => { this.wakeReader = resolve; });
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      this.end(null);
    }
  }

  private connect(): void {
    const url = new URL('/ws', this.connection.url);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, WS_PROTOCOL, {
      headers: { authorization: `Bearer ${this.connection.token}` }, maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false, handshakeTimeout: SILENCE_MS_MAX,
    });
    this.socket = socket;
    let refused = false;
    socket.on('open', () => {
      this.everConnected = true;
      this.subscribe();
      this.listenForSilence();
    });
    socket.on('message', (data: Buffer) => this.onMessage(data));
    socket.on('ping', () => this.listenForSilence());
    socket.on('unexpected-response', (_request, response) => {
      refused = true;
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString().slice(0, FRAME_BYTES_MAX - text.length); });
      // Not at its end: whoever refuses may die before that.
      response.on('close', () => this.onRefused(response.statusCode ?? 0, text));
    });
    socket.on('error', (error) => { if (!refused) this.onClosed(error.message, error); });
    socket.on('close', (code, reason) => { if (!refused) this.onClosed(reason.toString() || `closed (${code})`, undefined, code); });
  }

  private subscribe(): void {
    this.awaiting += 1;
    this.socket?.send(JSON.stringify({ type: 'subscribe', filter: this.options.filter ?? {}, ...(this.cursor !== undefined && { after: this.cursor }) }));
  }

  private onMessage(data: Buffer): void {
    this.listenForSilence();
    const frame = frameOf(data);
    if (frame === null) this.onClosed('something else than OrbitMesh answers there');
    else if (frame.type === 'subscribed') this.onSubscribed(frame);
    // What still comes for a subscription we have replaced comes again for the new one.
    else if (this.awaiting > 0 && (frame.type === 'event' || frame.type === 'position')) return;
    else if (frame.type === 'event') this.onEvent(frame.event, data.length);
    else if (frame.type === 'position') this.onPosition(frame.cursor);
    else if (frame.type === 'degraded') this.push({ type: 'degraded', reason: frame.reason });
    else if (frame.type === 'error') this.onFailure(new ApiError(HTTP_STATUS[frame.code as ErrorCode] ?? 400, frame.code, frame.detail));
  }

  private onSubscribed({ resume, cursor }: Extract<ServerFrame, { type: 'subscribed' }>): void {
    this.attempts = 0;
    this.awaiting = Math.max(0, this.awaiting - 1);
    if (this.awaiting > 0) return;
    if (resume === 'gap') this.lastSeq = this.lastSessionSeq = null;
    this.cursor = cursor;
    this.push({ type: 'subscribed', resume, cursor });
  }

  private onEvent(event: EventEnvelope, bytes: number): void {
    if (this.lastSeq !== null && event.seq <= this.lastSeq) return;
    if (!this.sparse && this.isHole(event)) {
      // The same hole twice is none: the server shows this token no more than that (an agent sees only what is its own).
      if (this.holeBefore !== event.seq) {
        this.holeBefore = event.seq;
        this.subscribe();
        return;
      }
      this.sparse = true;
    }
    this.lastSeq = event.seq;
    this.lastSessionSeq = event.sessionSeq ?? this.lastSessionSeq;
    this.cursor = event.cursor;
    this.push({ type: 'event', event }, bytes);
  }

  /** Without a filter `seq` has no holes; with one session and nothing else, `sessionSeq` has none (design §5). */
  private isHole(event: EventEnvelope): boolean {
    const { sessionIds = [], projectId, taskIds = [], types = [] } = this.options.filter ?? {};
    if (projectId || taskIds.length > 0 || types.length > 0 || sessionIds.length > 1) return false;
    if (sessionIds.length === 0) return this.lastSeq !== null && event.seq !== this.lastSeq + 1;
    return this.lastSessionSeq !== null && event.sessionSeq !== this.lastSessionSeq + 1;
  }

  private onPosition(cursor: string): void {
    this.cursor = cursor;
    this.push({ type: 'position', cursor });
  }

  private onRefused(status: number, text: string): void {
    let problem: Record<string, unknown> = {};
    try {
      problem = JSON.parse(text) as Record<string, unknown>;
    } catch {
      // A proxy's page; the status says enough.
    }
    this.onFailure(new ApiError(status, String(problem['code'] ?? `HTTP_${status}`), String(problem['detail'] ?? `The server answered ${status}.`), problem));
  }

  /** What may be otherwise a moment later is asked again. */
  private onFailure(error: ApiError): void {
    if (error.status === 429 || error.status >= 500) this.onClosed(error.message, error);
    else this.end(error);
  }

  private onClosed(reason: string, cause?: Error, code?: number): void {
    if (this.ended || this.socket === null) return;
    this.socket.removeAllListeners();
    this.socket.on('error', () => undefined); // Its failure was told; what follows it is of no use.
    this.socket.terminate();
    this.socket = null;
    this.awaiting = 0;
    clearTimeout(this.silence);
    if (code === WS_CLOSE.unauthenticated) {
      this.end(new ApiError(401, 'UNAUTHENTICATED', reason));
      return;
    }
    this.attempts += 1;
    if (this.everConnected && this.attempts === 1) this.push({ type: 'disconnected', reason });
    if (this.everConnected || this.attempts < ATTEMPTS_MAX) this.connectLater();
    else void this.connectIfExpected(cause instanceof ApiError ? cause : new UnreachableError(this.connection.url, { cause: cause ?? new Error(reason) }));
  }

  private connectLater(): void {
    const wait = Math.min(RECONNECT_MS * 2 ** (this.attempts - 1), RECONNECT_MS_MAX) * (0.5 + Math.random() / 2);
    this.retry = setTimeout(() => this.connect(), wait);
  }

  private async connectIfExpected(failure: Error): Promise<void> {
    const expected = await this.connection.expectedBack?.(performance.now() - this.connectingSince).catch(() => false);
    if (this.ended) return;
    if (expected) this.connectLater();
    else this.end(failure);
  }

  private listenForSilence(): void {
    clearTimeout(this.silence);
    // It is us who do not listen; what had been read by then still comes.
    if (this.socket?.isPaused) return;
    this.silence = setTimeout(() => this.onClosed('silent for too long'), SILENCE_MS_MAX);
  }

  private push(item: FeedItem, bytes = 0): void {
    this.queue.push({ item, bytes });
    this.queuedBytes += bytes;
    if ((this.queue.length > QUEUE_EVENTS_HIGH || this.queuedBytes > QUEUE_BYTES_HIGH) && this.socket && !this.socket.isPaused) {
      this.socket.pause();
      clearTimeout(this.silence);
    }
    this.wakeReader?.();
  }

  private goOnReading(socket: WebSocket): void {
    socket.resume();
    this.listenForSilence();
  }

  private end(failure: Error | null): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.removeAllListeners();
      socket.on('error', () => undefined); // Nobody waits for it any more.
      socket.close();
      setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
    }
    this.wakeReader?.();
  }
}

/** null for what is none: a proxy's word, or half of one. */
function frameOf(data: Buffer): ServerFrame | null {
  try {
    const frame = JSON.parse(data.toString()) as ServerFrame | null;
    return typeof frame === 'object' ? frame : null;
  } catch {
    return null;
  }
}
