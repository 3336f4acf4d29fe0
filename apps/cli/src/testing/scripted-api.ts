import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export interface Sent {
  method: string; path: string; token: string; key: string | undefined; ifMatch: string | undefined; body: Record<string, unknown>;
  /** When it had come whole, on performance.now's clock. */
  at: number;
}
/** `drop`: it is received, and done, and then the connection breaks without an answer; `hang`: no answer ever comes. */
type Answer = [status: number, body: unknown, headers?: Record<string, string>] | 'drop' | 'hang';

/** The API as a script: what it answers to which request, and a feed that says what it is told to. */
export class ScriptedApi {
  readonly sent: Sent[] = [];
  /** Whom they did not wait for: asked, and then the connection was closed from there. */
  readonly calledOff: string[] = [];
  /** Frames for whoever subscribes. */
  frames: object[] = [];
  /** To what was not scripted. */
  otherwise: Answer | null = null;
  private readonly answers = new Map<string, Answer[]>();

  private constructor(private readonly server: Server, private readonly sockets: WebSocketServer) {}

  static async start(): Promise<ScriptedApi> {
    const server = createServer();
    const sockets = new WebSocketServer({ server, path: '/ws' });
    const api = new ScriptedApi(server, sockets);
    server.on('request', (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      request.on('end', () => {
        const line = `${request.method} ${request.url}`;
        const { authorization = '', 'idempotency-key': key, 'if-match': ifMatch } = request.headers;
        api.sent.push({
          method: request.method ?? '', path: request.url ?? '', token: authorization, key: key?.toString(), ifMatch, body: (text ? JSON.parse(text) : {}) as Record<string, unknown>, at: performance.now(),
        });
        const queue = api.answers.get(line) ?? [...api.answers].find(([pattern]) => pattern.endsWith('*') && line.startsWith(pattern.slice(0, -1)))?.[1];
        const answer = (queue && queue.length > 1 ? queue.shift() : queue?.[0]) ?? api.otherwise ?? [404, { code: 'NOT_FOUND', detail: `Nothing was scripted for ${line}.` }];
        if (answer === 'drop') request.socket.destroy();
        else if (answer !== 'hang') {
          const [status, body, headers = {}] = answer;
          response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body === null ? undefined : JSON.stringify(body));
        }
        response.on('close', () => { if (!response.writableEnded && answer === 'hang') api.calledOff.push(line); });
        server.emit('answered');
      });
    });
    sockets.on('connection', (socket) => socket.on('message', () => { for (const frame of api.frames) socket.send(JSON.stringify(frame)); }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The whole script, and what was sent. */
  forget(): void {
    this.sent.length = 0;
    this.calledOff.length = 0;
    this.answers.clear();
    this.frames = [];
    this.otherwise = null;
  }

  /** One after another; the last one for ever. */
  on(line: string, ...answers: Answer[]): this {
    this.answers.set(line, answers);
    return this;
  }

  /** Resolves with the first request of this method, and of this path where one is given. */
  async received(method: string, path?: string): Promise<Sent> {
    for (;;) {
      const found = this.sent.find((one) => one.method === method && (path === undefined || one.path === path));
      if (found) return found;
      await once(this.server, 'answered');
    }
  }

  /** To everybody who listens now. */
  say(frame: object): void {
    for (const socket of this.sockets.clients) socket.send(JSON.stringify(frame));
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
