import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ProviderEntry } from '@orbitmesh/domain';
import { acpDriver } from '../acp/acp.driver.js';
import type { Driver, DriverDefinition, RunContext } from '../driver.js';
import { JournaledDriver } from './journaled-driver.js';

/** A real agent's process on pipes, driven by its real driver under the port's rules. */
export class PipedAgent {
  readonly driver: JournaledDriver;
  readonly child: ChildProcessWithoutNullStreams;
  stderr = '';
  private steps: Promise<void> = Promise.resolve();
  private written = 0;

  constructor(entry: ProviderEntry, run: RunContext, env: NodeJS.ProcessEnv, definition: DriverDefinition = acpDriver) {
    const launch = definition.launch?.({ ...run, entry, environment: run.environment }) ?? { command: entry.command };
    const [program, ...args] = launch.command;
    this.driver = new JournaledDriver(definition, run);
    this.child = spawn(program, args, { cwd: run.workingDir, env: { ...env, ...launch.environment, ...entry.env, ...run.manifest.environment }, stdio: 'pipe' });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      void this.step((driver) => driver.stderr?.({ text, start: 0, end: 0 }));
    });
    this.child.on('close', (exitCode, signal) => void this.step((driver) => driver.exited({ exitCode, signal })));
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
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    await this.steps;
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  /** Ends the process, if it still lives. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited();
  }
}
