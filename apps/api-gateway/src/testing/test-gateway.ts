import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request, type IncomingHttpHeaders, type RequestOptions, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, MessagingModule } from '@orbitmesh/messaging';
import { createLogger, HealthRegistry, Installation, Lifecycle, LOGGER, Metrics, ServiceConfig } from '@orbitmesh/service-kit';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { AppModule } from '../app.module.js';
import { GatewayConfig } from '../gateway.config.js';
import { createApp, type Patience } from '../http/create-app.js';
import { EventTail } from '../live/event-tail.js';
import { ScriptedSessionService } from './scripted-session-service.js';

export interface Answer { status: number; headers: IncomingHttpHeaders; text: string; body: Record<string, unknown> }
export interface Send { headers?: Record<string, string | string[]>; body?: unknown; raw?: string | Buffer; token?: string | null }
export interface GatewayOptions {
  allowedHosts?: string[]; allowedOrigins?: string[]; home?: string; nats?: TestNats; installationId?: string;
  /** @default no bounds: tests ask as fast as they can */
  rates?: Partial<Pick<GatewayConfig, 'adminRate' | 'userRate' | 'agentRate' | 'refusedRate'>>;
  patience?: Patience;
  /** Where the gateway, and it alone, finds NATS. @default where it is */
  natsPort?: number;
  /** Everything is logged there. @default nowhere */
  logFd?: number;
}

const NO_RATES = { adminRate: 0, userRate: 0, agentRate: 0, refusedRate: 0 };

/** The gateway as it runs, on a free port, against a nats-server of its own and scripted services. */
export class TestGateway {
  token = '';
  port = 0;

  private constructor(
    readonly app: NestFastifyApplication, readonly nats: TestNats, readonly service: ScriptedSessionService, readonly bus: Bus, readonly home: string,
    private readonly owns: { nats: boolean; home: boolean },
  ) {}

  static async start(options: GatewayOptions = {}): Promise<TestGateway> {
    const nats = options.nats ?? await startNats();
    const home = options.home ?? await mkdtemp(join(tmpdir(), 'om-gateway-'));
    const installationId = options.installationId ?? 'in_test';
    const service = await ScriptedSessionService.start(nats.url, installationId);
    const natsUrl = `nats://127.0.0.1:${options.natsPort ?? nats.port}`;
    const bus = await Bus.connect({ url: natsUrl, installationId, name: 'api-gateway' });
    const config = Object.assign(new GatewayConfig(), { home, natsUrl, allowedHosts: options.allowedHosts ?? [], allowedOrigins: options.allowedOrigins ?? [], ...NO_RATES, ...options.rates });
    const logger = createLogger({ service: 'api-gateway', level: options.logFd === undefined ? 'silent' : 'trace', fd: options.logFd });
    const app = await createApp(rootModule(bus, config, [
      { provide: LOGGER, useValue: logger }, { provide: Lifecycle, useValue: new Lifecycle(logger) },
      { provide: Installation, useValue: new Installation(installationId, '') }, { provide: Metrics, useValue: new Metrics() },
      { provide: HealthRegistry, useValue: new HealthRegistry('api-gateway') },
    ]), logger, options.patience);
    await app.listen({ port: 0, host: '127.0.0.1' });
    await bus.flush();
    const gateway = new TestGateway(app, nats, service, bus, home, { nats: !options.nats, home: !options.home });
    gateway.port = ((app.getHttpServer() as Server).address() as AddressInfo).port;
    // Until it knows where the feed stands, whoever subscribes is told to wait.
    await eventually(() => app.get(EventTail).position !== null, { what: 'the head of the feed' });
    gateway.token = (await readFile(join(home, 'api-gateway', 'admin.token'), 'utf8')).trim();
    return gateway;
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.service.stop();
    if (this.owns.nats) await this.nats.stop();
    if (this.owns.home) await rm(this.home, { recursive: true, force: true });
  }

  /** node:http, not fetch: the path goes out as given, and so do Host and Origin. */
  send(method: string, path: string, { headers = {}, body, raw, token = this.token }: Send = {}): Promise<Answer> {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const options: RequestOptions = {
      host: '127.0.0.1', port: this.port, method, path, agent: false,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(payload !== undefined && !('transfer-encoding' in headers) && { 'content-length': Buffer.byteLength(payload) }), ...headers,
      },
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = (incoming.headers['content-type'] ?? '').includes('json');
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, body: isJson && text ? JSON.parse(text) as Record<string, unknown> : {} });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}

@Module({})
class TestRoot {}

function rootModule(bus: Bus, config: GatewayConfig, kit: { provide: symbol | (new (...args: never[]) => unknown); useValue: unknown }[]): DynamicModule {
  const providers = [{ provide: GatewayConfig, useValue: config }, { provide: ServiceConfig, useValue: config }, ...kit] as never[];
  return { module: TestRoot, global: true, imports: [MessagingModule.forRoot(bus), AppModule], providers, exports: providers };
}
