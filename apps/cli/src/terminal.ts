import type { Readable, Writable } from 'node:stream';

/** Where we are: all that a command may touch of the process. */
export interface Terminal {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable;
  /** Aborted by Ctrl-C, or when whoever read our output is gone. */
  signal: AbortSignal;
  /** What Ctrl-C does. */
  interrupt: () => void;
}

/** What this CLI is called where it runs, for the commands it proposes: an agent has it in its PATH. */
export function cliNameOf(env: NodeJS.ProcessEnv): string {
  return env['ORBITMESH_SESSION_ID'] ? 'orbitmesh' : env['ORBITMESH_CLI_NAME'] || 'orbitmesh';
}

const CODES = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Output: JSON for programs, text for people. Colours only on a terminal that did not refuse them (no-color.org). */
export class Printer {
  private readonly colours: boolean;
  private midLine = false;

  constructor(private readonly terminal: Terminal, readonly json: boolean) {
    this.colours = terminal.stdout.isTTY === true && !terminal.env['NO_COLOR'] && terminal.env['TERM'] !== 'dumb';
  }

  /** The result, as one line of JSON or as text. */
  result(value: unknown, text: () => string): void {
    this.line(this.json ? JSON.stringify(value) : text());
  }

  /** One document a line, in JSON mode only. */
  document(value: unknown): void {
    if (this.json) this.line(JSON.stringify(value));
  }

  line(text: string): void {
    this.endLine();
    this.terminal.stdout.write(`${text}\n`);
  }

  /** What comes next begins a line. */
  endLine(): void {
    if (this.midLine) this.terminal.stdout.write('\n');
    this.midLine = false;
  }

  /** Output of an agent as it came, which need not end a line. */
  raw(text: string): void {
    if (text === '') return;
    const safe = printable(text);
    this.terminal.stdout.write(safe);
    this.midLine = !safe.endsWith('\n');
  }

  /** For people, never part of the result. */
  note(text: string): void {
    this.terminal.stderr.write(`${printable(text)}\n`);
  }

  style(style: Style, text: string): string {
    return this.colours ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  }
}

/** An agent's output must not drive the terminal: control characters (but tab and line feed) become visible ones. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are exactly what is meant
  return text.replace(/\r\n/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => (
    char.charCodeAt(0) < 0x20 ? String.fromCharCode(0x2400 + char.charCodeAt(0)) : '\ufffd'
  ));
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]))).join('  ').trimEnd()).join('\n');
}
