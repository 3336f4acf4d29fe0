import { Command, CommanderError } from 'commander';
import { registerAll } from './commands/all.js';
import { contextOf } from './context.js';
import { tellError } from './error-text.js';
import { CliError, EXIT, exitCodeOf, type ExitCode } from './exit-code.js';
import { launcherOf } from './launcher.js';
import { Site, type Runner } from './site.js';
import { programNameOf, type Terminal } from './terminal.js';
import { versionOf } from './version.js';

interface Ending { exitCode: ExitCode }

/** Runs one command line and says what the process is to end with; the whole CLI, without the process. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const ending: Ending = { exitCode: EXIT.ok };
  const json = jsonIn(args);
  const program = programOf(terminal, json, ending);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return ending.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const told = terminal.signal.aborted ? new CliError(EXIT.failure, 'Interrupted.', { code: 'INTERRUPTED' }) : error;
    const launcher = exitCodeOf(told) === EXIT.unreachable ? await launcherOf(terminal.env) : null;
    tellError(told, { json, terminal, command: pathOf(commandOf(program, args)), asked: { launched: launcher !== null, args } });
    return told instanceof CommanderError ? EXIT.usage : exitCodeOf(told);
  }
}

/** Before the line is parsed: that it cannot be is also said in JSON. */
function jsonIn(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).includes('--json');
}

/** The command that a line names, as far as it names one. */
function commandOf(program: Command, args: readonly string[]): Command {
  let found = program;
  for (const word of args.filter((arg) => !arg.startsWith('-'))) {
    const next = found.commands.find((command) => command.name() === word);
    if (!next) break;
    found = next;
  }
  return found;
}

/** As one types it. */
export function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

const MORE = `
Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 refused.

With --json every line is one JSON document: on stdout the result, one document, or of a list or a stream one a line;
on stderr notes, {"note": …}, and at the end of what failed {"error": {code, message, status, detail, errors, traceId,
exitCode, hint, problem}}.

A text given as - is read from stdin. In a session (ORBITMESH_SESSION_ID) its own token, session, project and task are
the defaults. NO_COLOR and FORCE_COLOR are respected.`;

/** Every command there is. */
export function programOf(terminal: Terminal, json: boolean, ending: Ending): Command {
  const program = new Command(programNameOf(terminal.env)).description('OrbitMesh runs coding agents for you.')
    .option('--json', 'print JSON, one document a line')
    .version(versionOf(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show what a command takes')
    .addHelpText('after', MORE)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), outputError: (text, write) => { write(text.replace(/^error: /, 'orbitmesh: ')); }, writeErr: (text) => { if (!json) terminal.stderr.write(text); } });
  const run: Runner = (action) => async (...given) => {
    const context = contextOf(terminal, json);
    // Commander gives the arguments, then the options, then itself.
    const [options] = given.slice(-2);
    try {
      await action(context, { args: given.slice(0, -2) as never, options: options as never });
    } finally {
      context.printer.progress.stop();
    }
    ending.exitCode = context.exitCode;
  };
  registerAll(new Site(program, run));
  return program;
}
