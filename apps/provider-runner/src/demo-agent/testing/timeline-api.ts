import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedReport { path: string; key: string; authorization: string; kind: string; message: string; taskId?: string }

/** The one operation of the REST API an agent reports through, as far as the demo agent can see it. */
export class TimelineApi {
  readonly received: ReceivedReport[] = [];
  /** The next answers, before everything is taken with 201. `drop`: takes the report and breaks the connection. */
  readonly script: (number | 'drop')[] = [];

  /** Stays known after `close`, to come back in the same place. */
  port = 0;

  private constructor(private readonly server: Server) {}

  static async start(port = 0): Promise<TimelineApi> {
    const server = createServer();
    const api = new TimelineApi(server);
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (piece: string) => { text += piece; }).on('end', () => {
        const answer = api.script.shift() ?? 201;
        const body = JSON.parse(text) as ReceivedReport;
        if (answer === 201 || answer === 'drop') api.received.push({ ...body, path: request.url ?? '', key: String(request.headers['idempotency-key']), authorization: String(request.headers.authorization) });
        if (answer === 'drop') return void request.socket.destroy();
        response.writeHead(answer, { 'content-type': 'application/json', ...(answer === 503 ? { 'retry-after': '0' } : {}) }).end('{}');
      });
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    api.port = (server.address() as AddressInfo).port;
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  kinds(): string[] {
    return this.received.map(({ kind }) => kind);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
