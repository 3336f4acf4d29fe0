import { AppError } from '@orbitmesh/domain';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { LATE_HEADER, PeerClocks, UNTIL_HEADER } from './deadline.js';
import { PEER_GONE_MS, SENDINGS_MAX } from './limits.js';
import { requestErrorOf, type Contract } from './request-error.js';
import { headersOf, traceHeader } from './wire.js';

/** `peer`: whose clock its deadline is told in, and with whose process it is lost; null where several answer in turn. */
export interface Request { rpc: Contract; peer: string | null; subject: string; body: Buffer; traceId: string }
interface Waiting { peer: string | null; reject: (error: AppError) => void }

/** The asking half of a bus: requests that were sent and are not answered yet. */
export class Requester {
  private readonly peers = new PeerClocks();
  private readonly waiting = new Set<Waiting>();

  constructor(private readonly nc: Pick<NatsConnection, 'request'>, private readonly connected: () => boolean) {}

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
  failAll(reason: string): void {
    this.fail(this.waiting, reason);
  }

  private send({ rpc, peer, subject, body, traceId }: Request, timeout: number): Promise<Msg> {
    const until = peer === null ? null : this.peers.until(peer, timeout);
    const headers = headersOf({ ...traceHeader(traceId), ...(until !== null && { [UNTIL_HEADER]: until }) });
    return new Promise<Msg>((resolve, reject) => {
      const one: Waiting = { peer, reject };
      this.waiting.add(one);
      this.nc.request(subject, body, { timeout, headers })
        .then(resolve, (error: unknown) => reject(requestErrorOf(rpc, error)))
        .finally(() => this.waiting.delete(one));
    });
  }

  /**
   * Another process answers for `peer`. What it was sent itself it answers at once, if only that it is late; what waits longer was
   * the old one's, which answers nobody any more.
   */
  private replaced(peer: string): void {
    const asked = [...this.waiting].filter((one) => one.peer === peer);
    if (asked.length > 0) setTimeout(() => this.fail(asked.filter((one) => this.waiting.has(one)), 'restarted'), PEER_GONE_MS).unref();
  }

  private fail(some: Iterable<Waiting>, reason: string): void {
    for (const one of some) {
      this.waiting.delete(one);
      one.reject(new AppError('UNAVAILABLE', undefined, { reason }));
    }
  }
}
