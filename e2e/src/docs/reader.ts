import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@orbitmesh/testing';

/** `proj_…` in a page: the id of that kind that was seen last. */
const PLACEHOLDER = /\b([a-z]{2,4})_…/g;
const ID = /\b([a-z]{2,4})_[0-9A-HJKMNP-TV-Z]{26}\b/g;
/** `# → proj_…` behind a command: it shows such an id. */
const SHOWS = /\s#\s*→\s.*?\b([a-z]{2,4})_…/;
const FUNCTION = /^\w+\(\) *\{/;
/** One command on a busy machine. */
const COMMAND_MS_MAX = 60_000;

export interface ReaderOptions {
  /** Where commands run. */
  directory: string;
  env: Record<string, string>;
  /** Of what a page says of the reader's machine, what it is here. */
  substitutes: Readonly<Record<string, string>>;
  /** Commands that stay: go on once they have said this. With `interrupt` they stay for ever, else until what they watch has ended. */
  staying: readonly { command: RegExp; says: RegExp; interrupt?: boolean }[];
}

interface Running { command: string; child: ChildProcess; output: () => string; end: Promise<number | null>; interrupt?: boolean }

/** Does what a page says, line by line, as somebody would who reads it: puts the ids in that earlier lines have shown. */
export class Reader {
  private readonly ids = new Map<string, string>();
  private readonly functions: string[] = [];
  private readonly staying: Running[] = [];

  constructor(private readonly options: ReaderOptions) {}

  /** @throws for a line that fails, shows a problem, or does not show the id it says it does */
  async follow(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      if (FUNCTION.test(line)) this.functions.push(this.substituted(line));
      else await this.obey(line);
    }
  }

  /** What stays ends by itself, when what it watches has ended, or by Ctrl-C. */
  async leave(): Promise<void> {
    for (const { command, child, output, end, interrupt } of this.staying.splice(0)) {
      if (interrupt) process.kill(-child.pid!, 'SIGINT');
      const code = await end;
      // Null: by the signal itself, before it could take it.
      if (code !== 0 && !(interrupt && (code === null || code === 130))) throw new Error(`${command}\nended with ${code}:\n${output()}`);
    }
  }

  private async obey(line: string): Promise<void> {
    const command = this.substituted(line);
    const running = this.run(command);
    const stays = this.options.staying.find((one) => one.command.test(command));
    if (stays) {
      this.staying.push({ ...running, interrupt: stays.interrupt });
      await eventually(() => stays.says.test(running.output()), { what: `${command} to say ${stays.says}: ${running.output()}`, timeoutMs: COMMAND_MS_MAX });
    } else if (await running.end !== 0) {
      throw new Error(`${command}\nended with ${await running.end}:\n${running.output()}`);
    }
    if (running.output().includes('urn:orbitmesh:problem:')) throw new Error(`${command}\nwas refused:\n${running.output()}`);
    this.remember(line, running.output());
  }

  private remember(line: string, output: string): void {
    for (const [id, kind] of output.matchAll(ID)) this.ids.set(kind, id);
    const promised = SHOWS.exec(line)?.[1];
    if (promised && ![...output.matchAll(ID)].some(([, kind]) => kind === promised)) throw new Error(`${line}\nshowed no ${promised}_…:\n${output}`);
  }

  private substituted(line: string): string {
    const replaced = Object.entries(this.options.substitutes).reduce((text, [said, here]) => text.replaceAll(said, here), line.replace(/\s+#\s.*$/, ''));
    return replaced.replace(PLACEHOLDER, (_whole, kind: string) => {
      const id = this.ids.get(kind);
      if (!id) throw new Error(`${line}\nnames a ${kind}_… that nothing has shown before`);
      return id;
    });
  }

  private run(command: string): Running {
    const child = spawn('/bin/sh', ['-c', [...this.functions, command].join('\n')], {
      cwd: this.options.directory, env: this.options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    });
    const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), COMMAND_MS_MAX);
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const end = once(child, 'close').then(([code]) => {
      clearTimeout(late);
      return code as number | null;
    });
    return { command, child, output: () => said.join(''), end };
  }
}
