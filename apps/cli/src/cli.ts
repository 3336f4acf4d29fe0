import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerApprove } from './commands/approve.command.js';
import { registerAttach } from './commands/attach.command.js';
import { registerControl } from './commands/control.command.js';
import { registerEvents } from './commands/events.command.js';
import { registerReport } from './commands/report.command.js';
import { registerSessions } from './commands/sessions.command.js';
import { registerSpawn } from './commands/spawn.command.js';
import { registerStatus } from './commands/status.command.js';
import { registerToken } from './commands/token.command.js';
import { contextOf, type Register, type Runner } from './context.js';
import { tellError } from './error-text.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-code.js';
import { cliNameOf, type Terminal } from './terminal.js';

const COMMANDS: readonly Register[] = [registerStatus, registerToken, registerSpawn, registerAttach, registerSessions, registerControl, registerEvents, registerApprove, registerReport];

/** Runs one command line and says what the process is to end with; the whole CLI, without the process. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const state: { exitCode: ExitCode } = { exitCode: EXIT.ok };
  const json = jsonIn(args);
  const program = programOf(terminal, state, json);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return state.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (terminal.signal.aborted) return EXIT.ok;
    tellError(error, json, terminal);
    return error instanceof CommanderError ? EXIT.usage : exitCodeOf(error);
  }
}

/** Before the line is parsed: that it cannot be is also said in JSON. */
function jsonIn(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).includes('--json');
}

function versionOf(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

function programOf(terminal: Terminal, state: { exitCode: ExitCode }, json: boolean): Command {
  const program = new Command(cliNameOf(terminal.env)).description('OrbitMesh runs coding agents for you.')
    .option('--json', 'print JSON, one document a line')
    .version(versionOf(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', '\nExit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 refused.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: (text) => { if (!json) terminal.stderr.write(text); } });
  const run: Runner = (action) => async (...args) => {
    const context = contextOf(terminal, json);
    await action(context, ...args);
    state.exitCode = context.exitCode;
  };
  for (const register of COMMANDS) register(program, run);
  // `orbitmesh status --json` reads as well as `orbitmesh --json status`.
  for (const command of program.commands) command.option('--json', 'print JSON, one document a line').copyInheritedSettings(program);
  return program;
}
