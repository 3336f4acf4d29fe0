import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ProviderEntry } from '@orbitmesh/domain';
import { acpDriver } from '../acp/acp.driver.js';
import type { Driver, DriverDefinition, RunContext } from '../driver.js';
import { JournaledDriver } from './journaled-driver.js';

/** A real agent's process on pipes, launched and driven by a real driver under the port's rules. */
export class PipedAgent {
  readonly driver: JournaledDriver;
  readonly child: ChildProcessWithoutNullStreams;
  stderr = '';
  private steps: Promise<void> = Promise.resolve();
  private written = 0;
  /** Ended, and all that it said was decoded. */
  private readonly closed: Promise<void>;

  constructor(entry: ProviderEntry, run: RunContext, env: NodeJS.ProcessEnv, definition: DriverDefinition = acpDriver) {
    const configured = { ...entry.env, ...run.manifest.environment };
    const launch = definition.launch?.({ ...run, entry, environment: { ...env, ...configured } as Record<string, string> }) ?? { command: entry.command };
    const environment = { ...env, ...launch.environment, ...configured } as Record<string, string>;
    const [program, ...args] = launch.command;
    this.driver = new JournaledDriver(definition, { ...run, environment });
    this.child = spawn(program, args, { cwd: run.workingDir, env: environment, stdio: 'pipe' });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      void this.step((driver) => driver.stderr?.({ text, start: 0, end: 0 }));
    });
    this.closed = once(this.child, 'close').then(([exitCode, signal]) => this.step((driver) => driver.exited({ exitCode: exitCode as number | null, signal: signal as string | null })));
    this.child.stdin.on('error', () => {});
    createInterface({ input: this.child.stdout }).on('line', (text) => void this.step((driver) => driver.stdout({ text, start: 0, end: 0 })));
    void this.step((driver) => driver.start());
  }

  /** One step after the other, each with its lines written to the agent. */
  step(work: (driver: Driver) => void): Promise<void> {
    this.steps = this.steps.then(async () => {
      await this.driver.step(work);
      for (; this.written < this.driver.lines.length; this.written += 1) this.child.stdin.write(`${this.driver.lines[this.written].line}\n`);
    });
    return this.steps;
  }

  /** All output of the agent's own words. */
  get output(): string {
    return this.driver.said('output').map(({ content }) => content).join('');
  }

  async exited(): Promise<{ code: number | null; signal: string | null }> {
    await this.closed;
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  /** Ends the process, if it still lives. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited();
  }
}
