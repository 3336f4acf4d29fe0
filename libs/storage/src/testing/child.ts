import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './test-store.js';

/** One of this library's `*.child.ts` programs in a process of its own, with the lines it has printed. */
export class Child {
  readonly lines: string[] = [];
  private rest = '';

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (this.rest + chunk.toString()).split('\n');
      // A line without its end was cut by the kill: the child had not finished saying it.
      this.rest = parts.pop() as string;
      this.lines.push(...parts);
    });
  }

  static start(program: string, ...args: string[]): Child {
    return Child.startUnder([], program, ...args);
  }

  /** Under another command, which runs it: a tracer, a limit. It is ended with it. */
  static startUnder(under: string[], program: string, ...args: string[]): Child {
    const path = join(dirname(fileURLToPath(import.meta.url)), '../../dist/testing', `${program}.child.js`);
    if (!existsSync(path)) throw new Error(`${path} is missing: build the library first.`);
    const [command, ...rest] = [...under, process.execPath, path, ...args];
    return new Child(spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], detached: true }));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Waits for so many lines, or for the end of the process. */
  async printed(count: number): Promise<void> {
    await eventually(() => this.lines.length >= count || this.child.exitCode !== null);
  }

  /** kill -9; resolves when it is dead and everything it said is read. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // It has ended by itself, and was not heard of yet.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await closed;
  }
}
