import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { EventEnvelope } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import type { TestGateway } from './test-gateway.js';

export interface StreamFrame { id: string | undefined; event: string; data: Record<string, unknown> }
export interface StreamOptions { query?: string; lastEventId?: string; token?: string; /** Of something in between. */ port?: number }

/** A client of the event stream that keeps all it is sent, and remembers its last id as an EventSource does. */
export class StreamReader {
  readonly frames: StreamFrame[] = [];
  comments = 0;
  retry: number | undefined;
  lastId: string | undefined;
  ended = false;
  private rest = '';

  private constructor(readonly outgoing: ClientRequest, readonly incoming: IncomingMessage) {
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => this.take(text));
    incoming.on('end', () => { this.ended = true; });
    incoming.on('error', () => undefined);
  }

  /** Resolves with the head of the answer, whatever its status. */
  static connect(gateway: TestGateway, { query = '', lastEventId, token = gateway.token, port = gateway.port }: StreamOptions = {}): Promise<StreamReader> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1', port, path: `/api/events/stream${query}`, agent: false,
        headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
      }, (incoming) => resolve(new StreamReader(outgoing, incoming)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  static async opened(gateway: TestGateway, options: StreamOptions = {}): Promise<StreamReader> {
    const reader = await StreamReader.connect(gateway, options);
    await reader.next('stream.opened');
    return reader;
  }

  of(event: string): StreamFrame[] {
    return this.frames.filter((frame) => frame.event === event);
  }

  next(event: string, count = 1): Promise<StreamFrame> {
    return eventually(() => this.of(event)[count - 1], { what: `${event} ${count}` });
  }

  get events(): EventEnvelope[] {
    return this.frames.map(({ data }) => data as unknown as EventEnvelope).filter(({ seq }) => seq !== undefined);
  }

  get seqs(): number[] {
    return this.events.map(({ seq }) => seq);
  }

  /** Resolves when everything up to `seq` is here. */
  async upTo(seq: number): Promise<void> {
    await eventually(() => this.seqs.at(-1) === seq, { what: `event ${seq}` });
  }

  close(): void {
    this.outgoing.destroy();
  }

  /** HTML's rules for a stream, as far as ours needs them: fields, one a line, and an empty line at the end. */
  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const frame: StreamFrame = { id: undefined, event: 'message', data: {} };
      for (const line of block.split('\n')) {
        const [, name, value] = /^([^:]*): ?(.*)$/s.exec(line) ?? [undefined, line, ''];
        if (name === '') this.comments += 1;
        else if (name === 'id') this.lastId = frame.id = value;
        else if (name === 'event') frame.event = value;
        else if (name === 'retry') this.retry = Number(value);
        else frame.data = JSON.parse(value) as Record<string, unknown>;
      }
      if (frame.event !== 'message') this.frames.push(frame);
    }
  }
}
