import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';
import { processesNaming } from './processes.js';

/** The checkout's own launcher, without the set-up: what runs under test is what people run. */
const LAUNCHER = fileURLToPath(new URL('../../../tools/launch.mjs', import.meta.url));
/** Five processes start beside other tests on two cores. */
const READY_MS_MAX = 60_000;
/** design §10 says 10 s; what is above it is for the machine. */
const STOP_MS_MAX = 20_000;
const OUTPUT_CHARS_MAX = 64 * 1024;

export interface StackOptions {
  /** @default a new directory, removed by `stop` */
  home?: string;
  /** @default 0: any free one */
  port?: number;
  /** @default a nats-server of its own */
  natsUrl?: string;
  env?: Record<string, string>;
  args?: string[];
  /** Another launcher script, for tests of the launcher itself. */
  launcher?: string;
  /** @default true; false: returns once the launcher runs */
  waitReady?: boolean;
}

/** `run/stack.json`, design §10. */
export interface StackFile {
  ready: boolean;
  url: string | null;
  natsUrl: string | null;
  services: Record<string, { pid: number | null; startTime: string | null; state: string; restarts: number }>;
}

/** A whole OrbitMesh in processes of its own. */
export class TestStack {
  private readonly said: string[] = [];
  private readonly opened: Promise<unknown>;
  private readonly gone: Promise<{ code: number | null; signal: string | null }>;

  private constructor(readonly home: string, private readonly ownHome: boolean, readonly launcher: ChildProcess) {
    for (const stream of [launcher.stdout, launcher.stderr]) stream?.on('data', (chunk: Buffer) => this.keep(chunk.toString()));
    // Until then stack.json may be the one of a launcher that was killed in this home.
    this.opened = once(launcher, 'message');
    this.gone = once(launcher, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
  }

  static async start(options: StackOptions = {}): Promise<TestStack> {
    const home = options.home ?? await mkdtemp(join(tmpdir(), 'om-home-'));
    const launcher = fork(options.launcher ?? LAUNCHER, options.args ?? [], {
      // In a group of its own, as a terminal would have it, so that signals meant for it do not reach the test.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      env: {
        ...withoutOurs(process.env), ORBITMESH_HOME: home, ORBITMESH_PORT: String(options.port ?? 0),
        ...(options.natsUrl ? { ORBITMESH_NATS_URL: options.natsUrl } : {}), ...options.env,
      },
    });
    const stack = new TestStack(home, options.home === undefined, launcher);
    if (options.waitReady !== false) {
      await stack.waitReady().catch(async (error: unknown) => {
        await stack.stop().catch(() => undefined);
        throw error;
      });
    }
    return stack;
  }

  /** Everything the launcher wrote on its terminal, the latest 64 Ki characters. */
  get output(): string {
    return this.said.join('');
  }

  /** Known from `waitReady` on. */
  url = '';
  natsUrl = '';
  /** The admin's. */
  token = '';

  async file(): Promise<StackFile> {
    return JSON.parse(await readFile(join(this.home, 'run', 'stack.json'), 'utf8')) as StackFile;
  }

  async pids(): Promise<Record<string, number | null>> {
    return Object.fromEntries(Object.entries((await this.file()).services).map(([name, one]) => [name, one.pid]));
  }

  /** Waits until everything serves, also after a `kill`. */
  async waitReady(timeoutMs = READY_MS_MAX): Promise<void> {
    const ended = this.gone.then(({ code, signal }) => { throw new Error(`the launcher ended (${signal ?? code}):\n${this.output}`); });
    const ready = this.opened.then(() => eventually(async () => {
      const file = await this.file();
      return file.ready ? file : null;
    }, { what: 'a ready stack', timeoutMs }));
    const file = await Promise.race([ready, ended]).catch((error: Error) => { throw new Error(`${error.message}\n${this.output}`); });
    this.url = file.url ?? '';
    this.natsUrl = file.natsUrl ?? '';
    this.token = (await readFile(join(this.home, 'api-gateway', 'admin.token'), 'utf8')).trim();
  }

  /** @returns the pid that got the signal. @throws when the service does not run */
  async kill(service: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    const pid = (await this.pids())[service];
    if (!pid) throw new Error(`${service} does not run: ${JSON.stringify(await this.file())}`);
    process.kill(pid, signal);
    return pid;
  }

  /** Kills a service and waits until another process serves in its place. */
  async killAndWait(service: string): Promise<void> {
    const pid = await this.kill(service);
    await eventually(async () => {
      const one = (await this.file()).services[service];
      return one.pid !== null && one.pid !== pid && one.state === 'ready';
    }, { what: `another ${service}`, timeoutMs: READY_MS_MAX });
    await this.waitReady();
  }

  /** kill -9 of the launcher: services follow by themselves, nats-server and agents stay. */
  async killLauncher(): Promise<void> {
    this.launcher.kill('SIGKILL');
    await this.gone;
  }

  /** Ctrl-C. @returns how the launcher ended and how long it took */
  async interrupt(): Promise<{ code: number | null; signal: string | null; ms: number }> {
    const since = performance.now();
    this.launcher.kill('SIGINT');
    const late = setTimeout(() => this.launcher.kill('SIGKILL'), STOP_MS_MAX);
    const end = await this.gone;
    clearTimeout(late);
    return { ...end, ms: performance.now() - since };
  }

  /**
   * Ends it and removes its home, if that was made here.
   * @throws when it did not end in order, left a process behind (which is then killed), or NATS refused one of its services something
   */
  async stop(): Promise<void> {
    const alreadyGone = this.launcher.exitCode !== null || this.launcher.signalCode !== null;
    const { code, signal } = alreadyGone ? await this.gone : await this.interrupt();
    const left = await processesNaming(this.home);
    for (const { pid } of left) killIfThere(pid);
    const refused = await refusalsIn(join(this.home, 'run', 'logs'));
    if (this.ownHome) await rm(this.home, { recursive: true, force: true, maxRetries: 3 });
    if (left.length > 0) throw new Error(`left behind: ${left.map((one) => `${one.pid} ${one.command}`).join(', ')}\n${this.output}`);
    if (refused.length > 0) throw new Error(`NATS refused what a service needs, see PARTIES of the contracts:\n${refused.slice(0, 5).join('\n')}`);
    if (!alreadyGone && code !== 0) throw new Error(`the launcher ended with ${signal ?? code}:\n${this.output}`);
  }

  private keep(text: string): void {
    this.said.push(text);
    while (this.said.length > 1 && this.output.length > OUTPUT_CHARS_MAX) this.said.shift();
  }
}

/** @see TestStack; call `stop()` when done. */
export function startStack(options: StackOptions = {}): Promise<TestStack> {
  return TestStack.start(options);
}

/** What every test of a stack shows by the way: that the users of NATS may do enough (ADR-0030). */
async function refusalsIn(logs: string): Promise<string[]> {
  const names = await readdir(logs).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(logs, name), 'utf8').catch(() => '')));
  return texts.flatMap((text) => text.split('\n').filter((line) => /permissions violation/i.test(line)));
}

/** A test that runs inside an OrbitMesh session must not reach its own OrbitMesh. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ORBITMESH_') && name !== 'NODE_OPTIONS'));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
