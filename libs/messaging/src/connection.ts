import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { assertId, AppError } from '@orbitmesh/domain';
import { NATS_PAYLOAD_BYTES_MIN } from '@orbitmesh/contracts';
import type { NodeConnectionOptions, ServerInfo } from '@nats-io/transport-node';
import { inboxPrefix } from './subjects.js';
import { CONNECT_TIMEOUT_MS, PING_INTERVAL_MS, PINGS_OUT_MAX, RECONNECT_JITTER_MS, RECONNECT_WAIT_MS, TELL_AFTER_ATTEMPTS, TELL_EVERY_ATTEMPTS } from './limits.js';

/** The part of a pino logger the bus uses. */
export interface BusLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Login { user: string; password: string }

export interface BusOptions {
  /** `nats://[user:password@]host:port`, several by comma; credentials are taken from the first that has some. Never logged. */
  url: string;
  /** Part of every subject: two installations on one NATS never meet. */
  installationId: string;
  /** Which service this is: the name of the connection and of its inbox. */
  name: string;
  /** Instead of the URL's. */
  login?: Login;
  log?: BusLog;
  /** Hears of each request that was answered here: its contract's name, what it came to, and how long that took. */
  onAnswered?: (request: string, result: AnswerResult, seconds: number) => void;
}

/** `refused`: by an error of the contract; `failed`: by a mistake of ours. */
export type AnswerResult = 'ok' | 'refused' | 'failed';

/**
 * The client's defaults (10 attempts, first one included; 2 minutes between pings) would end a service for good.
 * @throws CONFIG_INVALID for an URL that is none; its text is not repeated, it may hold a password.
 */
export function connectionOptions(options: BusOptions): NodeConnectionOptions {
  assertId(options.installationId, 'installationId');
  const urls = options.url.split(',').map((part) => parseUrl(part.trim()));
  const login = options.login ?? loginIn(urls);
  return {
    servers: urls.map((url) => url.host),
    name: options.name,
    inboxPrefix: inboxPrefix(options.name),
    ...(login && { user: login.user, pass: login.password }),
    ...(urls.some((url) => url.protocol === 'tls:') && { tls: tlsOptions(urls) }),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    timeout: CONNECT_TIMEOUT_MS,
    ...steadyAttempts(options.log),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
    noAsyncTraces: true,
  };
}

/**
 * The library waits between two attempts by the wall clock: set back by an hour, it would not try for that hour. So it is told
 * that there is nothing to wait for, and what it has to wait is given as the delay of the server it has chosen.
 */
function steadyAttempts(log?: BusLog): Pick<NodeConnectionOptions, 'reconnectDelayHandler' | 'reconnectToServer'> {
  let dueAt = 0;
  let attempts = 0;
  return {
    reconnectDelayHandler: () => Number.NEGATIVE_INFINITY,
    reconnectToServer: ([server]) => {
      const at = Math.max(performance.now(), dueAt);
      attempts += 1;
      if (attempts % TELL_EVERY_ATTEMPTS === TELL_AFTER_ATTEMPTS) log?.warn({ server: server.listen, attempts }, 'NATS cannot be reached; it is tried again: is its address right, and with TLS its certificate, and who signed it?');
      dueAt = at + RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS;
      return { server, delay: at - performance.now() };
    },
  };
}

/** The library names no server whose URL has an address, and Node would then ask for a certificate of `localhost`. It hands on to Node what its types do not have. */
function tlsOptions(urls: readonly URL[]): NonNullable<NodeConnectionOptions['tls']> {
  const names = urls.map(({ hostname }) => hostname.replace(/^\[|\]$/g, ''));
  const options: ConnectionOptions = { checkServerIdentity: (name, certificate) => {
    const asked = names.includes(name) ? [name] : names.filter((one) => isIP(one) !== 0);
    if (asked.length === 0) return checkServerIdentity(name, certificate);
    const refusals = asked.map((one) => checkServerIdentity(one, certificate));
    return refusals.includes(undefined) ? undefined : refusals[0];
  } };
  return options as NonNullable<NodeConnectionOptions['tls']>;
}

/** Why we will not work with this server, if so. */
export function refusalOf(info: ServerInfo | undefined): string | null {
  const max = info?.max_payload ?? 0;
  return max >= NATS_PAYLOAD_BYTES_MIN ? null : `The NATS server carries only ${max} bytes a message; OrbitMesh needs max_payload of at least ${NATS_PAYLOAD_BYTES_MIN}.`;
}

function loginIn(urls: URL[]): Login | undefined {
  const url = urls.find(({ username }) => username !== '');
  return url && { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

function parseUrl(text: string): URL {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (!parsed || !['nats:', 'tls:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new AppError('CONFIG_INVALID', 'The NATS URL must look like nats://[user:password@]host:port.');
  }
  return parsed;
}
