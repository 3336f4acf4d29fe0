import { AppError } from '@orbitmesh/domain';
import { NATS_PAYLOAD_BYTES_MIN, newTraceId, type Rpc, type Topic } from '@orbitmesh/contracts';
import { connect, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { connectionOptions, refusalOf, type AnswerResult, type BusOptions } from './connection.js';
import { CLOCK_HEADER, LATE_HEADER, OwnClock, UNTIL_HEADER } from './deadline.js';
import { DRAIN_TIMEOUT_MS, HANDLERS_BYTES_MAX, HANDLERS_IN_FLIGHT_MAX } from './limits.js';
import { Outflow } from './outflow.js';
import { Requester } from './requester.js';
import { TurnOutbox } from './turn-outbox.js';
import { inboxPrefix, isOthersInbox, queueGroup, requestSubject, topicSubject } from './subjects.js';
import { decode, decodeError, encodeBounded, encodeError, ERROR_HEADER, headersOf, traceIdOf } from './wire.js';

export type BusStatus = 'connected' | 'disconnected' | 'closed';
export interface RequestOptions { runnerId?: string; /** @default the contract's own */ timeoutMs?: number; traceId?: string }
export interface RequestContext { traceId: string }
export type RpcHandler<Req, Res> = (req: Req, context: RequestContext) => Res | Promise<Res>;

/** What the bus says of itself in health reports. */
export interface BusHealth {
  connected: boolean;
  reconnects: number;
  /** Publishes given up because there was no connection, or it took too little; their readers page instead. */
  publishesDropped: number;
  handlersInFlight: number;
  requestsInFlight: number;
  /** Requests that came after their sender had stopped waiting, or for a process before us, and were not begun. */
  requestsLate: number;
  /** The last refusal of the server (permissions, payload size), until the process ends. */
  problem: string | null;
}

/**
 * Requests, answers and one-way messages between our processes, over core NATS (design §2).
 * NATS is transport, never the record: whatever must not be lost is resent or paged by its owner.
 */
export class Bus {
  private up = true;
  private draining: Promise<void> | undefined;
  private reconnects = 0;
  private publishesDropped = 0;
  private requestsLate = 0;
  private problem: string | null = null;
  private readonly clock = new OwnClock();
  private readonly requester: Requester;
  private readonly outflow: Outflow;
  private readonly outbox = new TurnOutbox();
  private readonly subscriptions = new Set<Subscription>();
  private readonly handlers = new Set<Promise<void>>();
  private handlersBytes = 0;
  private readonly statusListeners = new Set<(status: BusStatus) => void>();
  private readonly problemListeners = new Set<(problem: string) => void>();

  private constructor(private readonly nc: NatsConnection, private readonly options: BusOptions) {
    this.requester = new Requester(nc, (give, failed) => this.send(give, failed), inboxPrefix(options.name), () => this.up);
    this.outflow = new Outflow(() => this.flush());
    void this.watch();
    void this.nc.closed().then((error) => this.onClosed(error ?? undefined));
  }

  /**
   * Waits for the first connection, for ever.
   * @throws CONFIG_INVALID when the server refuses our credentials or carries less than 1 MiB a message.
   */
  static async connect(options: BusOptions): Promise<Bus> {
    let nc: NatsConnection;
    try {
      nc = await connect(connectionOptions(options));
    } catch (cause) {
      // The server's address and its text stay out of the message: they may carry the password.
      throw new AppError('CONFIG_INVALID', 'The NATS server refused the connection.', { reason: (cause as Error).name }, { cause });
    }
    const refusal = refusalOf(nc.info);
    if (refusal) {
      const maxPayload = nc.info?.max_payload;
      await nc.close();
      throw new AppError('CONFIG_INVALID', refusal, { maxPayload, needed: NATS_PAYLOAD_BYTES_MIN });
    }
    return new Bus(nc, options);
  }

  get connected(): boolean {
    return this.up;
  }

  get installationId(): string {
    return this.options.installationId;
  }

  /**
   * @throws whatever AppError the other side threw; UNAVAILABLE at once when there is no connection, when it breaks, or
   * whoever is asked is restarted, while waiting (the effect is then unknown), or when nobody serves it; TIMEOUT; BODY_TOO_LARGE before anything is sent. Whatever
   * becomes of it, it is not begun after its time.
   */
  async request<Req, Res>(rpc: Rpc<Req, Res>, req: Req, options: RequestOptions = {}): Promise<Res> {
    const subject = requestSubject(this.options.installationId, rpc, options.runnerId);
    const body = encodeBounded(req, `The request ${rpc.name}`);
    if (!this.up) throw new AppError('UNAVAILABLE', undefined, { owner: rpc.owner, reason: 'disconnected' });
    const { runnerId = '', traceId = newTraceId(), timeoutMs = rpc.timeoutMs } = options;
    const reply = await this.requester.ask({ rpc, peer: queueGroup(rpc.owner) === undefined ? `${rpc.owner} ${runnerId}` : null, subject, body, traceId }, timeoutMs);
    const code = reply.headers?.get(ERROR_HEADER);
    if (code) throw decodeError(code, reply.data);
    return decode(reply.data) as Res;
  }

  /** The handler is called synchronously from the message's arrival, so its synchronous part runs in wire order; handlers overlap after that. */
  serve<Req, Res>(rpc: Rpc<Req, Res>, handler: RpcHandler<Req, Res>, options: { runnerId?: string } = {}): void {
    const subject = requestSubject(this.options.installationId, rpc, options.runnerId);
    const queue = queueGroup(rpc.owner);
    this.listen(subject, queue, (msg) => {
      if (!isOthersInbox(msg.reply, this.options.name)) {
        this.options.log?.warn({ request: rpc.name, reply: msg.reply }, 'request not begun: its answer is for nobody');
        return;
      }
      // Servers that answer in turn have a clock each; what they are asked changes nothing.
      if (queue === undefined && this.clock.isPast(msg.headers?.get(UNTIL_HEADER))) {
        this.requestsLate += 1;
        this.respond(msg, Buffer.alloc(0), { [LATE_HEADER]: '1' });
        return;
      }
      const bytes = msg.data.length;
      if (this.handlers.size >= HANDLERS_IN_FLIGHT_MAX || this.handlersBytes + bytes > HANDLERS_BYTES_MAX) {
        this.respondError(msg, new AppError('TOO_MANY_REQUESTS'));
        return;
      }
      this.handlersBytes += bytes;
      const done: Promise<void> = this.answer(rpc.name, msg, handler).finally(() => {
        this.handlersBytes -= bytes;
        this.handlers.delete(done);
      });
      this.handlers.add(done);
    });
  }

  /**
   * One-way. Returns false, and counts it, when there is no connection, or the server takes less than it is given.
   * @throws BODY_TOO_LARGE
   */
  publish<T>(topic: Topic<T>, message: T): boolean {
    const body = encodeBounded(message, `The message ${topic.name}`);
    if (!this.up || this.nc.isClosed() || !this.outflow.take(body.length)) {
      this.publishesDropped += 1;
      return false;
    }
    const subject = topicSubject(this.options.installationId, topic);
    this.send(() => this.nc.publish(subject, body));
    return true;
  }

  /** Messages in wire order, each handler called synchronously. Returns how to stop. */
  subscribe<T>(topic: Topic<T>, handler: (message: T) => void): () => void {
    const subscription = this.listen(topicSubject(this.options.installationId, topic), undefined, (msg) => {
      try {
        handler(decode(msg.data) as T);
      } catch (error) {
        this.options.log?.error({ err: error, topic: topic.name }, 'message handler failed');
      }
    });
    return () => {
      this.subscriptions.delete(subscription);
      subscription.unsubscribe();
    };
  }

  /** Resolves when the server has seen everything sent so far (subscriptions too). */
  async flush(): Promise<void> {
    this.outbox.flush();
    await this.nc.flush();
  }

  /** Called on every change; `closed` is final (drained, or refused for good by the server). Returns how to stop. */
  onStatus(listener: (status: BusStatus) => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  /** Called when the server refuses us something, e.g. a permission: NATS itself only says so in passing. */
  onProblem(listener: (problem: string) => void): () => void {
    this.problemListeners.add(listener);
    return () => this.problemListeners.delete(listener);
  }

  health(): BusHealth {
    return {
      connected: this.up, reconnects: this.reconnects, publishesDropped: this.publishesDropped,
      handlersInFlight: this.handlers.size, requestsInFlight: this.requester.inFlight, requestsLate: this.requestsLate, problem: this.problem,
    };
  }

  /** Takes nothing new, lets handlers in flight finish and answer (bounded), then closes. Handlers may still make requests meanwhile. */
  drain(timeoutMs: number = DRAIN_TIMEOUT_MS): Promise<void> {
    this.draining ??= this.drainOnce(timeoutMs);
    return this.draining;
  }

  private async drainOnce(timeoutMs: number): Promise<void> {
    const settled = (async () => {
      if (this.up) await Promise.allSettled([...this.subscriptions].map((s) => s.drain()));
      while (this.handlers.size > 0) await Promise.allSettled(this.handlers);
      if (this.up) await this.flush();
    })();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => { timer = setTimeout(resolve, timeoutMs, 'late'); });
    if (await Promise.race([settled.catch(() => undefined), late]) === 'late') {
      this.options.log?.warn({ handlersInFlight: this.handlers.size }, 'drain cut short');
    }
    clearTimeout(timer);
    this.outbox.flush();
    await this.nc.close();
  }

  private async answer<Req, Res>(name: string, msg: Msg, handler: RpcHandler<Req, Res>): Promise<void> {
    const traceId = traceIdOf(msg.headers);
    const since = performance.now();
    let result: AnswerResult = 'ok';
    try {
      const res = await handler(decode(msg.data) as Req, { traceId });
      this.respond(msg, encodeBounded(res, `The answer to ${name}`));
    } catch (error) {
      // An answer past the bound is our mistake (pages are bounded), never the caller's body.
      const ownFault = !(error instanceof AppError) || (error.code === 'BODY_TOO_LARGE' && error.message.startsWith('The answer to'));
      result = ownFault ? 'failed' : 'refused';
      if (ownFault) this.options.log?.error({ err: error, request: name, traceId }, 'request handler failed');
      this.respondError(msg, ownFault ? new AppError('INTERNAL', undefined, { traceId }) : error);
    }
    this.options.onAnswered?.(name, result, (performance.now() - since) / 1_000);
  }

  private respond(msg: Msg, body: Buffer, more: Record<string, string> = {}): void {
    this.send(() => msg.respond(body, { headers: headersOf({ [CLOCK_HEADER]: this.clock.moment, ...more }) }));
  }

  /** What the library does not take (a server that was restarted to take less a message) is told, and holds up nothing. */
  private send(give: () => void, failed?: () => void): void {
    this.outbox.add(() => {
      try {
        if (!this.nc.isClosed()) give();
      } catch (error) {
        this.onRefused(error as Error);
        failed?.();
      }
    });
  }

  private respondError(msg: Msg, error: AppError): void {
    this.respond(msg, encodeError(error), { [ERROR_HEADER]: error.code });
  }

  private listen(subject: string, queue: string | undefined, handle: (msg: Msg) => void): Subscription {
    const subscription = this.nc.subscribe(subject, {
      queue,
      callback: (error, msg) => (error ? this.onRefused(error) : handle(msg)),
    });
    this.subscriptions.add(subscription);
    return subscription;
  }

  private async watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') this.onDisconnect();
      else if (status.type === 'reconnect') this.onReconnect();
      else if (status.type === 'error') this.onRefused(status.error);
      else if (status.type === 'slowConsumer' || status.type === 'staleConnection') this.options.log?.warn({ status: status.type }, 'nats connection in trouble');
    }
  }

  private onDisconnect(): void {
    if (!this.up) return;
    this.up = false;
    this.requester.failAll('disconnected');
    this.emit('disconnected');
  }

  private onReconnect(): void {
    const refusal = refusalOf(this.nc.info);
    if (refusal) this.onRefused(new Error(refusal));
    this.up = true;
    this.reconnects += 1;
    this.emit('connected');
  }

  private onClosed(error: Error | undefined): void {
    this.up = false;
    this.requester.failAll('closed');
    if (error && !this.draining) this.onRefused(error);
    this.emit('closed');
  }

  private onRefused(error: Error): void {
    this.requester.refused(error);
    this.problem = error.message;
    this.options.log?.error({ err: error }, 'nats refused an operation');
    for (const listener of this.problemListeners) listener(error.message);
  }

  private emit(status: BusStatus): void {
    this.options.log?.info({ status }, 'nats connection changed');
    for (const listener of this.statusListeners) listener(status);
  }
}
