import { Command, CommanderError } from 'commander';
import { ApiError } from '@orbitmesh/api-client';
import { registerApprove } from './commands/approve.command.js';
import { registerAttach } from './commands/attach.command.js';
import { registerEvents } from './commands/events.command.js';
import { registerReport } from './commands/report.command.js';
import { registerSpawn } from './commands/spawn.command.js';
import { registerStatus } from './commands/status.command.js';
import { registerToken } from './commands/token.command.js';
import { contextOf, type Register, type Runner } from './context.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-code.js';
import { printable, type Terminal } from './terminal.js';

const COMMANDS: readonly Register[] = [registerStatus, registerToken, registerSpawn, registerAttach, registerEvents, registerApprove, registerReport];

/** Runs one command line and says what the process is to end with; the whole CLI, without the process. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const state: { exitCode: ExitCode } = { exitCode: EXIT.ok };
  const program = programOf(terminal, state);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return state.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (terminal.signal.aborted) return EXIT.ok;
    tell(error, program.opts<{ json?: boolean }>().json === true, terminal);
    return exitCodeOf(error);
  }
}

function programOf(terminal: Terminal, state: { exitCode: ExitCode }): Command {
  const program = new Command('orbitmesh').description('OrbitMesh runs coding agents for you.')
    .option('--json', 'answers for programs: JSON, one document a line')
    .helpOption('-h, --help', 'what there is')
    .addHelpText('after', '\nExit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 refused.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: (text) => terminal.stderr.write(text) });
  const run: Runner = (action) => async (...args) => {
    const context = contextOf(terminal, program.opts<{ json?: boolean }>().json === true);
    await action(context, ...args);
    state.exitCode = context.exitCode;
  };
  for (const register of COMMANDS) register(program, run);
  // `orbitmesh status --json` reads as well as `orbitmesh --json status`.
  for (const command of program.commands) {
    command.option('--json', 'answers for programs').on('option:json', () => program.setOptionValue('json', true)).copyInheritedSettings(program);
  }
  return program;
}

/** In JSON mode the problem itself, as the server said it. */
function tell(error: unknown, json: boolean, terminal: Terminal): void {
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const problem = error instanceof ApiError && Object.keys(error.problem).length > 0 ? error.problem : { code: error instanceof ApiError ? error.code : (error as Error).name, detail: message };
    terminal.stderr.write(`${JSON.stringify(problem)}\n`);
    return;
  }
  terminal.stderr.write(`orbitmesh: ${printable(message)}\n`);
  const errors = error instanceof ApiError ? error.problem['errors'] : undefined;
  if (Array.isArray(errors)) for (const one of errors as { pointer: string; detail: string }[]) terminal.stderr.write(printable(`  ${one.pointer || '(the whole)'}: ${one.detail}\n`));
}
