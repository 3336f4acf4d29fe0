import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Readiness } from '@orbitmesh/contracts';
import { eventually, processesNaming, startNats, type TestNats } from '@orbitmesh/testing';
import { Api } from './api.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
interface Service { name: string; app: string; env?: Record<string, string> }
interface Launching { SERVICES: Service[]; launchService(service: Service, options: { root: string; shared: NodeJS.ProcessEnv }): ChildProcess }

export const FIVE = ['nats', 'session-service', 'api-gateway', 'notifier', 'provider-runner'] as const;
export type Process = (typeof FIVE)[number];

/** The five processes of an OrbitMesh, each started and ended by hand: what dies stays dead. */
export class Fleet {
  private readonly running = new Map<Process, ChildProcess>();
  private readonly said: string[] = [];

  private constructor(readonly home: string, readonly workingDir: string, private readonly nats: TestNats, private readonly port: number, private readonly launching: Launching) {}

  /** Nothing runs yet. */
  static async create(): Promise<Fleet> {
    const home = await mkdtemp(join(tmpdir(), 'om-home-'));
    const workingDir = await realpath(await mkdtemp(join(tmpdir(), 'om-repo-')));
    const nats = await startNats();
    await nats.kill();
    return new Fleet(home, workingDir, nats, await freePort(), await import(new URL('../../../tools/lib/services.mjs', import.meta.url).href) as Launching);
  }

  get api(): Promise<Api> {
    return readFile(join(this.home, 'api-gateway', 'admin.token'), 'utf8').then((token) => new Api(this.url, token.trim()));
  }

  pid(name: Exclude<Process, 'nats'>): number {
    return this.running.get(name)!.pid!;
  }

  async start(name: Process): Promise<void> {
    if (name === 'nats') return this.nats.restart();
    const service = this.launching.SERVICES.find(({ app }) => app === name)!;
    const child = this.launching.launchService(service, { root: ROOT, shared: {
      PATH: process.env.PATH, HOME: this.home, ORBITMESH_HOME: this.home, ORBITMESH_HOST: '127.0.0.1', ORBITMESH_PORT: String(this.port),
      ORBITMESH_NATS_URL: this.nats.url, ORBITMESH_API_URL: this.url,
    } });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => this.said.push(chunk.toString()));
    this.running.set(name, child);
  }

  async kill(name: Process): Promise<void> {
    if (name === 'nats') return this.nats.kill();
    const child = this.running.get(name);
    this.running.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async killAll(): Promise<void> {
    for (const name of FIVE) await this.kill(name);
  }

  /** As anybody sees it, without a token; undefined: no gateway answers. */
  async readiness(): Promise<Readiness | undefined> {
    try {
      const body = await (await fetch(`${this.url}/health/ready`)).json() as Partial<Readiness>;
      return body.checks && { ready: body.ready === true, checks: body.checks };
    } catch {
      return undefined;
    }
  }

  async becomes(matches: (readiness: Readiness) => boolean, what: string): Promise<void> {
    await eventually(async () => {
      const readiness = await this.readiness();
      if (readiness && matches(readiness)) return true;
      throw new Error(JSON.stringify(readiness));
    }, { what, timeoutMs: 60_000 }).catch((error: Error) => { throw new Error(`${error.message}\n${this.said.join('').slice(-3_000)}`); });
  }

  /** @throws when something of it is left */
  async remove(): Promise<void> {
    await this.killAll();
    await this.nats.stop();
    const left = await processesNaming(this.home);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    for (const dir of [this.home, this.workingDir]) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    if (left.length > 0) throw new Error(`left behind: ${left.map((one) => `${one.pid} ${one.command}`).join(', ')}`);
  }

  private get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
