import { ApiClient } from '@orbitmesh/api-client';
import { connectionOf } from './connection.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import { restartAwaited } from './launcher.js';
import { Printer } from './printer.js';
import type { Terminal } from './terminal.js';

/** What a command works with. */
export interface Context {
  terminal: Terminal;
  printer: Printer;
  /** Connects when first asked for. @throws CliError */
  client(): Promise<ApiClient>;
  /** What the process ends with, when it is not 0 and not an error. */
  exitCode: ExitCode;
}

export function contextOf(terminal: Terminal, json: boolean): Context {
  let client: Promise<ApiClient> | undefined;
  const printer = new Printer(terminal, json);
  const expectedBack = restartAwaited(terminal, printer);
  return {
    terminal,
    printer,
    client: () => client ??= connectionOf(terminal.env).then((connection) => new ApiClient({ ...connection, expectedBack, signal: terminal.signal })),
    exitCode: EXIT.ok,
  };
}

/** The session that was named, else the one we are in. @throws CliError */
export function sessionOf({ terminal }: Context, given: string | undefined): string {
  const id = given ?? terminal.env['ORBITMESH_SESSION_ID'];
  if (!id) throw new CliError(EXIT.usage, 'Which session? Outside of one, name it.');
  return id;
}

/** The project that was named, else the one of the session we are in, if there is one. */
export function projectOf({ terminal }: Context, given: string | undefined): string | undefined {
  return given ?? (terminal.env['ORBITMESH_PROJECT_ID'] || undefined);
}

/** As `projectOf`, for what cannot be without one. @throws CliError */
export function projectNeeded(context: Context, given: string | undefined): string {
  const id = projectOf(context, given);
  if (!id) throw new CliError(EXIT.usage, 'Which project? Name it with --project.');
  return id;
}

/** The task that was named, else the only one of the session we are in. @throws CliError */
export function taskNeeded({ terminal }: Context, given: string | undefined): string {
  const ours = (terminal.env['ORBITMESH_TASK_IDS'] ?? '').split(',').filter(Boolean);
  if (given === undefined && ours.length !== 1) throw new CliError(EXIT.usage, `Which task? Name it with --task${ours.length > 1 ? `: ${ours.join(', ')}` : '.'}`);
  return given ?? ours[0];
}
