import type { ApiClient } from '@orbitmesh/api-client';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import type { Call } from './site.js';
import { table } from './terminal.js';

export async function answerApproval(context: Context, { args: [sessionId, approvalId], options }: Call<{ deny?: boolean; option?: string; reason?: string }, readonly string[]>): Promise<void> {
  if (options.deny && options.option) throw new CliError(EXIT.usage, 'Either --deny or --option.');
  const client = await context.client();
  const id = approvalId ?? await onlyOpen(client, sessionId);
  const answer = options.option === undefined ? { decision: options.deny ? 'deny' as const : 'allow' as const } : { optionId: options.option };
  const { body } = await client.answerApproval(sessionId, id, { ...answer, reason: options.reason });
  context.printer.result(body, () => `${body.id}: ${body.answer?.decision ?? body.state}`);
}

/** @throws CliError when there is none, or a choice that is not ours */
async function onlyOpen(client: ApiClient, sessionId: string): Promise<string> {
  const open = (await client.approvals(sessionId)).items.filter((approval) => approval.state === 'open');
  if (open.length === 0) {
    const { endedAt } = await client.session(sessionId);
    if (endedAt !== null) throw new CliError(EXIT.conflict, 'The session has ended: it asks for nothing.', { code: 'SESSION_ENDED' });
    throw new CliError(EXIT.notFound, 'It asks for no permission.', { hint: `What else it needs, it is told by: % session input ${sessionId} "…"` });
  }
  if (open.length > 1) throw new CliError(EXIT.usage, `Say which:\n${table(open.map((approval) => [approval.id, approval.title]))}`);
  return open[0].id;
}
