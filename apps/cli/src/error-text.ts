import { ApiError, UnreachableError } from '@orbitmesh/api-client';
import { CommanderError } from 'commander';
import { CliError, CODE_OF_EXIT, EXIT, exitCodeOf, type ExitCode, type FieldError } from './exit-code.js';
import { hintOf, type Asked } from './hints.js';
import { asCalledHere, printable, type Terminal } from './terminal.js';

/** What `--json` says of a failure, as `{"error": …}` on one line of stderr; every field is always there. */
export interface ErrorDocument {
  /** Of the server, or one of ours; it stays. */
  code: string;
  /** For a person. */
  message: string;
  /** Of HTTP; null when no server spoke. */
  status: number | null;
  /** What the server said of this very failure. */
  detail: string | null;
  /** What is wrong with which field of the request. */
  errors: readonly FieldError[];
  traceId: string | null;
  exitCode: ExitCode;
  /** What to do next. */
  hint: string | null;
  /** All that the server said, with what this kind of failure has more. */
  problem: Readonly<Record<string, unknown>> | null;
}

interface Said { json: boolean; terminal: Terminal; /** As it was called, as far as it was understood. */ command: string | null; asked?: Asked }

export function tellError(error: unknown, { json, terminal, command, asked }: Said): void {
  const said = errorDocument(error, terminal.env, command, asked);
  if (json) {
    terminal.stderr.write(`${JSON.stringify({ error: said })}\n`);
    return;
  }
  const lines = [...detailsOf(said), ...(said.hint === null ? [] : [`→ ${said.hint}`])].map((line) => `  ${line}`);
  // What commander has to say to a person it has said.
  const message = error instanceof CommanderError ? [] : [`orbitmesh: ${asCalledHere(said.message, terminal.env)}`];
  terminal.stderr.write(printable(`${[...message, ...lines].join('\n')}\n`));
}

/** All that is known of a failure. */
export function errorDocument(error: unknown, env: NodeJS.ProcessEnv, command: string | null, asked?: Asked): ErrorDocument {
  const problem = error instanceof ApiError ? error.problem : null;
  const text = (name: string) => (typeof problem?.[name] === 'string' ? problem[name] : null);
  return {
    code: codeOf(error),
    message: messageOf(error),
    status: error instanceof ApiError ? error.status : null,
    detail: text('detail'),
    errors: error instanceof CliError ? error.errors : Array.isArray(problem?.['errors']) ? problem['errors'] as FieldError[] : [],
    traceId: text('traceId'),
    exitCode: error instanceof CommanderError ? EXIT.usage : exitCodeOf(error),
    hint: hintOf(error, env, command, asked),
    problem,
  };
}

function codeOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof CliError) return error.code;
  if (error instanceof UnreachableError) return 'UNREACHABLE';
  return CODE_OF_EXIT[error instanceof CommanderError ? EXIT.usage : EXIT.failure];
}

/** What a problem knows beside its message, without what that says already. */
function detailsOf({ code, message, errors, problem }: ErrorDocument): string[] {
  return [
    ...errors.filter(({ detail }) => !message.endsWith(`: ${detail}`)).map((one) => `${one.pointer || '(the whole)'}: ${one.detail}`),
    ...(code === 'CURSOR_GONE' ? [`oldest: ${String(problem?.['oldest'])}`, `newest: ${String(problem?.['newest'])}`] : []),
  ];
}

function messageOf(error: unknown): string {
  if (error instanceof CommanderError) return error.code === 'commander.help' ? 'Which command?' : error.message.replace(/^error: /, '');
  return error instanceof Error ? error.message : String(error);
}
