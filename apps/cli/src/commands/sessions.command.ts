import type { SessionView } from '@orbitmesh/domain';
import type { Context, Register } from '../context.js';
import { SESSIONS_ROWS_MAX } from '../limits.js';
import { itemsOf } from '../pages.js';
import { sessionTable } from '../session-text.js';

const PAGE = 200;

export const registerSessions: Register = (program, run) => {
  program.command('sessions').description('list the sessions that have not ended, or all of them')
    .option('-a, --all', 'with those that have ended')
    .option('-p, --project <id>', 'only of this project')
    .action(run(sessions));
};

/** In JSON mode one session a line. */
async function sessions(context: Context, { all, project: projectId }: { all?: boolean; project?: string }): Promise<void> {
  const client = await context.client();
  const found: SessionView[] = [];
  for (const status of all ? [undefined] : ['spawning', 'working'] as const) {
    for await (const session of itemsOf((cursor) => client.sessions({ projectId, status, cursor, limit: PAGE }))) {
      if (found.push(session) > SESSIONS_ROWS_MAX) break;
    }
  }
  const { printer } = context;
  const shown = found.slice(0, SESSIONS_ROWS_MAX);
  if (printer.json) for (const session of shown) printer.document(session);
  else printer.line(shown.length > 0 ? sessionTable(shown) : all ? 'No session.' : 'No session is at work. Ended ones: --all');
  if (found.length > SESSIONS_ROWS_MAX) printer.note(`… and more than ${SESSIONS_ROWS_MAX}; choose with --project`);
}
