import { TIMELINE_KINDS, type TimelineKind } from '@orbitmesh/domain';
import type { Context, Register } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';

export const registerReport: Register = (program, run) => {
  program.command('report').description('for agents: say how the work goes')
    .argument('<kind>', TIMELINE_KINDS.map((kind) => kind.replaceAll('_', '-')).join(', '))
    .argument('<message>', 'in a sentence')
    .option('-t, --task <id>', 'the task it is about')
    .option('--session <id>', 'the session (default: ORBITMESH_SESSION_ID)')
    .action(run(report));
};

async function report(context: Context, given: string, message: string, options: { task?: string; session?: string }): Promise<void> {
  const kind = given.replaceAll('-', '_');
  if (!isKind(kind)) throw new CliError(EXIT.usage, `${given} is not a kind of report: ${TIMELINE_KINDS.join(', ')}`);
  const sessionId = options.session ?? context.terminal.env['ORBITMESH_SESSION_ID'];
  if (!sessionId) throw new CliError(EXIT.usage, 'Which session? Outside of one, name it with --session.');
  const { body } = await (await context.client()).postTimeline(sessionId, { kind, message, taskId: options.task });
  context.printer.result(body, () => `reported: ${kind}`);
}

function isKind(kind: string): kind is TimelineKind {
  return (TIMELINE_KINDS as readonly string[]).includes(kind);
}
