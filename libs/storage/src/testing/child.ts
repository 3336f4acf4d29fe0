import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './test-store.js';

/** One of this library's `*.child.ts` programs in a process of its own, with the lines it has printed. */
export class Child {
  readonly lines: string[] = [];
  private rest = '';

  private constructor(private readonly process: ChildProcess) {
    process.stdout?.on('data', (chunk: Buffer) => {
      const parts = (this.rest + chunk.toString()).split('\n');
      // A line without its end was cut by the kill: the child had not finished saying it.
      this.rest = parts.pop() as string;
      this.lines.push(...parts);
    });
  }

  static start(program: string, ...args: string[]): Child {
    const path = join(dirname(fileURLToPath(import.meta.url)), '../../dist/testing', `${program}.child.js`);
    if (!existsSync(path)) throw new Error(`${path} is missing: build the library first.`);
    return new Child(spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** Waits for so many lines, or for the end of the process. */
  async printed(count: number): Promise<void> {
    await eventually(() => this.lines.length >= count || this.process.exitCode !== null);
  }

  /** kill -9; resolves when it is dead and everything it said is read. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.process.once('close', () => resolve()));
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await closed;
  }
}
