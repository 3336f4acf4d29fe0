import { AppError } from '@orbitmesh/domain';
import type { Rpc } from '@orbitmesh/contracts';
import { createInbox, PermissionViolationError, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { LATE_HEADER, PeerClocks, UNTIL_HEADER } from './deadline.js';
import { PEER_GONE_MS, SENDINGS_MAX } from './limits.js';
import { headersOf, traceHeader } from './wire.js';

/** The status of a reply that the server gives where nobody listens. */
const NO_RESPONDERS = 503;
/** Why nothing was, or will be, answered; with what is said where the code's own words do not do. */
const REASONS = {
  closed: undefined, connection: undefined, disconnected: undefined, restarted: undefined, no_responders: undefined, permission: 'NATS does not allow this request.',
} as const;
type Reason = keyof typeof REASONS;

/** `peer`: whose clock its deadline is told in, and with whose process it is lost; null where several answer in turn. */
export interface Request { rpc: Pick<Rpc<unknown, unknown>, 'owner' | 'name'>; peer: string | null; subject: string; body: Buffer; traceId: string }
interface Waiting { request: Request; resolve: (reply: Msg) => void; reject: (error: AppError) => void; timer: NodeJS.Timeout }

/**
 * The asking half of a bus: requests that were sent and are not answered yet. The library's own `request` makes an error, with its
 * stack, and four promises for each that is answered.
 */
export class Requester {
  private readonly peers = new PeerClocks();
  /** By the last token of their reply's subject. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly inbox: string;
  private sent = 0;

  /** @param give has it sent at the end of this turn. @param prefix of the inboxes that we may listen to */
  constructor(
    private readonly nc: Pick<NatsConnection, 'publish' | 'subscribe'>, private readonly give: (send: () => void, failed: () => void) => void,
    prefix: string, private readonly connected: () => boolean,
  ) {
    this.inbox = createInbox(prefix);
    nc.subscribe(`${this.inbox}.*`, { callback: (error, reply) => (error ? this.failAll('permission') : this.answered(reply)) });
  }

  get inFlight(): number {
    return this.waiting.size;
  }

  /** What was not begun is sent again, now that its answer said what time it is there: after a start of ours, or of theirs. */
  async ask(request: Request, timeoutMs: number): Promise<Msg> {
    const { rpc: { owner, name }, peer } = request;
    const until = performance.now() + timeoutMs;
    for (let sendings = 1; ; sendings += 1) {
      const reply = await this.send(request, Math.max(1, until - performance.now()));
      if (peer !== null && this.peers.heard(peer, reply.headers)) this.replaced(peer);
      if (!reply.headers?.has(LATE_HEADER)) return reply;
      if (performance.now() >= until) throw new AppError('TIMEOUT', undefined, { owner, request: name });
      if (sendings === SENDINGS_MAX || !this.connected()) throw new AppError('UNAVAILABLE', undefined, { owner, reason: 'late' });
    }
  }

  /** A core request that was buffered or unanswered when the connection broke would only time out. */
  failAll(reason: Reason): void {
    this.fail(this.waiting.keys(), reason);
  }

  /** What the server does not let us ask waits for nothing. */
  refused(error: Error): void {
    if (!(error instanceof PermissionViolationError) || error.operation !== 'publish') return;
    this.fail(this.tokensOf(({ subject }) => subject === error.subject), 'permission');
  }

  private send(request: Request, timeoutMs: number): Promise<Msg> {
    const { rpc: { owner, name }, peer, subject, body, traceId } = request;
    const until = peer === null ? null : this.peers.until(peer, timeoutMs);
    const headers = headersOf({ ...traceHeader(traceId), ...(until !== null && { [UNTIL_HEADER]: until }) });
    this.sent += 1;
    const token = this.sent.toString(36);
    return new Promise<Msg>((resolve, reject) => {
      const timer = setTimeout(() => this.take(token)?.reject(new AppError('TIMEOUT', undefined, { owner, request: name })), timeoutMs);
      this.waiting.set(token, { request, resolve, reject, timer });
      const publish = (): void => { if (this.waiting.has(token)) this.nc.publish(subject, body, { reply: `${this.inbox}.${token}`, headers }); };
      this.give(publish, () => this.fail([token], 'connection'));
    });
  }

  private answered(reply: Msg): void {
    const token = reply.subject.slice(this.inbox.length + 1);
    const isNobodyThere = reply.data.length === 0 && reply.headers?.code === NO_RESPONDERS;
    if (isNobodyThere) this.fail([token], 'no_responders');
    else this.take(token)?.resolve(reply);
  }

  /** It is answered once. */
  private take(token: string): Waiting | undefined {
    const one = this.waiting.get(token);
    this.waiting.delete(token);
    clearTimeout(one?.timer);
    return one;
  }

  /**
   * Another process answers for `peer`. What it was sent itself it answers at once, if only that it is late; what waits longer was
   * the old one's, which answers nobody any more.
   */
  private replaced(peer: string): void {
    const asked = this.tokensOf((request) => request.peer === peer);
    if (asked.length > 0) setTimeout(() => this.fail(asked, 'restarted'), PEER_GONE_MS).unref();
  }

  private tokensOf(isMeant: (request: Request) => boolean): string[] {
    return [...this.waiting].filter(([, { request }]) => isMeant(request)).map(([token]) => token);
  }

  private fail(tokens: Iterable<string>, reason: Reason): void {
    for (const token of tokens) {
      const one = this.take(token);
      const { owner, name } = one?.request.rpc ?? {};
      one?.reject(new AppError('UNAVAILABLE', REASONS[reason], { owner, request: name, reason }));
    }
  }
}
