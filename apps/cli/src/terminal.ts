import type { Readable, Writable } from 'node:stream';
import { ofHome } from './home.js';

/** Where we are: all that a command may touch of the process. */
export interface Terminal {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
  /** Aborted by Ctrl-C, or when whoever read our output is gone. */
  signal: AbortSignal;
  /** What Ctrl-C does. */
  interrupt: () => void;
}

/** What this CLI is called where it runs: an agent has it in its PATH. */
export function programNameOf(env: NodeJS.ProcessEnv): string {
  return env['ORBITMESH_SESSION_ID'] ? 'orbitmesh' : env['ORBITMESH_CLI_NAME'] || 'orbitmesh';
}

/** How the commands begin that it proposes. */
export function cliNameOf(env: NodeJS.ProcessEnv): string {
  return `${env['ORBITMESH_SESSION_ID'] ? '' : ofHome(env)}${programNameOf(env)}`;
}

/** What the services say names the CLI as it is called in a PATH. */
export function asCalledHere(text: string, env: NodeJS.ProcessEnv): string {
  return text.replaceAll(/(?<![\w./-])orbitmesh(?= doctor\b)/g, () => cliNameOf(env));
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
