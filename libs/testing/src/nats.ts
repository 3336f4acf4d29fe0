import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freezeProcess } from './processes.js';

export interface NatsOptions {
  /** Appended to the configuration file, e.g. an `authorization` block or `max_payload`. */
  config?: string;
}

/** A nats-server of our own on a free port of loopback. */
export class TestNats {
  private child: ChildProcess | undefined;
  /** Chosen by the server's first start, kept by every later one. */
  port = -1;

  private constructor(private readonly binary: string, private readonly dir: string, private config: string) {
    process.once('exit', this.onExit);
  }

  static async start(options: NatsOptions = {}): Promise<TestNats> {
    // tools/ holds plain JavaScript without types, outside of every project: imported by its place in the checkout.
    const { ensureNatsServer } = await import(new URL('../../../tools/nats-server.mjs', import.meta.url).href) as { ensureNatsServer: () => Promise<string> };
    const dir = await mkdtemp(join(tmpdir(), 'om-nats-'));
    const nats = new TestNats(await ensureNatsServer(), dir, options.config ?? '');
    await nats.launch();
    return nats;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (!this.child?.pid) throw new Error('nats-server is not running');
    return this.child.pid;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.child;
    if (!child) return;
    this.child = undefined;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Freezes it: connections stay open and nothing is answered. */
  freeze(): Promise<void> {
    return freezeProcess(this.pid);
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Kills it, if it still runs, and starts it again on the same port, with another configuration if one is given. */
  async restart(config: string = this.config): Promise<void> {
    await this.kill();
    this.config = config;
    await this.launch();
  }

  /** Ends it and leaves nothing behind. */
  async stop(): Promise<void> {
    process.removeListener('exit', this.onExit);
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }

  private readonly onExit = (): void => {
    this.child?.kill('SIGKILL');
  };

  private async launch(): Promise<void> {
    const file = join(this.dir, 'nats.conf');
    await writeFile(file, `host: 127.0.0.1\nport: ${this.port}\nports_file_dir: ${JSON.stringify(this.dir)}\n${this.config}\n`);
    const child = spawn(this.binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-4_000); });
    this.child = child;
    this.port = await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`nats-server ended:\n${said}`);
      return this.readPort();
    }, { what: 'nats-server' });
  }

  /** The server writes `<name>_<pid>.ports` when it listens. */
  private async readPort(): Promise<number> {
    const file = (await readdir(this.dir)).find((name) => name.endsWith(`_${this.pid}.ports`));
    if (!file) return 0;
    const { nats } = JSON.parse(await readFile(join(this.dir, file), 'utf8')) as { nats: string[] };
    await unlink(join(this.dir, file));
    return Number(new URL(nats[0]).port);
  }
}

/** @see TestNats; call `stop()` when done. */
export function startNats(options: NatsOptions = {}): Promise<TestNats> {
  return TestNats.start(options);
}
