import type { Approval } from '@orbitmesh/domain';
import type { Context, Register } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { table } from '../terminal.js';

export const registerApprove: Register = (program, run) => {
  program.command('approve').description('allow what a session asks for, or deny it').argument('<session>', 'its id').argument('[approval]', 'which question (default: the only open one)')
    .option('--deny', 'say no (default: yes)')
    .option('--option <id>', 'choose one of the options it offers instead')
    .option('--reason <text>', 'why, for its history')
    .action(run(approve));
};

async function approve(context: Context, sessionId: string, approvalId: string | undefined, options: { deny?: boolean; option?: string; reason?: string }): Promise<void> {
  if (options.deny && options.option) throw new CliError(EXIT.usage, 'Either --deny or --option.');
  const client = await context.client();
  const id = approvalId ?? onlyOpen((await client.approvals(sessionId)).items);
  const answer = options.option === undefined ? { decision: options.deny ? 'deny' as const : 'allow' as const } : { optionId: options.option };
  const { body } = await client.answerApproval(sessionId, id, { ...answer, reason: options.reason });
  context.printer.result(body, () => `${body.id}: ${body.answer?.decision ?? body.state}`);
}

/** @throws CliError when there is none, or a choice that is not ours */
function onlyOpen(approvals: readonly Approval[]): string {
  const open = approvals.filter((approval) => approval.state === 'open');
  if (open.length === 0) throw new CliError(EXIT.notFound, 'It asks for nothing.');
  if (open.length > 1) throw new CliError(EXIT.usage, `Say which:\n${table(open.map((approval) => [approval.id, approval.title]))}`);
  return open[0].id;
}
