import { ApiError, type Readiness } from '@orbitmesh/api-client';
import { connectionOf } from '../connection.js';
import type { Context, Register } from '../context.js';
import { EXIT } from '../exit-code.js';
import { STATUS_ROWS_MAX } from '../limits.js';
import { table } from '../terminal.js';

export const registerStatus: Register = (program, run) => {
  program.command('status').description('is it ready, who runs, what is going on').action(run(status));
};

/** Exit code 5 while it is not ready. */
async function status(context: Context): Promise<void> {
  const client = await context.client();
  const { url } = await connectionOf(context.terminal.env);
  const readiness = await client.ready().catch(notReady);
  // Without session-service the lists have nobody to answer them.
  const [runners, sessions] = readiness.checks.sessionService
    ? await Promise.all([client.runners(), client.sessions({ status: 'working', limit: STATUS_ROWS_MAX })])
    : [{ items: [] }, { items: [], nextCursor: null }];
  if (!readiness.ready) context.exitCode = EXIT.unreachable;
  const { printer } = context;
  printer.result({ url, ...readiness, runners: runners.items, sessions: sessions.items }, () => [
    `OrbitMesh at ${url}: ${readiness.ready ? printer.style('green', 'ready') : printer.style('red', 'not ready')}${readiness.ready ? '' : ` (${missing(readiness)})`}`,
    ...(runners.items.length > 0 ? [`\n${table([['RUNNER', 'STATE', 'AGENTS'], ...runners.items.map((one) => [one.id, one.state, `${one.running} of ${one.capacity}`])])}`] : []),
    ...(sessions.items.length > 0 ? [`\n${table([['SESSION', 'STATE', 'ACTIVITY', 'NAME'], ...sessions.items.map((one) => [one.id, one.state, one.activity, one.name])])}`] : ['\nNo session is at work.']),
    ...(sessions.nextCursor ? [`… and more than ${STATUS_ROWS_MAX}`] : []),
  ].join('\n'));
}

function notReady(error: unknown): Readiness {
  const checks = error instanceof ApiError ? error.problem['checks'] : undefined;
  if (!checks) throw error;
  return { ready: false, checks: checks as Readiness['checks'] };
}

function missing({ checks }: Readiness): string {
  return [checks.gateway ? '' : 'the gateway is stopping or without NATS', checks.sessionService ? '' : 'session-service does not answer', checks.runners > 0 ? '' : 'no runner is connected'].filter(Boolean).join(', ');
}
