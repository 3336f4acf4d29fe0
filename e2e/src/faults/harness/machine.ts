import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, processesNaming, startStack, type Chance, type TestStack } from '@orbitmesh/testing';
import { cutPower, recorded, stallFile, type Lost } from '../power/power-cut.js';
import { usageOf } from './home-check.js';
import { READY_MS_MAX, READY_POLL_MS } from './limits.js';
import { PROVIDERS } from './work.js';

export const SERVICES = ['session-service', 'api-gateway', 'notifier', 'provider-runner/slot-0', 'nats'] as const;
export type Service = (typeof SERVICES)[number];

const MIB = 1024 * 1024;
const COLLECTOR = new URL('collector.mjs', import.meta.url);

export interface MachineOptions {
  /** With something in it; else an empty one. It is not removed. */
  home?: string;
  launcher?: string;
  /** Value of the environment variable HARNESS_CANARY, which sessions have as a secret. */
  canary: string;
}

/** A stack on a machine that can lose its power: all of its processes, and what was not on the disk. */
export class Machine {
  /** Monotonic ms of the last blow: from there on it has to come back. */
  private struckAt = 0;

  private constructor(
    public stack: TestStack, readonly home: string, private readonly dir: string, private readonly options: MachineOptions, readonly url: string,
  ) {}

  static async start(options: MachineOptions): Promise<Machine> {
    const dir = await mkdtemp(join(tmpdir(), 'om-machine-'));
    const home = options.home ?? await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify(PROVIDERS), { mode: 0o600 });
    const stack = await Machine.launch(home, dir, options);
    return new Machine(stack, home, dir, options, stack.url);
  }

  private static launch(home: string, dir: string, { launcher, canary }: MachineOptions): Promise<TestStack> {
    const { NODE_OPTIONS, ...env } = recorded(dir);
    return startStack({ home, ...(launcher && { launcher }), env: { ...env, NODE_OPTIONS: `${NODE_OPTIONS} --import=${COLLECTOR.href}?dir=${encodeURIComponent(dir)}`, HARNESS_CANARY: canary } });
  }

  get token(): string {
    return this.stack.token;
  }

  /** @returns whom it hit */
  kill(services: readonly Service[]): Promise<number[]> {
    return this.signal(services, 'SIGKILL');
  }

  /** It stays there and does nothing. */
  async freeze(service: Service, ms: number): Promise<void> {
    const pid = (await this.stack.pids())[service];
    signal(pid, 'SIGSTOP');
    await delay(ms);
    signal(pid, 'SIGCONT');
  }

  /** In order, one service: whoever supervises it starts it again. */
  terminate(services: readonly Service[]): Promise<number[]> {
    return this.signal(services, 'SIGTERM');
  }

  /** No sync ends until the power is gone. */
  async stall(): Promise<void> {
    await writeFile(stallFile(this.dir), '');
  }

  /** Everything is gone at one moment, agents too, with what the disk did not have; then the machine is started again. */
  async losePower(chance: Chance, { all = false } = {}): Promise<Lost> {
    const launcher = this.stack.launcher.pid!;
    for (let left = [launcher]; left.length > 0; left = (await processesNaming(this.home)).map(({ pid }) => pid)) {
      // Stopped first: nobody is to see another one's end.
      for (const pid of left) signal(pid, 'SIGSTOP');
      for (const { pid } of await processesNaming(this.home)) signal(pid, 'SIGSTOP');
      for (const { pid } of await processesNaming(this.home)) signal(pid, 'SIGKILL');
      for (const pid of left) signal(pid, 'SIGKILL');
    }
    const lost = cutPower(this.dir, chance, { all });
    this.struckAt = performance.now();
    this.stack = await Machine.launch(this.home, this.dir, this.options);
    if (this.stack.url !== this.url) throw new Error(`It came back as ${this.stack.url} instead of ${this.url}.`);
    return lost;
  }

  /** @param gone pids of before. @returns ms from the last blow until none of them serves, everything does, and `/health/ready` says so */
  async ready(gone: readonly number[]): Promise<number> {
    await eventually(async () => {
      const { ready, services } = await this.stack.file();
      if (!ready || Object.values(services).some(({ pid, state }) => pid === null || gone.includes(pid) || state !== 'ready')) return false;
      const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      await answer.arrayBuffer();
      return answer.status === 200;
    }, { what: 'a ready stack', timeoutMs: READY_MS_MAX });
    return performance.now() - this.struckAt;
  }

  /** MiB in use once collected, by the names of processes; of NATS, which is not of Node.js, what the machine has for it. */
  async used(): Promise<Map<string, number>> {
    const used = new Map<string, number>();
    for (const [name, pid] of Object.entries({ ...await this.stack.pids(), launcher: this.stack.launcher.pid! })) {
      if (pid === null) continue;
      if (name === 'nats') {
        used.set(name, (await usageOf(pid))!.memoryMiB);
        continue;
      }
      const file = join(this.dir, `used-${pid}`);
      await rm(file, { force: true });
      signal(pid, 'SIGWINCH');
      await eventually(() => existsSync(file), { what: `what ${name} uses` });
      used.set(name, Number(await readFile(file, 'utf8')) / MIB);
    }
    return used;
  }

  /** Monotonic ms at which NATS takes connections again. */
  async natsBack(): Promise<number> {
    const port = Number(new URL(this.stack.natsUrl).port);
    for (;;) {
      const there = await new Promise<boolean>((answer) => {
        const socket = connect(port, '127.0.0.1', () => { socket.destroy(); answer(true); });
        socket.on('error', () => answer(false));
      });
      if (there) return performance.now();
      await delay(READY_POLL_MS);
    }
  }

  private async signal(services: readonly Service[], name: NodeJS.Signals): Promise<number[]> {
    const pids = await this.stack.pids();
    const hit = services.flatMap((service) => pids[service] ?? []);
    this.struckAt = performance.now();
    for (const pid of hit) signal(pid, name);
    return hit;
  }

  /** @param keep for whoever looks at what went wrong */
  async stop(keep: boolean): Promise<void> {
    try {
      await this.stack.stop();
    } finally {
      await rm(this.dir, { recursive: true, force: true });
      if (!keep && this.options.home === undefined) await rm(this.home, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

function signal(pid: number | null | undefined, name: NodeJS.Signals): void {
  try {
    if (pid) process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
