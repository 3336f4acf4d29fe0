import { AppError } from '@orbitmesh/domain';
import type { Rpc, Topic } from '@orbitmesh/contracts';
import type { BusStatus } from '@orbitmesh/messaging';
import { payloadProblem } from '@orbitmesh/testing';

type Handler = (req: unknown, context: { traceId: string }) => unknown;

/** The bus without NATS, for tests in one process: everything still crosses as JSON, handlers are called in the order of requests. */
export class LocalBus {
  connected = true;
  /** Throws when published to, as a bug in the bus would. */
  broken = false;
  readonly published: { topic: string; message: unknown }[] = [];
  /** What crossed it and was not as docs/subjects.md says. */
  readonly unlawful: string[] = [];
  private readonly handlers = new Map<string, Handler>();
  private readonly listeners = new Set<(status: BusStatus) => void>();

  serve<Req, Res>(rpc: Rpc<Req, Res>, handler: (req: Req, context: { traceId: string }) => Res | Promise<Res>, options: { runnerId?: string } = {}): void {
    this.handlers.set(addressOf(rpc, options.runnerId), handler as Handler);
  }

  async request<Req, Res>(rpc: Rpc<Req, Res>, req: Req, options: { runnerId?: string } = {}): Promise<Res> {
    const handler = this.handlers.get(addressOf(rpc, options.runnerId));
    if (!this.connected || !handler) throw new AppError('UNAVAILABLE', undefined, { request: rpc.name });
    this.check(rpc, 'request', copied(req));
    const response = copied(await handler(copied(req), { traceId: 'trace' })) as Res;
    this.check(rpc, 'response', response);
    return response;
  }

  publish<T>(topic: Topic<T>, message: T): boolean {
    if (this.broken) throw new Error('the bus is broken');
    if (!this.connected) return false;
    this.published.push({ topic: topic.name, message: copied(message) });
    this.check(topic, 'message', copied(message));
    return true;
  }

  private check(contract: Parameters<typeof payloadProblem>[0], role: Parameters<typeof payloadProblem>[1], payload: unknown): void {
    const problem = payloadProblem(contract, role, payload);
    if (problem !== null) this.unlawful.push(problem);
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  setConnected(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.listeners) listener(connected ? 'connected' : 'disconnected');
  }

  /** What a process of that runner served is gone. */
  forget(runnerId: string): void {
    for (const address of this.handlers.keys()) if (address.includes(`:${runnerId}:`)) this.handlers.delete(address);
    this.handlers.delete('anyRunner::resolveDirectory');
  }
}

const addressOf = ({ owner, name }: { owner: string; name: string }, runnerId = ''): string => `${owner}:${runnerId}:${name}`;

const copied = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
