import { ApiError, UnreachableError } from '@orbitmesh/api-client';
import { CommanderError } from 'commander';
import { CliError, CODE_OF_EXIT, EXIT } from './exit-code.js';
import { printable, type Terminal } from './terminal.js';

/** In JSON mode the problem itself as the server said it, or `{code, detail}` with a code of ours that stays. */
export function tellError(error: unknown, json: boolean, terminal: Terminal): void {
  if (json) terminal.stderr.write(`${JSON.stringify(problemOf(error))}\n`);
  // What commander has to say to a person it has said.
  else if (!(error instanceof CommanderError)) terminal.stderr.write(printable(`orbitmesh: ${[messageOf(error), ...detailsOf(error)].join('\n')}\n`));
}

function problemOf(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof ApiError) return Object.keys(error.problem).length > 0 ? error.problem : { code: error.code, detail: error.message };
  if (error instanceof CliError) return { code: error.code, detail: error.message };
  if (error instanceof UnreachableError) return { code: 'UNREACHABLE', detail: error.message };
  if (error instanceof CommanderError) return { code: CODE_OF_EXIT[EXIT.usage], detail: error.code === 'commander.help' ? 'Which command? See --help.' : error.message.replace(/^error: /, '') };
  return { code: CODE_OF_EXIT[EXIT.failure], detail: messageOf(error) };
}

/** What a problem knows beside its detail, without what the detail says already. */
function detailsOf(error: unknown): string[] {
  if (!(error instanceof ApiError)) return [];
  const { errors, oldest, newest } = error.problem as { errors?: { pointer: string; detail: string }[]; oldest?: unknown; newest?: unknown };
  return [
    ...(Array.isArray(errors) ? errors.filter(({ detail }) => !error.message.endsWith(`: ${detail}`)).map((one) => `  ${one.pointer || '(the whole)'}: ${one.detail}`) : []),
    ...(error.code === 'CURSOR_GONE' ? [`  oldest: ${String(oldest)}`, `  newest: ${String(newest)}`] : []),
  ];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
