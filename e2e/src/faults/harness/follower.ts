import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventEnvelope } from '@orbitmesh/domain';
import WebSocket from 'ws';
import type { Ledger } from './ledger.js';
import { RECONNECT_MS } from './limits.js';
import { seqOf } from './round-log.js';

interface Frame { type: string; event?: EventEnvelope; resume?: string; cursor?: string; code?: string }

/**
 * A client of the feed that connects again whenever it is cut, each time with the cursor it has, and relies on what
 * that promises: everything after it, once, in order.
 */
export class Follower {
  readonly violations: string[] = [];
  /** Where it is: of the last event, or a later position that it was told. */
  cursor: string | null = null;
  connections = 0;
  /** Monotonic ms of this round's events, as they came. */
  private arrivals: number[] = [];
  private events: EventEnvelope[] = [];
  private socket: WebSocket | null = null;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    readonly name: string, private readonly stack: { url: string; token: string }, private readonly ledger: Ledger, after: string,
    private readonly types: readonly string[] = [],
  ) {
    this.cursor = after;
    this.running = this.run();
  }

  /** Since the last time it was asked. */
  take(): EventEnvelope[] {
    const events = this.events;
    this.events = [];
    this.arrivals = [];
    return events;
  }

  /** When the first event came after that moment; monotonic ms. */
  firstAfter(at: number): number | null {
    return this.arrivals.find((one) => one > at) ?? null;
  }

  /** Has it come as far as this event? */
  reached(seq: number): boolean {
    return seqOf(this.cursor!) >= seq;
  }

  /** Its connection breaks without a word to anybody. */
  cut(): void {
    this.socket?.terminate();
  }

  matches(event: EventEnvelope): boolean {
    return this.types.length === 0 || this.types.some((type) => (type.endsWith(':*') ? event.type.startsWith(type.slice(0, -1)) : event.type === type));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cut();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      await this.connect().catch(() => undefined);
      await delay(RECONNECT_MS);
    }
  }

  private async connect(): Promise<void> {
    const socket = new WebSocket(`${this.stack.url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${this.stack.token}` }, handshakeTimeout: 5_000 });
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (bytes: Buffer) => this.receive(JSON.parse(bytes.toString()) as Frame));
    socket.on('open', () => {
      this.connections += 1;
      socket.send(JSON.stringify({ type: 'subscribe', filter: { types: this.types }, after: this.cursor }));
    });
    await once(socket, 'close');
  }

  private receive(frame: Frame): void {
    if (frame.type === 'subscribed' && frame.resume !== 'ok') this.violations.push(`${this.name}: ${this.cursor} was answered with a gap: ${JSON.stringify(frame)}`);
    if (frame.type === 'error' && frame.code !== 'UNAVAILABLE') this.violations.push(`${this.name}: ${JSON.stringify(frame)}`);
    if (frame.type === 'position') this.cursor = frame.cursor!;
    if (frame.type !== 'event') return;
    const event = frame.event!;
    this.arrivals.push(performance.now());
    this.cursor = event.cursor;
    this.events.push(event);
    void this.ledger.receive(this.name, [event]);
  }
}
