import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { loadInstallation } from '@orbitmesh/service-kit';
import { eventually } from '../eventually.js';
import { startNats, type TestNats } from '../nats.js';
import { processesNaming } from '../processes.js';
import { ScriptedSession } from './scripted-session.js';

/** A home, a nats-server, a scripted session-service and the real runner as a process of its own. */
export class RunnerWorld {
  private runner: ChildProcess | undefined;
  private said = '';
  private runs = 0;
  /** Tests of several packages run side by side, and a run's id is what its processes are found by. */
  private readonly unique = randomUUID().slice(0, 8);

  private constructor(
    private readonly main: string,
    readonly nats: TestNats,
    readonly home: string,
    readonly workingDir: string,
    readonly session: ScriptedSession,
  ) {}

  /** @param main the runner's compiled main module */
  static async create(main: string): Promise<RunnerWorld> {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'om-runner-')));
    const workingDir = join(base, 'work');
    mkdirSync(workingDir);
    const home = join(base, 'home');
    const nats = await startNats();
    const { installationId } = await loadInstallation(home);
    return new RunnerWorld(main, nats, home, workingDir, await ScriptedSession.start(nats.url, installationId));
  }

  /** Another world beside this one, in a copy of its home as it is now. */
  async copied(): Promise<RunnerWorld> {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'om-runner-')));
    execFileSync('cp', ['-a', this.home, base]);
    const home = join(base, 'home');
    const nats = await startNats();
    const { installationId } = await loadInstallation(home);
    return new RunnerWorld(this.main, nats, home, this.workingDir, await ScriptedSession.start(nats.url, installationId));
  }

  /** Replaces providers.json. */
  providers(entries: Record<string, ProviderEntry>): void {
    writeFileSync(join(this.home, 'providers.json'), JSON.stringify(entries));
  }

  /** A `process` provider that runs this shell script. */
  script(name: string, script: string, more: Partial<ProviderEntry> = {}): void {
    this.providers({ [name]: { driver: 'process', command: ['/bin/sh', '-c', script], ...more } });
  }

  async startRunner(env: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, [this.main], {
      env: { PATH: process.env.PATH, HOME: this.home, ORBITMESH_HOME: this.home, ORBITMESH_NATS_URL: this.nats.url, ORBITMESH_USER_UMASK: '022', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.runner = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => { this.said = (this.said + chunk.toString()).slice(-1_000_000); });
    const ready = once(child, 'message');
    const [message] = await Promise.race([ready, once(child, 'exit').then(() => { throw new Error(`the runner ended:\n${this.said}`); })]) as [{ type: string }];
    if (message.type !== 'ready') throw new Error(`the runner is not ready:\n${this.said}`);
  }

  get runnerPid(): number {
    return this.runner!.pid!;
  }

  get log(): string {
    return this.said;
  }

  /** SIGKILL, now or at some moment that is not anything's end or beginning. */
  async killRunner({ afterMs = 0 } = {}): Promise<void> {
    await delay(afterMs);
    const gone = once(this.runner!, 'exit');
    this.runner!.kill('SIGKILL');
    await gone;
  }

  /** @returns its exit code */
  async stopRunner(message?: { keepAgents: boolean }): Promise<number | null> {
    if (!this.runner || this.runner.exitCode !== null || this.runner.signalCode !== null) return this.runner?.exitCode ?? null;
    const gone = once(this.runner, 'exit');
    if (message) this.runner.send({ type: 'shutdown', ...message });
    else this.runner.kill('SIGTERM');
    const [code] = (await gone) as [number | null];
    return code;
  }

  request(providerType: string, change: { manifest?: Partial<Manifest>; request?: Partial<StartRun> } = {}): StartRun {
    this.runs += 1;
    const sessionId = `sess_${this.unique}_${this.runs}`;
    const manifest: Manifest = {
      manifestVersion: '1.0', sessionId, projectId: 'proj_1', mode: 'task', systemPrompt: '', prompt: 'the prompt', tasks: [], teamMember: null,
      provider: { type: providerType, model: null, permissionMode: 'ask', mcpServers: [], custom: {} }, workingDir: this.workingDir,
      environment: {}, secrets: {}, parent: null, initialDirective: null, ...change.manifest,
    };
    return {
      sessionId, runId: `run_${this.unique}_${this.runs}`, epoch: 1, ttlMs: 10_000, manifest, manifestHash: 'hash', token: `oma_${sessionId}_1_tokentoken`,
      apiUrl: 'http://127.0.0.1:1', roots: [this.workingDir], conversationId: sessionId, ...change.request,
    };
  }

  /** Sends a start and answers with it. */
  async start(providerType: string, change: Parameters<RunnerWorld['request']>[1] = {}): Promise<StartRun> {
    const request = this.request(providerType, change);
    await this.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0' });
    return request;
  }

  dirOf(runId: string): string {
    return join(this.home, 'provider-runner', 'slot-0', 'runs', runId);
  }

  async ended(runId: string, timeoutMs = 20_000) {
    return eventually(() => this.session.ended(runId), { what: `the end of ${runId}\n${this.said.slice(-3_000)}\n`, timeoutMs });
  }

  /** Living processes of a run, by its marker. */
  async left(runId: string): Promise<number[]> {
    return (await processesNaming(`ORBITMESH_RUN_ID=${runId}\0`)).map(({ pid }) => pid);
  }

  readFile(...path: string[]): string {
    return readFileSync(join(...path), 'utf8');
  }

  /** Ends everything, and says what had been left behind. */
  async close(): Promise<void> {
    await this.stopRunner();
    const left = await processesNaming(this.home);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    await this.session.bus.drain();
    await this.nats.stop();
    rmSync(join(this.home, '..'), { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
  }
}
