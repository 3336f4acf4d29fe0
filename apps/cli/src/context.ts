import { ApiClient } from '@orbitmesh/api-client';
import type { Command } from 'commander';
import { connectionOf } from './connection.js';
import type { ExitCode } from './exit-code.js';
import { Printer, type Terminal } from './terminal.js';

/** What a command works with. */
export interface Context {
  terminal: Terminal;
  printer: Printer;
  /** Connects when first asked for. @throws CliError */
  client(): Promise<ApiClient>;
  /** What the process ends with, when it is not 0 and not an error. */
  exitCode: ExitCode;
}

export type Register = (program: Command, run: Runner) => void;
/** Gives a command its context, with `--json` as it was given anywhere on the line. */
export type Runner = <A extends unknown[]>(action: (context: Context, ...args: A) => Promise<void>) => (...args: A) => Promise<void>;

export function contextOf(terminal: Terminal, json: boolean): Context {
  let client: Promise<ApiClient> | undefined;
  return {
    terminal,
    printer: new Printer(terminal, json),
    client: () => client ??= connectionOf(terminal.env).then((connection) => new ApiClient(connection)),
    exitCode: 0,
  };
}
