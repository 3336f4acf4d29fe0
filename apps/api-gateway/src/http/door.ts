import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { validationError, WS_BEARER_PREFIX } from '@orbitmesh/contracts';
import { GatewayConfig } from '../gateway.config.js';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
/** Listening on these is listening on every address; none of them is a name of ours. */
const ANY_ADDRESS = ['0.0.0.0', '::', ''];
/** What a browser says of a page that is not ours (Fetch Metadata): another site, or another port or name of the same. */
const OTHER_SITES: readonly unknown[] = ['cross-site', 'same-site'];
const HTTP_PORT = 80;
/** absolute-form (RFC 9112 §3.2.2), which proxies are sent and servers have to take. */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)/i;

/** What the door reads of a request; `originalUrl` is the target as it came, where something has rewritten it. */
export type Caller = Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'> & { originalUrl?: string };

/** Which addresses and pages may talk to us at all (design §6): the defence against DNS rebinding and foreign web pages. */
@Injectable()
export class Door {
  /** By which we are called with the port that a connection came in on. */
  private readonly ownNames: readonly string[];
  private readonly hosts: ReadonlySet<string>;
  private readonly origins: ReadonlySet<string>;

  constructor(@Inject(GatewayConfig) config: GatewayConfig) {
    this.ownNames = ANY_ADDRESS.includes(config.host) ? LOOPBACK : [...LOOPBACK, nameOf(config.host)];
    this.hosts = new Set(config.allowedHosts.map((host) => host.toLowerCase()));
    this.origins = new Set(config.allowedOrigins);
  }

  /**
   * @param port the one the connection really came in on
   * @throws VALIDATION_FAILED unless there is one Host; HOST_NOT_ALLOWED, ORIGIN_NOT_ALLOWED
   */
  check({ headers, rawHeaders, url, originalUrl }: Caller, port: number): void {
    // Of two Hosts Node shows only the first, and whatever stands before us may have gone by the other (RFC 9112 §3.2).
    if (countOf('host', rawHeaders) !== 1) throw validationError([{ pointer: '/host', detail: 'must be there, once' }], 'header');
    if (!this.allowsHost(headers.host, port)) throw new AppError('HOST_NOT_ALLOWED');
    const target = ABSOLUTE_FORM.exec(originalUrl ?? url ?? '');
    if (target && !this.allowsHost(target[1], port)) throw new AppError('HOST_NOT_ALLOWED');
    const { origin } = headers;
    // An image, a script or a link of a page elsewhere has no Origin; that it is elsewhere the browser says all the same.
    const isForeign = origin === undefined ? OTHER_SITES.includes(headers['sec-fetch-site']) : !this.isOwn(origin, port) && !this.origins.has(origin);
    if (isForeign) throw new AppError('ORIGIN_NOT_ALLOWED');
  }

  /** A page elsewhere that may read our answers. */
  isForeign(origin: string | undefined): origin is string {
    return origin !== undefined && this.origins.has(origin);
  }

  private isOwn(origin: string, port: number): boolean {
    const suffix = port === HTTP_PORT ? '' : `:${port}`;
    return this.ownNames.some((name) => origin === `http://${name}${suffix}`);
  }

  private allowsHost(header: string | undefined, port: number): boolean {
    const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/.exec(header?.toLowerCase() ?? '');
    if (!match) return false;
    const name = match[1];
    const given = match[2] === undefined ? HTTP_PORT : Number(match[2]);
    if (this.ownNames.includes(name) && given === port) return true;
    return this.hosts.has(name) || this.hosts.has(match[0]);
  }
}

/** The target as routes know it: without the scheme and the authority of an absolute one. */
export function originForm(url = '/'): string {
  const path = url.replace(ABSOLUTE_FORM, '');
  return path === url || path.startsWith('/') ? path : `/${path}`;
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((value, index) => index % 2 === 0 && value.toLowerCase() === name).length;
}

/** As it stands in a Host header. */
function nameOf(host: string): string {
  return (isIPv6(host) ? `[${host}]` : host).toLowerCase();
}

/** RFC 6750 §2.1; null when there is none. */
export function bearerOf(headers: IncomingHttpHeaders): string | null {
  const match = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '');
  return match ? match[1] : null;
}

/** A browser's way to send a token with an upgrade, which cannot carry a header: as an offered subprotocol. Never in the URL, which is logged. */
export function bearerOfProtocols(headers: IncomingHttpHeaders): string | null {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const bearer = offered.find((name) => name.startsWith(WS_BEARER_PREFIX));
  return bearer === undefined ? null : bearer.slice(WS_BEARER_PREFIX.length);
}
