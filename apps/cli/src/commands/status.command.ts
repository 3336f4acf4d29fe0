import type { SessionView } from '@orbitmesh/domain';
import { ApiError, type ApiClient, type Readiness } from '@orbitmesh/api-client';
import type { RunnerView } from '@orbitmesh/contracts';
import { connectionOf, stackOf, type StackFile } from '../connection.js';
import type { Context } from '../context.js';
import { tableOf } from '../document-text.js';
import { EXIT } from '../exit-code.js';
import { STATUS_ROWS_MAX } from '../limits.js';
import { PAGE_ITEMS } from '../pages.js';
import { sessionTable } from '../session-text.js';
import type { Register } from '../site.js';
import { cliNameOf } from '../terminal.js';
import { runnerState } from './runner.command.js';

export const registerStatus: Register = (program) => {
  program.add({ name: 'status', about: 'show whether OrbitMesh is ready, its services, its runners and the sessions at work; exit code 5 while it is not' }, status);
};

interface Status extends Readiness {
  url: string;
  /** Of the home's own stack; null of another one. */
  services: StackFile['services'] | null;
  runners: RunnerView[];
  sessions: SessionView[];
  /** null: they cannot be asked for. */
  unreadNotifications: number | null;
}

/** Exit code 5 while it is not ready. */
async function status(context: Context): Promise<void> {
  const { printer, terminal } = context;
  const client = await context.client();
  const { url } = await connectionOf(terminal.env);
  const readiness = await client.ready().catch(notReady);
  // Without session-service the lists have nobody to answer them; one that says what is wrong with it does.
  const [runners, sessions] = readiness.checks.sessionService || readiness.problems?.sessionService !== undefined
    ? await Promise.all([client.runners(), liveSessions(client)])
    : [{ items: [] }, { items: [], more: false }];
  if (!readiness.ready) context.exitCode = EXIT.unreachable;
  const found: Status = { url, ...readiness, services: (await stackOf(terminal.env))?.services ?? null, runners: runners.items, sessions: sessions.items, unreadNotifications: await unread(client) };
  printer.result(found, () => statusText(context, found, sessions.more));
}

function statusText({ printer, terminal }: Context, { url, services, runners, sessions, unreadNotifications, ...readiness }: Status, more: boolean): string {
  const name = cliNameOf(terminal.env);
  return [
    `OrbitMesh at ${url}: ${readiness.ready ? printer.style('green', 'ready') + (readiness.checks.notifier ? '' : `, and its notifier ${saying(readiness.problems?.notifier)}`) : `${printer.style('red', 'not ready')} (${missing(readiness)})`}`,
    ...(services ? [`\n${tableOf(Object.entries(services), [['SERVICE', ([service]) => service], ['STATE', ([, one]) => one.state], ['PID', ([, one]) => one.pid], ['RESTARTS', ([, one]) => one.restarts]])}`] : []),
    ...(runners.length > 0 ? [`\n${tableOf(runners, [['RUNNER', (one) => one.id], ['STATE', runnerState], ['AGENTS', (one) => `${one.running} of ${one.capacity}`]])}`] : []),
    sessions.length > 0 ? `\n${sessionTable(sessions)}` : '\nNo session is at work.',
    ...(more ? [`… and more than ${STATUS_ROWS_MAX}`] : []),
    ...(unreadNotifications ? [`\n${unreadNotifications === PAGE_ITEMS ? `${PAGE_ITEMS} or more` : unreadNotifications} unread notification${unreadNotifications === 1 ? '' : 's'}: ${name} notification list --unread`] : []),
  ].join('\n');
}

/** What needs somebody first, then what works, and what does not yet: a session that waits is the one somebody looks for. */
async function liveSessions(client: ApiClient): Promise<{ items: SessionView[]; more: boolean }> {
  const pages = await Promise.all((['spawning', 'working'] as const).map((status) => client.sessions({ status, limit: PAGE_ITEMS })));
  const items = pages.flatMap((page) => page.items);
  const sorted = [...items.filter((one) => one.needsInput?.active), ...items.filter((one) => !one.needsInput?.active)];
  return { items: sorted.slice(0, STATUS_ROWS_MAX), more: items.length > STATUS_ROWS_MAX || pages.some((page) => page.nextCursor !== null) };
}

/** The notifier may be down while everything else works, and an agent has no inbox. */
async function unread(client: ApiClient): Promise<number | null> {
  try {
    return (await client.notifications({ unread: true, limit: PAGE_ITEMS })).items.length;
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

function notReady(error: unknown): Readiness {
  const checks = error instanceof ApiError ? error.problem['checks'] : undefined;
  if (!checks) throw error;
  const problems = (error as ApiError).problem['problems'] as Readiness['problems'];
  return { ready: false, checks: checks as Readiness['checks'], ...(problems && { problems }) };
}

function missing({ checks, problems }: Readiness): string {
  return [checks.gateway ? '' : 'the gateway is stopping or without NATS', checks.sessionService ? '' : `session-service ${saying(problems?.sessionService)}`, checks.runners > 0 ? '' : 'no runner is connected'].filter(Boolean).join(', ');
}

function saying(problem: string | undefined): string {
  return problem === undefined ? 'does not answer' : `says: ${problem}`;
}
