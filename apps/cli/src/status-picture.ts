import type { Readiness, RunnerView } from '@orbitmesh/contracts';
import type { StackFile } from './connection.js';

type Services = NonNullable<StackFile['services']>;

/** What was seen at one moment, from all who know a part of it. */
export interface Seen {
  /** Of the gateway, asked now; null: it did not answer. */
  readiness: Readiness | null;
  /** Connected or not, as session-service knows them; null: it could not be asked. */
  runners: readonly RunnerView[] | null;
  /** The launcher's word of its own processes; null of a stack elsewhere. */
  services: Services | null;
  isAlive(known: { pid: number | null; startTime: string | null }): boolean;
}

export interface Picture {
  ready: boolean;
  checks: Readiness['checks'];
  services: Services | null;
  /** What is missing, in words. */
  missing: string[];
  /** What those that serve say nevertheless: that files were damaged, for example. */
  notices: string[];
}

const NOTHING: Readiness['checks'] = { gateway: false, sessionService: false, runners: 0, notifier: false };
/** It does its work, whether it is to take more of it or not. */
const TAKES_ORDERS: ReadonlySet<RunnerView['state']> = new Set(['connected', 'draining', 'drained']);
const RUNNER = /^provider-runner\/(.+)$/;

/**
 * One picture, in which nothing contradicts anything else: a process serves when its launcher, the process itself and those who
 * need it all say so. A launcher alone knows only that it was started, and said once that it serves.
 */
export function pictureOf(seen: Seen): Picture {
  const services = seen.services && Object.fromEntries(Object.entries(seen.services).map(([name, one]) => [name, { ...one, state: stateOf(name, one, seen) }]));
  const missing = missingOf(seen, services ?? {});
  return { ready: seen.readiness?.ready === true && missing.length === 0, checks: seen.readiness?.checks ?? NOTHING, services, missing, notices: noticesOf(seen.readiness) };
}

const SERVES = new Set(['ready', 'started', 'external']);
const SAYS: Readonly<Record<string, string>> = {
  silent: 'does not answer', gone: 'is gone', waiting: 'died and is started again', not_ready: 'cannot serve at the moment', frozen: 'is suspended',
};

function stateOf(name: string, one: Services[string], { readiness, runners, isAlive }: Seen): string {
  if (one.state !== 'ready') return one.state;
  if (one.pid !== null && !isAlive(one)) return 'gone';
  if (name === 'api-gateway') return readiness === null ? 'silent' : readiness.checks.gateway ? 'ready' : 'not_ready';
  if (readiness === null) return 'started';
  if (name === 'session-service') return readiness.checks.sessionService ? 'ready' : readiness.problems?.sessionService === undefined ? 'silent' : 'not_ready';
  if (name === 'notifier') return readiness.checks.notifier ? 'ready' : readiness.problems?.notifier === undefined ? 'silent' : 'not_ready';
  const id = RUNNER.exec(name)?.[1];
  if (id === undefined) return readiness.checks.gateway ? 'ready' : 'started';
  if (runners === null) return 'started';
  const runner = runners.find((known) => known.id === id);
  return runner && TAKES_ORDERS.has(runner.state) ? 'ready' : runner?.state === 'impaired' ? 'not_ready' : 'silent';
}

/** What a process explains is told by it; the notifier is missed by nobody who wants to work. */
function missingOf(seen: Seen, services: Services): string[] {
  const { readiness } = seen;
  const down = Object.entries(services).filter(([, { state }]) => !SERVES.has(state));
  const isDown = (name: string) => down.some(([known]) => known === name);
  const needed = connected(seen, isDown) > 0 ? down.filter(([name]) => !RUNNER.test(name)) : down;
  const { gateway, sessionService } = readiness?.checks ?? NOTHING;
  return [
    ...needed.filter(([name]) => name !== 'notifier').map(([name, { state }]) => (name === 'session-service' && state === 'not_ready' ? says(readiness) : `${name} ${SAYS[state] ?? `is ${state}`}`)),
    ...(readiness === null ? (isDown('api-gateway') ? [] : ['the gateway does not answer']) : [
      ...(gateway || isDown('api-gateway') || isDown('nats') ? [] : ['the gateway is stopping or without NATS']),
      ...(sessionService || isDown('session-service') || !gateway ? [] : [says(readiness)]),
      ...(connected(seen, isDown) > 0 || down.some(([name]) => RUNNER.test(name)) || !sessionService ? [] : ['no runner is connected']),
    ]),
  ];
}

/** What services say although they serve. */
export function noticesOf(readiness: Readiness | null): string[] {
  const { checks = NOTHING, problems = {} } = readiness ?? {};
  return [
    ...(checks.sessionService && problems.sessionService !== undefined ? [`session-service says: ${problems.sessionService}`] : []),
    ...(problems.notifier !== undefined ? [`notifier says: ${problems.notifier}`] : []),
  ];
}

/** A runner that just died is believed to be connected for a moment. */
function connected({ readiness, runners }: Seen, isDown: (service: string) => boolean): number {
  const believed = (runners ?? []).filter(({ id, state }) => state === 'connected' && isDown(`provider-runner/${id}`));
  return (readiness?.checks.runners ?? 0) - believed.length;
}

function says(readiness: Readiness | null): string {
  const problem = readiness?.problems?.sessionService;
  return problem === undefined ? 'session-service does not answer' : `session-service says: ${problem}`;
}
