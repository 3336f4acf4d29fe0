import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@orbitmesh/testing';

/** `proj_…` in a page: the id of that kind that was shown last; a second one in a line: the one before it. `in_….1742`: a cursor. */
const PLACEHOLDER = /\b([a-z]{2,4})_…(?:\.\d+)?/g;
const ID = /\b([a-z]{2,4})_(?:[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{10}-\d+\.\d+)\b/g;
/** `# → proj_…` behind a command: it shows such an id. */
const SHOWS = /\s#\s*→\s.*?\b([a-z]{2,4})_…/;
const FUNCTION = /^\w+\(\) *\{/;
/** One command on a busy machine. */
const COMMAND_MS_MAX = 60_000;
/** What has not ended by then, after the last line of its block, is left by Ctrl-C. */
const LEAVE_MS = 3_000;

export interface ReaderOptions {
  /** Where commands run. */
  directory: string;
  env: Record<string, string>;
  /** Of what a page says of the reader's machine, what it is here. */
  substitutes: Readonly<Record<string, string>>;
  /** Commands that stay, until what they watch has ended or for ever: go on once they have said this. */
  staying: readonly { command: RegExp; says: RegExp }[];
}

interface Running { command: string; child: ChildProcess; output: () => string; end: Promise<number | null> }

/** Does what a page says, line by line, as somebody would who reads it: puts the ids in that earlier lines have shown. */
export class Reader {
  /** By kind, the latest first. */
  private readonly ids = new Map<string, string[]>();
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
    for (const { command, child, output, end } of this.staying.splice(0)) {
      let interrupted = false;
      const late = setTimeout(() => {
        interrupted = true;
        process.kill(-child.pid!, 'SIGINT');
      }, LEAVE_MS);
      const code = await end;
      clearTimeout(late);
      // Null: by the signal itself.
      if (code !== 0 && !(interrupted && (code === null || code === 130))) throw new Error(`${command}\nended with ${code}:\n${output()}`);
    }
  }

  private async obey(line: string): Promise<void> {
    const command = this.substituted(line);
    const stays = this.options.staying.find((one) => one.command.test(command));
    const running = this.run(command);
    if (stays) {
      this.staying.push(running);
      await eventually(() => stays.says.test(running.output()), { what: `${command} to say ${stays.says}: ${running.output()}`, timeoutMs: COMMAND_MS_MAX });
    } else if (await ended(running) !== 0) {
      throw new Error(`${command}\nended with ${await running.end}:\n${running.output()}`);
    }
    if (running.output().includes('urn:orbitmesh:problem:')) throw new Error(`${command}\nwas refused:\n${running.output()}`);
    this.remember(line, running.output());
  }

  private remember(line: string, output: string): void {
    const shown = new Map<string, Set<string>>();
    for (const [id, kind] of output.matchAll(ID)) shown.set(kind, (shown.get(kind) ?? new Set()).add(id));
    // Of several of a kind, as in a list, nobody knows which one is meant later; of cursors it is the last.
    for (const [kind, [id, ...more]] of shown) {
      if (more.length === 0 || kind === 'in') this.ids.set(kind, [more.at(-1) ?? id, ...(this.ids.get(kind) ?? []).filter((one) => one !== id)]);
    }
    const promised = SHOWS.exec(line)?.[1];
    if (promised && !shown.has(promised)) throw new Error(`${line}\nshowed no ${promised}_…:\n${output}`);
  }

  private substituted(line: string): string {
    const replaced = Object.entries(this.options.substitutes).reduce((text, [said, here]) => text.replaceAll(said, here), line.replace(/\s+#\s.*$/, ''));
    const used = new Map<string, number>();
    return replaced.replace(PLACEHOLDER, (_whole, kind: string) => {
      const id = this.ids.get(kind)?.[used.get(kind) ?? 0];
      used.set(kind, (used.get(kind) ?? 0) + 1);
      if (!id) throw new Error(`${line}\nnames a ${kind}_… that nothing has shown before`);
      return id;
    });
  }

  private run(command: string): Running {
    // eslint-disable-next-line no-restricted-syntax -- it reads the documents as a person's shell does
    const child = spawn('bash', ['-c', [...this.functions, command].join('\n')], {
      cwd: this.options.directory, env: this.options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    return { command, child, output: () => said.join(''), end: once(child, 'close').then(([code]) => code as number | null) };
  }
}

/** Killed, with all it has started, when it takes too long. */
async function ended({ child, end }: Running): Promise<number | null> {
  const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), COMMAND_MS_MAX);
  return end.finally(() => clearTimeout(late));
}
