import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { anthropicDialect } from './anthropic.dialect.js';
import type { Body, Dialect } from './dialect.js';
import { geminiDialect } from './gemini.dialect.js';
import { turnOf } from './model-turn.js';
import { openaiChatDialect } from './openai-chat.dialect.js';
import { openaiResponsesDialect } from './openai-responses.dialect.js';
import { sendPieces } from './send-pieces.js';

/** Requests kept for a test to look at; older ones are dropped. */
const REQUESTS_MAX = 1_000;
/** A prompt with files in it; a larger body is answered 413. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** One line an API; the first that knows a path answers it. */
const DIALECTS: readonly Dialect[] = [anthropicDialect, geminiDialect, openaiChatDialect, openaiResponsesDialect];

/** `dialect` and `operation` are empty where no API knows the path. */
export interface RecordedRequest { path: string; dialect: string; operation: string; body: Body; headers: IncomingHttpHeaders }

/**
 * The model APIs of the agents on loopback, with one scripted model behind them (`scenario.ts`). Set it
 * as HTTPS_PROXY too, and every attempt of an agent to reach the internet is refused and kept in
 * `phonedHome`.
 */
export class ModelStandIn {
  readonly requests: RecordedRequest[] = [];
  /** `host:port` of every other place somebody tried to reach through us. */
  readonly phonedHome: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ModelStandIn> {
    const server = createServer();
    const standIn = new ModelStandIn(server);
    server.on('request', (request, response) => void standIn.answer(request, response));
    server.on('connect', (request, socket) => standIn.tunnel(request.url ?? '', socket as Socket));
    server.on('connection', (socket) => standIn.keep(socket));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Agents break off their connections when a turn is cancelled: that is no error of ours. */
  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
  }

  private tunnel(target: string, socket: Socket): void {
    if (`http://${target}` !== this.url) {
      this.phonedHome.push(target);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect((this.server.address() as AddressInfo).port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const dialect = DIALECTS.find((one) => one.operationOf(path) !== undefined);
    try {
      const body = JSON.parse((await read(request)) || '{}') as Body;
      const operation = dialect?.operationOf(path) ?? '';
      this.requests.push({ path, dialect: dialect?.name ?? '', operation, body, headers: request.headers });
      if (this.requests.length > REQUESTS_MAX) this.requests.shift();
      if (!dialect) return json(response, 404, { error: { code: 404, message: `the stand-in does not know ${path}`, status: 'NOT_FOUND' } });
      act(dialect, operation, body, response);
    } catch (error) {
      const status = error instanceof RangeError ? 413 : 400;
      json(response, status, (dialect ?? geminiDialect).error(status, (error as Error).message));
    }
  }
}

/** The model's turn, as the dialect says it. */
function act(dialect: Dialect, operation: string, body: Body, response: ServerResponse): void {
  const asked = dialect.read(operation, body);
  if ('json' in asked) return json(response, 200, asked.json);
  const turn = turnOf(asked);
  if (turn.fail) return json(response, turn.fail.status, dialect.error(turn.fail.status, turn.fail.message));
  const type = asked.stream ? 'text/event-stream' : 'application/json';
  const pieces = asked.stream ? dialect.stream(turn, body) : [JSON.stringify(dialect.whole(turn, body))];
  sendPieces(response.writeHead(200, { 'content-type': type }), pieces, turn);
}

async function read(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += (piece as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new RangeError('the body is too large');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
