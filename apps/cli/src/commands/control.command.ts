import type { SessionView } from '@orbitmesh/domain';
import type { Context, Register } from '../context.js';
import { isOver } from '../session-text.js';

/** What its user says to a session that is there: the intent is recorded, the rest follows (design §1.4). */
export const registerControl: Register = (program, run) => {
  const end = (action: 'stop' | 'kill', description: string) => program.command(action).description(description).argument('<session>', 'its id').option('--reason <text>', 'why, for its history')
    .action(run(async (context: Context, sessionId: string, { reason }: { reason?: string }) => {
      tell(context, (await (await context.client()).act(sessionId, action, reason)).body);
    }));
  end('stop', 'end a session in good order: its agent is asked first, then made to');
  end('kill', 'end a session at once, with everything its agent started');
  program.command('input').description('say something to the agent of a session').argument('<session>', 'its id').argument('<text>', 'what to say').action(run(async (context: Context, sessionId: string, text: string) => {
    const { body } = await (await context.client()).input(sessionId, text);
    context.printer.result(body, () => `${body.id}: ${body.state}, told`);
  }));
};

function tell({ printer }: Context, session: SessionView): void {
  printer.result(session, () => `${session.id}: ${isOver(session.state) ? `${session.state} (${session.outcome?.code ?? session.status})` : `${session.state}, to be ${session.desired.state}`}`);
}
