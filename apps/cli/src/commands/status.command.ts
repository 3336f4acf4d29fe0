import type { SessionView } from '@orbitmesh/domain';
import { ApiError, type ApiClient, type Readiness } from '@orbitmesh/api-client';
import { connectionOf } from '../connection.js';
import type { Context, Register } from '../context.js';
import { EXIT } from '../exit-code.js';
import { STATUS_ROWS_MAX } from '../limits.js';
import { sessionTable } from '../session-text.js';
import { table } from '../terminal.js';

export const registerStatus: Register = (program, run) => {
  program.command('status').description('show whether OrbitMesh is ready, its runners and the sessions at work; exit code 5 while it is not').action(run(status));
};

/** Exit code 5 while it is not ready. */
async function status(context: Context): Promise<void> {
  const client = await context.client();
  const { url } = await connectionOf(context.terminal.env);
  const readiness = await client.ready().catch(notReady);
  // Without session-service the lists have nobody to answer them.
  const [runners, sessions] = readiness.checks.sessionService
    ? await Promise.all([client.runners(), liveSessions(client)])
    : [{ items: [] }, { items: [], more: false }];
  if (!readiness.ready) context.exitCode = EXIT.unreachable;
  const { printer } = context;
  printer.result({ url, ...readiness, runners: runners.items, sessions: sessions.items }, () => [
    `OrbitMesh at ${url}: ${readiness.ready ? printer.style('green', 'ready') : printer.style('red', 'not ready')}${readiness.ready ? '' : ` (${missing(readiness)})`}`,
    ...(runners.items.length > 0 ? [`\n${table([['RUNNER', 'STATE', 'AGENTS'], ...runners.items.map((one) => [one.id, one.state, `${one.running} of ${one.capacity}`])])}`] : []),
    ...(sessions.items.length > 0 ? [`\n${sessionTable(sessions.items)}`] : ['\nNo session is at work.']),
    ...(sessions.more ? [`… and more than ${STATUS_ROWS_MAX}`] : []),
  ].join('\n'));
}

/** What works, and what does not yet: a session that waits is the one somebody looks for. */
async function liveSessions(client: ApiClient): Promise<{ items: SessionView[]; more: boolean }> {
  const pages = await Promise.all((['spawning', 'working'] as const).map((status) => client.sessions({ status, limit: STATUS_ROWS_MAX })));
  const items = pages.flatMap((page) => page.items);
  return { items: items.slice(0, STATUS_ROWS_MAX), more: items.length > STATUS_ROWS_MAX || pages.some((page) => page.nextCursor !== null) };
}

function notReady(error: unknown): Readiness {
  const checks = error instanceof ApiError ? error.problem['checks'] : undefined;
  if (!checks) throw error;
  return { ready: false, checks: checks as Readiness['checks'] };
}

function missing({ checks }: Readiness): string {
  return [checks.gateway ? '' : 'the gateway is stopping or without NATS', checks.sessionService ? '' : 'session-service does not answer', checks.runners > 0 ? '' : 'no runner is connected'].filter(Boolean).join(', ');
}
