import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { launcherTools } from '../checkout.js';
import { runCli } from '../cli.js';
import { ScriptedApi } from './scripted-api.js';

export interface Ran { code: number; out: string; err: string }
export interface RunOptions { env?: NodeJS.ProcessEnv; typed?: string; cwd?: string; saw?: (err: string) => void; /** Both outputs, as they come. */ screen?: (text: string) => void; signal?: AbortSignal; /** By a pipe. */ stdin?: string; /** stderr is a terminal, with lines that move. */ moving?: boolean; /** Who types whenever they like. */ typist?: (type: (text: string) => void) => void; /** Ctrl-D, once this was said. */ ends?: RegExp; /** With what every proposed command of a home has that is not the default one. */ verbatim?: boolean }

/** A home whose stack is a script, and command lines in it. */
export class TestHome {
  private constructor(readonly api: ScriptedApi, readonly dir: string) {}

  static async make(): Promise<TestHome> {
    const api = await ScriptedApi.start();
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'om-cli-')));
    await mkdir(join(dir, 'run'));
    await mkdir(join(dir, 'api-gateway'));
    await writeFile(join(dir, 'run', 'stack.json'), JSON.stringify({ ready: true, url: api.url }));
    await writeFile(join(dir, 'api-gateway', 'admin.token'), 'omd_admin\n', { mode: 0o600 });
    return new TestHome(api, dir);
  }

  /** One command line in this home. */
  cli(args: string[], options: RunOptions = {}): Promise<Ran> {
    return cliIn(this.dir, args, options);
  }

  /** As if its launcher lived: this process is it, or that one. @returns what names it, in this home */
  async launched(pid = process.pid): Promise<{ pid: number; startTime: string | null; place: string }> {
    const { homeLock, startTimeOf } = await launcherTools();
    (homeLock(this.dir) as unknown as { tryAcquire(): null }).tryAcquire();
    const file = join(this.dir, 'run', 'launcher.lock.1');
    const launcher = { ...JSON.parse(await readFile(file, 'utf8')) as { place: string }, pid, startTime: startTimeOf(pid) };
    await writeFile(file, JSON.stringify(launcher));
    return launcher;
  }

  async remove(): Promise<void> {
    await this.api.stop();
    await rm(this.dir, { recursive: true });
  }
}

/** One command line in a terminal of its own; `typed` makes it one with a person before it. */
export async function cliIn(home: string, args: string[], options: RunOptions = {}): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const isTTY = options.typed !== undefined || options.typist !== undefined;
  options.typist?.((text) => stdin.write(text));
  const said = { out: '', err: '' };
  stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
    options.screen?.(chunk.toString());
  });
  const lines = options.typed?.split(/(?<=\n)/) ?? [];
  stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
    options.saw?.(said.err);
    options.screen?.(chunk.toString());
    // A person reads the question first.
    if (options.ends?.test(said.err)) stdin.end();
    else if (/\[y\/n\]/i.test(chunk.toString())) setImmediate(() => stdin.write(lines.shift() ?? ''));
  });
  if (options.stdin !== undefined) stdin.end(options.stdin);
  const abort = new AbortController();
  const code = await runCli(args, {
    env: { ORBITMESH_HOME: home, TERM: 'xterm', ...options.env }, cwd: options.cwd ?? '/work', stdin: Object.assign(stdin, { isTTY }), stdout: Object.assign(stdout, { isTTY }), stderr: Object.assign(stderr, { isTTY: options.moving === true }),
    signal: options.signal ?? abort.signal, interrupt: () => abort.abort(),
  });
  const text = (words: string): string => (options.verbatim ? words : words.replaceAll(`ORBITMESH_HOME=${home} `, ''));
  return { code, out: text(said.out), err: text(said.err) };
}
