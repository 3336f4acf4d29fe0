import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { nextStep, type ScenarioStep } from './scenario.js';
import { valueOfSchema } from './schema-value.js';

/** Requests kept for a test to look at; older ones are dropped. */
const REQUESTS_MAX = 1_000;
/** A prompt with files in it; a larger body is answered 413. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

interface Part { text?: string; functionCall?: unknown; functionResponse?: unknown }
interface Declaration { name: string; parameters?: object; parametersJsonSchema?: object }
interface GenerateRequest {
  contents?: { role?: string; parts?: Part[] }[];
  tools?: { functionDeclarations?: Declaration[] }[];
  generationConfig?: { responseMimeType?: string; responseJsonSchema?: object; responseSchema?: object };
}

export interface RecordedRequest { path: string; operation: string; body: GenerateRequest }

/**
 * The Gemini API (v1beta generateContent, streamGenerateContent, countTokens) on loopback, with a
 * scripted model behind it (`scenario.ts`). Set it as HTTPS_PROXY too, and every attempt of an agent
 * to reach the internet is refused and kept in `phonedHome`.
 *
 * @see https://ai.google.dev/api/generate-content
 */
export class GeminiStandIn {
  readonly requests: RecordedRequest[] = [];
  /** `host:port` of every other place somebody tried to reach through us. */
  readonly phonedHome: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<GeminiStandIn> {
    const server = createServer();
    const standIn = new GeminiStandIn(server);
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
    const operation = /:(\w+)(?:\?|$)/.exec(path)?.[1] ?? '';
    try {
      const body = JSON.parse((await read(request)) || '{}') as GenerateRequest;
      this.requests.push({ path, operation, body });
      if (this.requests.length > REQUESTS_MAX) this.requests.shift();
      if (operation === 'countTokens') return json(response, 200, { totalTokens: tokensOf(body) });
      if (operation === 'generateContent') return json(response, 200, whole(generate(body)));
      if (operation === 'streamGenerateContent') return stream(response, generate(body));
      json(response, 404, { error: { code: 404, message: `the stand-in does not know ${path}`, status: 'NOT_FOUND' } });
    } catch (error) {
      json(response, error instanceof RangeError ? 413 : 400, { error: { code: 400, message: (error as Error).message, status: 'INVALID_ARGUMENT' } });
    }
  }
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

/** The parts the model says. */
function generate(body: GenerateRequest): { parts: Part[]; prompt: number } {
  const prompt = tokensOf(body);
  const declarations = (body.tools ?? []).flatMap(({ functionDeclarations }) => functionDeclarations ?? []);
  const { responseMimeType, responseJsonSchema, responseSchema } = body.generationConfig ?? {};
  // Side calls (a classifier before every turn, titles) have no tools, or want JSON of a schema.
  if (responseMimeType === 'application/json') return { parts: [{ text: JSON.stringify(valueOfSchema(responseJsonSchema ?? responseSchema) ?? {}) }], prompt };
  const step: ScenarioStep = (declarations.length ? nextStep(heard(body)) : undefined) ?? { text: 'stand-in' };
  const parts: Part[] = step.text ? [{ text: step.text }] : [];
  if (step.tool) parts.push(callOf(step.tool, declarations));
  return { parts, prompt };
}

function callOf({ names, args }: NonNullable<ScenarioStep['tool']>, declarations: Declaration[]): Part {
  const declaration = names.map((name) => declarations.find((offered) => offered.name === name)).find(Boolean);
  if (!declaration) return { text: `none of ${names.join(', ')} is offered` };
  return { functionCall: { name: declaration.name, args: valueOfSchema(declaration.parametersJsonSchema ?? declaration.parameters, args) } };
}

function heard({ contents = [] }: GenerateRequest): { text: string; toolResults: number }[] {
  return contents.map(({ parts = [] }) => ({
    text: parts.map(({ text }) => text ?? '').join('\n'),
    toolResults: parts.filter(({ functionResponse }) => functionResponse).length,
  }));
}

/** Streamed text comes in pieces: an agent that shows only the first would be found out. */
function halves(part: Part): Part[] {
  if (!part.text) return [part];
  const middle = Math.ceil(part.text.length / 2);
  return [part.text.slice(0, middle), part.text.slice(middle)].filter(Boolean).map((text) => ({ text }));
}

/** Four characters a token: what matters to a test is that the numbers come through. */
function tokensOf({ contents }: GenerateRequest): number {
  return Math.ceil(JSON.stringify(contents ?? []).length / 4);
}

function responseOf(parts: Part[], prompt: number, last: boolean) {
  const candidates = Math.ceil(JSON.stringify(parts).length / 4);
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(last ? { finishReason: 'STOP' } : {}) }],
    usageMetadata: { promptTokenCount: prompt, candidatesTokenCount: candidates, totalTokenCount: prompt + candidates },
    modelVersion: 'stand-in',
  };
}

function whole({ parts, prompt }: ReturnType<typeof generate>) {
  return responseOf(parts, prompt, true);
}

function stream(response: ServerResponse, { parts, prompt }: ReturnType<typeof generate>): void {
  const chunks = parts.flatMap(halves);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  chunks.forEach((part, index) => response.write(`data: ${JSON.stringify(responseOf([part], prompt, index === chunks.length - 1))}\r\n\r\n`));
  response.end();
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
