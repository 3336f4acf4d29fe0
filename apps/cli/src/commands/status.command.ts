import type { SessionView } from '@orbitmesh/domain';
import { ApiClient, ApiError, UnreachableError, type Readiness } from '@orbitmesh/api-client';
import type { RunnerView } from '@orbitmesh/contracts';
import { launcherTools } from '../checkout.js';
import { connectionOf, stackOf } from '../connection.js';
import type { Context } from '../context.js';
import { tableOf } from '../document-text.js';
import { EXIT, exitCodeOf } from '../exit-code.js';
import { launcherOf } from '../launcher.js';
import { STATUS_READY_MS_MAX, STATUS_ROWS_MAX } from '../limits.js';
import { PAGE_ITEMS } from '../pages.js';
import { sessionTable } from '../session-text.js';
import type { Register } from '../site.js';
import { pictureOf, type Picture } from '../status-picture.js';
import { asCalledHere, cliNameOf } from '../terminal.js';
import { agentsText, runnerState } from './runner.command.js';

export const registerStatus: Register = (program) => {
  program.add({ name: 'status', about: 'show whether OrbitMesh is ready, its services, its runners and the sessions at work; exit code 5 while it is not' }, status);
};

interface Status extends Omit<Picture, 'missing'> {
  url: string;
  runners: RunnerView[];
  sessions: SessionView[];
  /** null: they cannot be asked for. */
  unreadNotifications: number | null;
}

/** Exit code 5 while it is not ready. */
async function status(context: Context): Promise<void> {
  const { printer, terminal: { env, signal } } = context;
  const connection = await connectionOf(env);
  // How it is now: nothing is waited for.
  const client = new ApiClient({ ...connection, signal });
  const launcher = await launcherOf(env);
  const readiness = await client.ready(STATUS_READY_MS_MAX).catch((error: unknown) => notReady(error, launcher !== null));
  // Who says what is wrong with it answers.
  const lists = readiness?.checks.sessionService || readiness?.problems?.sessionService !== undefined ? await Promise.all([client.runners(), liveSessions(client)]).catch(unlessAway) : null;
  const services = (await stackOf(env))?.services ?? null;
  const { isAlive, isSuspended } = launcher ? await launcherTools() : { isAlive: () => true, isSuspended: () => false };
  const suspended = launcher !== null && isSuspended(launcher.pid);
  if (suspended) printer.note(`The launcher (pid ${launcher.pid}) is suspended: what dies is not started again before kill -CONT ${launcher.pid} lets it go on.`);
  const { missing, ...picture } = pictureOf({ readiness, services, runners: lists?.[0].items ?? null, isAlive });
  if (!picture.ready) context.exitCode = EXIT.unreachable;
  const found: Status = {
    url: connection.url, ...picture, runners: lists?.[0].items ?? [], sessions: lists?.[1].items ?? [],
    unreadNotifications: picture.checks.notifier ? await unread(client) : null,
  };
  printer.result(found, () => statusText(context, found, { missing, more: lists?.[1].more ?? false, asked: lists !== null, suspended }));
}

const DEAD = new Set(['gone', 'waiting']);

interface Beside { missing: readonly string[]; /** Than the sessions that are shown. */ more: boolean; /** Sessions could be asked for. */ asked: boolean; /** The launcher. */ suspended: boolean }

function statusText({ printer, terminal }: Context, found: Status, { missing, more, asked, suspended }: Beside): string {
  const { url, services, runners, sessions, unreadNotifications, checks } = found;
  const name = cliNameOf(terminal.env);
  const runnerText = (one: RunnerView): string => {
    const own = services?.[`provider-runner/${one.id}`]?.state ?? 'ready';
    return own === 'ready' || one.state !== 'connected' ? runnerState(one) : own;
  };
  const sessionsText = !asked ? 'Sessions cannot be asked for now.' : sessions.length > 0 ? sessionTable(sessions) : 'No session is at work.';
  return [
    `OrbitMesh at ${url}: ${found.ready ? printer.style('green', 'ready') + (checks.notifier ? '' : ', and its notifier does not answer') : `${printer.style('red', 'not ready')} (${missing.join(', ')})`}`,
    ...found.notices.map((notice) => asCalledHere(notice, terminal.env)),
    ...(services ? [`\n${tableOf(Object.entries(services), [['SERVICE', ([service]) => service], ['STATE', ([, one]) => one.state], ['PID', ([, one]) => one.pid], ['RESTARTS', ([, one]) => one.restarts]])}`] : []),
    ...(runners.length > 0 ? [`\n${tableOf(runners, [['RUNNER', (one) => one.id], ['STATE', runnerText], ['AGENTS', agentsText]])}`] : []),
    `\n${sessionsText}`,
    ...(more ? [`… and more than ${STATUS_ROWS_MAX}`] : []),
    ...(unreadNotifications ? [`\n${unreadNotifications === PAGE_ITEMS ? `${PAGE_ITEMS} or more` : unreadNotifications} unread notification${unreadNotifications === 1 ? '' : 's'}: ${name} notification list --unread`] : []),
    ...(services && !suspended && Object.values(services).some(({ state }) => DEAD.has(state)) ? ['\nWhat died is started again by itself; run/logs/ in the home says why it died.'] : []),
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
    if (error instanceof ApiError || error instanceof UnreachableError) return null;
    throw error;
  }
}

/** What checks there are; null: nobody answers, of a stack that runs. @throws what is of no use here */
function notReady(error: unknown, launched: boolean): Readiness | null {
  const checks = error instanceof ApiError ? error.problem['checks'] : undefined;
  const problems = error instanceof ApiError ? error.problem['problems'] as Readiness['problems'] : undefined;
  if (checks) return { ready: false, checks: checks as Readiness['checks'], ...(problems && { problems }) };
  if (launched && exitCodeOf(error) === EXIT.unreachable) return null;
  throw error;
}

/** It went away between two questions. */
function unlessAway(error: unknown): null {
  if (exitCodeOf(error) === EXIT.unreachable) return null;
  throw error;
}
