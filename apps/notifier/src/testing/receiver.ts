import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { WebhookPayload } from '@orbitmesh/contracts';

export interface Received { path: string; headers: IncomingHttpHeaders; body: string; payload: WebhookPayload; answer: ServerResponse }
/** A status, a status with headers, or nothing at all: then the request hangs until the test answers or drops it. */
export type Answer = number | { status: number; headers: Record<string, string> } | null;

/** An endpoint of somebody else: a real HTTP server on a free port that does as the test says. */
export class Receiver {
  readonly received: Received[] = [];
  answer: (request: Received) => Answer = () => 204;
  private open = 0;
  /** The most requests it was answering at once. */
  openMax = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      receiver.openMax = Math.max(receiver.openMax, receiver.open += 1);
      response.on('close', () => { receiver.open -= 1; });
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        receiver.take({ path: request.url ?? '', headers: request.headers, body, payload: JSON.parse(body) as WebhookPayload, answer: response });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** Seqs of what came, in order, repeats and all. */
  get seqs(): (number | undefined)[] {
    return this.received.map(({ payload }) => payload.data.seq);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private take(request: Received): void {
    this.received.push(request);
    const answer = this.answer(request);
    if (answer === null) return;
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    request.answer.writeHead(status, headers).end(status === 204 ? undefined : 'what an endpoint says');
  }
}
