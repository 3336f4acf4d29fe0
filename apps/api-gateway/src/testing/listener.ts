import { once } from 'node:events';
import type { EventEnvelope } from '@orbitmesh/domain';
import type { ServerFrame } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { WebSocket } from 'ws';
import type { TestGateway } from './test-gateway.js';

/** A client of `/ws` that keeps every frame. */
export class Listener {
  private static readonly open = new Set<Listener>();
  readonly frames: ServerFrame[] = [];
  closed: { code: number; reason: string } | null = null;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => { this.frames.push(JSON.parse(data.toString()) as ServerFrame); });
    ws.on('close', (code, reason) => { this.closed = { code, reason: reason.toString() }; });
    ws.on('error', () => undefined);
  }

  static async connect(gateway: TestGateway, token = gateway.token): Promise<Listener> {
    const listener = new Listener(new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`, { headers: { authorization: `Bearer ${token}` } }));
    Listener.open.add(listener);
    await once(listener.ws, 'open');
    return listener;
  }

  static async subscribed(gateway: TestGateway, filter: object = {}, after?: string, token?: string): Promise<Listener> {
    const listener = await Listener.connect(gateway, token);
    listener.say({ type: 'subscribe', filter, after });
    await listener.next('subscribed');
    return listener;
  }

  /** All that a test has connected. */
  static terminateAll(): void {
    for (const listener of Listener.open) listener.ws.terminate();
    Listener.open.clear();
  }

  say(frame: unknown): void {
    this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  of<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  next<T extends ServerFrame['type']>(type: T, count = 1): Promise<Extract<ServerFrame, { type: T }>> {
    return eventually(() => this.of(type)[count - 1], { what: `${type} frame ${count}` });
  }

  get events(): EventEnvelope[] {
    return this.of('event').map((frame) => frame.event);
  }

  get seqs(): number[] {
    return this.events.map((event) => event.seq);
  }

  /** Everything said before is answered when this resolves: frames are handled in order. */
  async settled(): Promise<void> {
    const pongs = this.of('pong').length;
    this.say({ type: 'ping' });
    await this.next('pong', pongs + 1);
  }
}
